#include "answers.h"

#include <gateway/hash.h>

#include <stdlib.h>

struct entry {
	uint64_t hash;
	uint32_t type;
	char name[GW_DOMAIN_MAX + 1];
	bool is_known;
	struct gw_dns_answer answer;
	char *text; /* its records, one behind the other */
};

#define SLOTS 8192 /* twice as many as there may be entries, so the way to a free one is short */

struct answers {
	struct entry *entries[ANSWERS_MOST];
	uint16_t slots[SLOTS]; /* by hash: the place of an entry, from 1 */
	size_t count, handed_out, open;
	uint32_t ttl;
	bool is_cut;
};

struct answers *answers_create(void)
{
	struct answers *answers = calloc(1, sizeof *answers);

	if (answers)
		answers->ttl = INT32_MAX;
	return answers;
}

void answers_destroy(struct answers *answers)
{
	size_t i;

	if (!answers)
		return;
	for (i = 0; i < answers->count; i++) {
		free(answers->entries[i]->text);
		free((void *)answers->entries[i]->answer.records.items);
		free(answers->entries[i]);
	}
	free(answers);
}

static uint64_t hash_of(uint32_t type, struct gw_str name)
{
	return gw_str_hash(name) * 31 + type;
}

/* Where the entry is, or would be. */
static uint16_t *slot_of(struct answers *answers, uint64_t hash, uint32_t type, struct gw_str name)
{
	size_t i = hash % SLOTS;

	for (; answers->slots[i]; i = (i + 1) % SLOTS) {
		const struct entry *entry = answers->entries[answers->slots[i] - 1];

		if (entry->hash == hash && entry->type == type &&
		    gw_str_eq(gw_str(entry->name), name))
			break;
	}
	return &answers->slots[i];
}

static void add(struct answers *answers, uint32_t type, struct gw_str name)
{
	struct entry *entry = answers->count < ANSWERS_MOST ? calloc(1, sizeof *entry) : NULL;

	answers->is_cut = answers->is_cut || answers->count == ANSWERS_MOST;
	if (!entry)
		return;
	entry->hash = hash_of(type, name);
	entry->type = type;
	memcpy(entry->name, name.ptr, name.len);
	answers->entries[answers->count++] = entry;
	*slot_of(answers, entry->hash, type, name) = (uint16_t)answers->count;
	answers->open++;
}

bool answers_are_cut(const struct answers *answers)
{
	return answers->is_cut;
}

/* What can be no name is not there. */
static const struct gw_dns_answer *no_name(void)
{
	static const struct gw_dns_answer answer = { .size = sizeof answer,
						     .status = GW_DNS_NO_NAME,
						     .ttl = INT32_MAX,
						     .error = GW_STR("") };
	return &answer;
}

const struct gw_dns_answer *answers_get(struct answers *answers, uint32_t type, struct gw_str name)
{
	char lower[GW_DOMAIN_MAX + 1];
	uint16_t place;
	size_t i;

	if (name.len == 0 || name.len > GW_DOMAIN_MAX || gw_str_has_nul(name))
		return no_name();
	for (i = 0; i < name.len; i++)
		lower[i] = name.ptr[i] >= 'A' && name.ptr[i] <= 'Z' ? (char)(name.ptr[i] + 32)
								    : name.ptr[i];
	name = gw_str_n(lower, name.len);
	place = *slot_of(answers, hash_of(type, name), type, name);
	if (place)
		return answers->entries[place - 1]->is_known ? &answers->entries[place - 1]->answer
							     : NULL;
	add(answers, type, name);
	return NULL;
}

size_t answers_take_questions(struct answers *answers, struct gw_dns_question *out, size_t most,
			      size_t *first)
{
	size_t count = 0;

	*first = answers->handed_out;
	while (answers->handed_out < answers->count && count < most) {
		const struct entry *entry = answers->entries[answers->handed_out++];

		out[count++] = (struct gw_dns_question){ .size = sizeof *out,
							 .type = entry->type,
							 .name = gw_str(entry->name) };
	}
	return count;
}

static bool copy_records(struct entry *entry, const struct gw_dns_answer *answer)
{
	struct gw_str *items = calloc(answer->records.count + 1, sizeof *items);
	size_t size = answer->error.len + 1, i;
	char *at;

	for (i = 0; i < answer->records.count; i++)
		size += answer->records.items[i].len + 1;
	entry->text = at = calloc(1, size);
	if (!items || !at) {
		free(items);
		return false;
	}
	for (i = 0; i < answer->records.count; i++) {
		memcpy(at, answer->records.items[i].ptr, answer->records.items[i].len);
		items[i] = gw_str_n(at, answer->records.items[i].len);
		at += items[i].len + 1;
	}
	memcpy(at, answer->error.ptr, answer->error.len);
	entry->answer = *answer;
	entry->answer.error = gw_str_n(at, answer->error.len);
	entry->answer.records = (struct gw_list){ items, answer->records.count };
	return true;
}

void answers_put(struct answers *answers, size_t nth, const struct gw_dns_answer *answer)
{
	struct entry *entry = nth < answers->count ? answers->entries[nth] : NULL;

	if (!entry || entry->is_known)
		return;
	entry->is_known = true;
	answers->open--;
	if (!copy_records(entry, answer))
		entry->answer = (struct gw_dns_answer){ .size = sizeof entry->answer,
							.status = GW_DNS_FAILED,
							.error = gw_str("out of memory") };
	if (entry->answer.status != GW_DNS_FAILED && entry->answer.ttl < answers->ttl)
		answers->ttl = entry->answer.ttl;
}

size_t answers_open(const struct answers *answers)
{
	return answers->open;
}

void answers_give_up(struct answers *answers)
{
	const struct gw_dns_answer none = { .size = sizeof none,
					    .status = GW_DNS_FAILED,
					    .error = gw_str("no answer in time") };
	size_t i;

	for (i = 0; i < answers->count; i++)
		answers_put(answers, i, &none);
}

uint32_t answers_ttl(const struct answers *answers)
{
	return answers->ttl;
}
