#include "asked.h"

#include <stdio.h>
#include <stdlib.h>

#define DAY_MS INT64_C(86400000)

#define LIMIT_MOST 1000

enum kind { TEXT, SINCE, UNTIL, NUMBER, PLACE };

static const char *const kinds[] = { [SINCE] = "a day is 2026-11-05",
				     [UNTIL] = "a day is 2026-11-05",
				     [NUMBER] = "it is a number from 1 to 1000",
				     [PLACE] = "it is the number of a mail, as 2026-11/5" };

static const struct {
	const char *word;
	enum kind kind;
	size_t offset;
} words_known[] = {
	{ "--sender", TEXT, offsetof(struct query, sender) },
	{ "--recipient", TEXT, offsetof(struct query, recipient) },
	{ "--person", TEXT, offsetof(struct query, person) },
	{ "--subject", TEXT, offsetof(struct query, subject) },
	{ "--words", TEXT, offsetof(struct query, words) },
	{ "--attachment", TEXT, offsetof(struct query, attachment) },
	{ "--message-id", TEXT, offsetof(struct query, message_id) },
	{ "--client", TEXT, offsetof(struct query, client) },
	{ "--type", TEXT, offsetof(struct query, type) },
	{ "--relay", TEXT, offsetof(struct query, relay) },
	{ "--id", TEXT, offsetof(struct query, id) },
	{ "--before", PLACE, offsetof(struct query, before) },
	{ "--since", SINCE, offsetof(struct query, since) },
	{ "--until", UNTIL, offsetof(struct query, until) },
	{ "--limit", NUMBER, offsetof(struct query, limit) },
};

int64_t asked_time(const char *text, bool end)
{
	char *whole = strlen(text) == 10 ? g_strdup_printf("%sT00:00:00Z", text) : g_strdup(text);
	GTimeZone *utc = g_time_zone_new_utc();
	GDateTime *time = g_date_time_new_from_iso8601(whole, utc);
	int64_t ms = time ? g_date_time_to_unix(time) * 1000 : -1;

	if (time)
		g_date_time_unref(time);
	g_time_zone_unref(utc);
	g_free(whole);
	return ms >= 0 && end && strlen(text) == 10 ? ms + DAY_MS : ms;
}

static bool are_digits(const char *text)
{
	return *text && strspn(text, "0123456789") == strlen(text);
}

/* -1: it is none, or too many. */
static int64_t number_of(const char *text)
{
	int64_t number = are_digits(text) && strlen(text) < 10 ? atoll(text) : -1;

	return number <= LIMIT_MOST ? number : -1;
}

/* "2026-11/5": the month of the index, and the place in it. */
static bool is_place(const char *text)
{
	char month[8];

	snprintf(month, sizeof month, "%s", text);
	return strlen(text) > 8 && strlen(text) < 28 && month[4] == '-' && text[7] == '/' &&
	       strspn(month, "0123456789") == 4 && are_digits(month + 5) && are_digits(text + 8);
}

static bool take(struct query *query, size_t nth, const char *value)
{
	void *member = (char *)query + words_known[nth].offset;
	int64_t number;

	if (words_known[nth].kind == TEXT || words_known[nth].kind == PLACE) {
		*(const char **)member = value;
		return words_known[nth].kind == TEXT || is_place(value);
	}
	number = words_known[nth].kind == NUMBER
			 ? number_of(value)
			 : asked_time(value, words_known[nth].kind == UNTIL);
	*(int64_t *)member = number;
	return number > 0;
}

/* Fits "<m1@crm.example>" too. */
static void take_brackets(struct query *query)
{
	size_t len = query->message_id ? strlen(query->message_id) : 0;

	if (len < 2 || len > sizeof query->bare || query->message_id[0] != '<')
		return;
	snprintf(query->bare, sizeof query->bare, "%.*s", (int)(len - 2), query->message_id + 1);
	query->message_id = query->bare;
}

bool asked_read(struct query *query, struct gw_list words, char *why, size_t size)
{
	size_t count = sizeof words_known / sizeof words_known[0], i, nth;

	for (i = 0; i < words.count; i += 2) {
		for (nth = 0; nth < count; nth++)
			if (gw_str_eq(words.items[i], gw_str(words_known[nth].word)))
				break;
		if (nth == count || i + 1 == words.count) {
			snprintf(
				why, size,
				"\"%.*s\" is nothing to search by, or has nothing behind it: say --sender, --recipient, --words, --since, ... and a value",
				(int)(words.items[i].len < 60 ? words.items[i].len : 60),
				words.items[i].ptr);
			return false;
		}
		if (!take(query, nth, words.items[i + 1].ptr)) {
			snprintf(why, size, "\"%.60s\" is no value of %s: %s",
				 words.items[i + 1].ptr, words_known[nth].word,
				 kinds[words_known[nth].kind]);
			return false;
		}
	}
	take_brackets(query);
	return true;
}

bool asked_again(struct query *query, const GPtrArray *words, char *why, size_t size)
{
	struct gw_str *items = g_new(struct gw_str, words->len);
	bool good;
	guint i;

	for (i = 0; i < words->len; i++)
		items[i] = gw_str(words->pdata[i]);
	good = asked_read(query, (struct gw_list){ items, words->len }, why, size);
	g_free(items);
	return good;
}
