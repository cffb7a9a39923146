#include "names.h"

#include "file.h"

#include <gateway/domain.h>

#include <glib.h>

#define KEY_MOST 600
#define FILE_MOST (64 * 1024 * 1024)

struct names {
	GHashTable *set; /* "ann@example.com", "example.com", "*.example.com", in A-labels */
	bool all;
};

struct names *names_create(void)
{
	struct names *names = g_new0(struct names, 1);

	names->set = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	return names;
}

void names_destroy(struct names *names)
{
	if (!names)
		return;
	g_hash_table_destroy(names->set);
	g_free(names);
}

bool names_empty(const struct names *names)
{
	return !names->all && g_hash_table_size(names->set) == 0;
}

/* "local@" and the domain in A-labels, in small letters; false: it is none. */
static bool make_key(const struct gw_call *call, struct gw_str local, struct gw_str domain,
		     char key[KEY_MOST])
{
	char ascii[GW_DOMAIN_MAX + 1];
	int len = (int)local.len;

	if (local.len > 255 || gw_str_has_nul(local) || gw->domain_ascii(call, domain, ascii) < 0)
		return false;
	g_snprintf(key, KEY_MOST, "%.*s%s", len, local.ptr, ascii);
	for (char *at = key; *at; at++)
		*at = g_ascii_tolower(*at);
	return true;
}

static size_t last_at(struct gw_str address)
{
	size_t at = address.len;

	while (at && address.ptr[at - 1] != '@')
		at--;
	return at;
}

bool names_add(const struct gw_call *call, struct names *names, struct gw_str word)
{
	size_t local = last_at(word);
	char key[KEY_MOST];

	if (gw_str_eq(word, gw_str("*"))) {
		names->all = true;
		return true;
	}
	if (local == 1)
		word = gw_str_from(word, 1);
	if (local <= 1)
		local = word.len > 2 && memcmp(word.ptr, "*.", 2) == 0 ? 2 : 0;
	if (!make_key(call, gw_str_n(word.ptr, local), gw_str_from(word, local), key))
		return false;
	g_hash_table_add(names->set, g_strdup(key));
	return true;
}

/* --- files --- */

static bool add_lines(const struct gw_call *call, struct names *names, const char *path,
		      struct gw_str text, char *why, size_t size)
{
	size_t line = 1;

	for (; text.len; line++) {
		size_t len = gw_str_find(text, '\n');
		struct gw_str word = gw_str_n(text.ptr, len);

		word = gw_str_trim(gw_str_n(word.ptr, gw_str_find(word, '#')));
		text = gw_str_from(text, len + 1);
		if (word.len == 0 || names_add(call, names, word))
			continue;
		g_snprintf(why, size, "%s:%zu: \"%.*s\" is no address and no domain", path, line,
			   (int)MIN(word.len, 60), word.ptr);
		return false;
	}
	return true;
}

/* An empty file is not "any": nobody is in it. */
bool names_add_file(const struct gw_call *call, struct names *names, const char *path, char *why,
		    size_t size)
{
	size_t len;
	char *text = file_read(path, FILE_MOST, &len, why, size);
	bool good = text && add_lines(call, names, path, gw_str_n(text, len), why, size);

	g_free(text);
	if (!good || !names_empty(names))
		return good;
	g_snprintf(why, size, "%s: nobody is in it", path);
	return false;
}

/* --- asking --- */

static bool has_domain(const struct names *names, const char *domain)
{
	char key[KEY_MOST];
	const char *dot;

	if (g_hash_table_contains(names->set, domain))
		return true;
	for (dot = strchr(domain, '.'); dot; dot = strchr(dot + 1, '.')) {
		g_snprintf(key, sizeof key, "*%s", dot);
		if (g_hash_table_contains(names->set, key))
			return true;
	}
	return false;
}

bool names_have(const struct gw_call *call, const struct names *names, struct gw_str address)
{
	size_t local = last_at(address);
	char key[KEY_MOST];

	if (names->all)
		return true;
	if (!local ||
	    !make_key(call, gw_str_n(address.ptr, local), gw_str_from(address, local), key))
		return false;
	return g_hash_table_contains(names->set, key) ||
	       has_domain(names, strchr(key, '@') ? strrchr(key, '@') + 1 : key);
}
