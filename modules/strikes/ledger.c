/* ledger.c - counters of the day, and one record each for the last mail and the last refusal of a
 * client. */
#include "ledger.h"

#include <gateway/hash.h>

#include <stdio.h>
#include <stdlib.h>

#define KEY_MAX 256 /* what a name in the store may have, and a NUL */
#define NAME_MOST 200

#define CUT_NAME (NAME_MOST + 17)

/* A long name is cut, and stays another one than those that begin like it. One that was cut, as the
 * list has it, is its own key. */
static struct gw_str key_of(char room[KEY_MAX], const char *what, struct gw_str client)
{
	if (client.len <= NAME_MOST || (client.len == CUT_NAME && client.ptr[NAME_MOST] == '~'))
		snprintf(room, KEY_MAX, "%s.%.*s", what, GW_STR_ARGS(client));
	else
		snprintf(room, KEY_MAX, "%s.%.*s~%016llx", what, NAME_MOST, client.ptr,
			 (unsigned long long)gw_str_hash(client));
	return gw_str(room);
}

int64_t ledger_day(struct gw_call *call)
{
	const struct config *config = gw->conf(call);
	struct gw_day day = { .size = sizeof day };

	return gw->day(call, config->timezone, gw->now(call), &day) == 0 ? day.number : 0;
}

static void put_seen(struct gw_call *call, struct gw_str client, int64_t time)
{
	char room[KEY_MAX], text[24];

	snprintf(text, sizeof text, "%lld", (long long)time);
	gw->record_put(call, key_of(room, "seen", client), gw_str(text));
}

void ledger_message(struct gw_call *call, struct gw_str client)
{
	char room[KEY_MAX];

	gw->counter_add(call, key_of(room, "messages", client), ledger_day(call), 1, -1);
	put_seen(call, client, gw->now(call));
}

static long get(struct gw_call *call, const char *what, struct gw_str client, char *text,
		size_t size)
{
	char room[KEY_MAX];
	long len = gw->record_get(call, key_of(room, what, client), text, size - 1);

	text[len < 0 ? 0 : (size_t)len < size ? (size_t)len : size - 1] = '\0';
	return len;
}

void refusal_write(const struct refusal *refusal, char *text, size_t size)
{
	snprintf(text, size, "%lld %d %s %s", (long long)refusal->time, refusal->code,
		 refusal->stage, refusal->words);
}

int64_t ledger_refusal(struct gw_call *call, struct gw_str client, const struct refusal *refusal)
{
	char room[KEY_MAX], text[STAGE_MAX + WORDS_MAX + 40];

	refusal_write(refusal, text, sizeof text);
	gw->record_put(call, key_of(room, "refused", client), gw_str(text));
	if (get(call, "seen", client, text, sizeof text) < 0)
		put_seen(call, client, 0); /* whoever was only ever refused is in the list too */
	return gw->counter_add(call, key_of(room, "refused", client), ledger_day(call), 1, -1);
}

void refusal_read(const char *text, struct refusal *refusal)
{
	long long time = 0;
	int words = 0;

	if (sscanf(text, "%lld %d %15s %n", &time, &refusal->code, refusal->stage, &words) < 3)
		return;
	refusal->time = time;
	snprintf(refusal->words, sizeof refusal->words, "%s", text + words);
}

void ledger_read(struct gw_call *call, struct gw_str client, struct account *account)
{
	char room[KEY_MAX], text[STAGE_MAX + WORDS_MAX + 40];

	*account = (struct account){ .seen = 0 };
	account->messages = gw->counter_get(call, key_of(room, "messages", client),
					    ledger_day(call));
	account->refused = gw->counter_get(call, key_of(room, "refused", client), ledger_day(call));
	if (get(call, "seen", client, text, sizeof text) > 0)
		account->seen = strtoll(text, NULL, 10);
	if (get(call, "refused", client, text, sizeof text) > 0)
		refusal_read(text, &account->last);
}

bool ledger_knows(struct gw_call *call, struct gw_str client)
{
	char text[24];

	return get(call, "seen", client, text, sizeof text) >= 0;
}

struct walk {
	void (*each)(void *arg, struct gw_str client);
	void *arg;
};

static int step(void *arg, struct gw_str key, struct gw_str value)
{
	const struct walk *walk = arg;

	walk->each(walk->arg, gw_str_from(key, strlen("seen.")));
	return 0;
}

int ledger_each(struct gw_call *call, void (*each)(void *arg, struct gw_str client), void *arg)
{
	struct walk walk = { each, arg };

	return gw->record_each(call, gw_str("seen."), step, &walk);
}
