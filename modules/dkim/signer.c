#include "signer.h"

#include <stdio.h>
#include <stdlib.h>

static int by_domain(const void *left, const void *right)
{
	const struct key *a = left, *b = right;
	int order = strcmp(a->domain, b->domain);

	if (order)
		return order;
	return a->order < b->order ? -1 : a->order > b->order;
}

static size_t run_length(const struct signer *signer, size_t first)
{
	size_t last = first + 1;

	while (last < signer->key_count &&
	       strcmp(signer->keys[last].domain, signer->keys[first].domain) == 0)
		last++;
	return last - first;
}

static const struct key *same_selector(const struct key *keys, size_t count)
{
	size_t i, j;

	for (i = 0; i < count; i++)
		for (j = i + 1; j < count; j++)
			if (strcasecmp(keys[i].selector, keys[j].selector) == 0)
				return &keys[i];
	return NULL;
}

const char *signer_order(struct signer *signer, char fault[400])
{
	size_t first, count;

	qsort(signer->keys, signer->key_count, sizeof *signer->keys, by_domain);
	for (first = 0; first < signer->key_count; first += count) {
		const struct key *key = &signer->keys[first], *twice;

		count = run_length(signer, first);
		twice = same_selector(key, count);
		if (count > KEYS_A_DOMAIN)
			snprintf(fault, 400, "%s has %zu keys; %d signatures are the most",
				 key->domain, count, KEYS_A_DOMAIN);
		else if (twice)
			snprintf(fault, 400, "%s has the selector %s twice", twice->domain,
				 twice->selector);
		else
			continue;
		return fault;
	}
	return NULL;
}

void signer_destroy(struct signer *signer)
{
	size_t i;

	if (!signer)
		return;
	for (i = 0; i < signer->key_count; i++)
		key_finish(&signer->keys[i]);
	free(signer->keys);
	sign_lib_close(signer->lib);
	free(signer);
}

static int compare_domain(struct gw_str domain, const char *key)
{
	size_t i;

	for (i = 0; i < domain.len; i++) {
		unsigned char c = (unsigned char)domain.ptr[i];

		if (c >= 'A' && c <= 'Z')
			c = (unsigned char)(c + 32);
		if (c != (unsigned char)key[i])
			return c < (unsigned char)key[i] ? -1 : 1;
	}
	return key[i] ? -1 : 0;
}

static size_t lower_bound(const struct signer *signer, struct gw_str domain)
{
	size_t low = 0, high = signer->key_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_domain(domain, signer->keys[middle].domain) > 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static size_t keys_of(const struct signer *signer, struct gw_str domain, const struct key **keys)
{
	size_t first = lower_bound(signer, domain);

	if (first == signer->key_count || compare_domain(domain, signer->keys[first].domain) != 0)
		return 0;
	*keys = &signer->keys[first];
	return run_length(signer, first);
}

size_t signer_keys(const struct signer *signer, struct gw_str domain, const struct key **keys)
{
	size_t count = keys_of(signer, domain, keys), dot;

	while (count == 0 && (dot = gw_str_find(domain, '.')) < domain.len) {
		domain = gw_str_from(domain, dot + 1);
		count = keys_of(signer, domain, keys);
		if (count && !(*keys)->subdomains)
			count = 0;
	}
	return count;
}

static bool is_field_name(struct gw_str name)
{
	size_t i;

	for (i = 0; i < name.len; i++)
		if (name.ptr[i] <= ' ' || name.ptr[i] >= 127 || name.ptr[i] == ':' ||
		    name.ptr[i] == ';')
			return false;
	return name.len > 0 && name.len < 200;
}

int signer_name(const struct signer *signer, struct gw_str name)
{
	size_t i;

	for (i = 0; i < signer->name_count; i++)
		if (gw_str_ieq(signer->names[i].name, name))
			return (int)i;
	return -1;
}

bool signer_add_name(struct signer *signer, struct gw_str name, bool over)
{
	int at = signer_name(signer, name);

	if (at < 0) {
		if (!is_field_name(name) || gw_str_ieq(name, gw_str("DKIM-Signature")) ||
		    signer->name_count == NAMES_MAX)
			return false;
		at = (int)signer->name_count++;
		signer->names[at].name = name;
	}
	signer->names[at].over |= over;
	return true;
}

/* A line of h= ends after a colon. */
static void mention(struct text *out, struct gw_str name, size_t *column)
{
	if (out->len)
		text_add(out, ":", 1);
	if (*column + name.len > 70) {
		text_print(out, "\r\n\t ");
		*column = 0;
	}
	text_add(out, name.ptr, name.len);
	*column += name.len + 1;
}

void signer_names(const struct signer *signer, const unsigned *counts, struct text *out)
{
	size_t i, column = 0;

	for (i = 0; i < signer->name_count; i++) {
		unsigned times = counts[i] < MENTIONS_MAX ? counts[i] : MENTIONS_MAX;

		for (times += signer->names[i].over; times; times--)
			mention(out, signer->names[i].name, &column);
	}
}
