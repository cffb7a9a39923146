#include "posting.h"

#include <stdio.h>
#include <stdlib.h>

#define PREFIX "posted/"
#define OLD ((int64_t)100 * 24 * 3600 * 1000) /* ms: no queue keeps mail for so long */

/* --- one recipient --- */

static const char *key_of(struct gw_delivery *delivery, const struct gw_rcpt *rcpt, char *out,
			  size_t size)
{
	struct gw_message *message = gw->delivery_message(delivery);

	snprintf(out, size, PREFIX "%.*s/%lld",
		 GW_STR_ARGS(gw->message_fact(message, GW_MESSAGE_ID)),
		 (long long)gw->rcpt_number(rcpt, GW_RCPT_INDEX));
	return out;
}

/* "made 0 UUID 1767225600000 acs" */
static bool read_posting(const char *text, struct posting *posting, int64_t *at)
{
	char state[8];
	long long when;

	*posting = (struct posting){ .state = POSTING_NONE };
	if (sscanf(text, "%7s %u %36s %lld %255[^\n]", state, &posting->generation, posting->id,
		   &when, posting->relay) != 5)
		return false;
	posting->state = strcmp(state, "made") == 0 ? POSTING_MADE : POSTING_OVER;
	*at = when;
	return true;
}

struct posting posting_of(struct gw_call *call, struct gw_delivery *delivery,
			  const struct gw_rcpt *rcpt)
{
	struct posting posting = { .state = POSTING_NONE };
	char key[100], text[400];
	long len = gw->record_get(call, gw_str(key_of(delivery, rcpt, key, sizeof key)), text,
				  sizeof text - 1);
	int64_t at;

	if (len <= 0 || (size_t)len >= sizeof text)
		return posting;
	text[len] = '\0';
	if (!read_posting(text, &posting, &at))
		return (struct posting){ .state = POSTING_NONE };
	return posting;
}

/* --- those of a delivery --- */

/* What is not at Azure goes together, whatever was before. */
static bool is_same(const struct posting *a, const struct posting *b)
{
	if (a->state != POSTING_MADE || b->state != POSTING_MADE)
		return a->state != POSTING_MADE && b->state != POSTING_MADE;
	return strcmp(a->id, b->id) == 0 && strcmp(a->relay, b->relay) == 0;
}

bool posting_of_all(struct gw_call *call, struct gw_delivery *delivery, struct posting *posting)
{
	struct gw_rcpt *rcpt;
	size_t nth;

	*posting = posting_of(call, delivery, gw->delivery_rcpt(delivery, 0));
	for (nth = 1; (rcpt = gw->delivery_rcpt(delivery, nth)) != NULL; nth++) {
		struct posting other = posting_of(call, delivery, rcpt);

		if (!is_same(posting, &other))
			return false;
		if (other.state > posting->state || other.generation > posting->generation)
			*posting = other;
	}
	return true;
}

static int note(struct gw_call *call, struct gw_delivery *delivery, const struct posting *posting,
		void *waits)
{
	int64_t last = gw->delivery_number(delivery, GW_DELIVERY_RCPTS) - 1, nth;
	char key[100], text[400];

	snprintf(text, sizeof text, "%s %u %s %lld %.*s",
		 posting->state == POSTING_MADE ? "made" : "over", posting->generation, posting->id,
		 (long long)gw->now(call),
		 GW_STR_ARGS(gw->delivery_fact(delivery, GW_DELIVERY_RELAY)));
	for (nth = 0; nth <= last; nth++) {
		struct gw_rcpt *rcpt = gw->delivery_rcpt(delivery, (size_t)nth);
		struct gw_str name = gw_str(key_of(delivery, rcpt, key, sizeof key));
		int put = waits && nth == last ? gw->record_keep(call, name, gw_str(text), waits)
					       : gw->record_put(call, name, gw_str(text));

		if (put != 0)
			return -1;
	}
	return 0;
}

int posting_note(struct gw_call *call, struct gw_delivery *delivery, const struct posting *posting)
{
	return note(call, delivery, posting, NULL);
}

int posting_keep(struct gw_call *call, struct gw_delivery *delivery, const struct posting *posting,
		 void *arg)
{
	return note(call, delivery, posting, arg);
}

void posting_forget(struct gw_call *call, struct gw_delivery *delivery)
{
	struct gw_rcpt *rcpt;
	char key[100];
	size_t nth;

	for (nth = 0; (rcpt = gw->delivery_rcpt(delivery, nth)) != NULL; nth++)
		gw->record_drop(call, gw_str(key_of(delivery, rcpt, key, sizeof key)));
}

int posting_part(struct gw_call *call, struct gw_delivery *delivery)
{
	size_t all = (size_t)gw->delivery_number(delivery, GW_DELIVERY_RCPTS), kept = 0, nth;
	struct posting first = posting_of(call, delivery, gw->delivery_rcpt(delivery, 0));
	bool *keep = calloc(all + 1, sizeof *keep);
	struct gw_rcpt *rcpt;
	int parted = 0;

	if (!keep)
		return -1;
	for (nth = 0; nth < all && (rcpt = gw->delivery_rcpt(delivery, nth)) != NULL; nth++) {
		struct posting posting = posting_of(call, delivery, rcpt);

		keep[nth] = is_same(&first, &posting);
		kept += keep[nth];
	}
	if (kept < all)
		parted = gw->split_by(call, delivery, keep);
	free(keep);
	return parted;
}

/* --- those that nobody asks for --- */

static int sweep(void *arg, struct gw_str key, struct gw_str value)
{
	struct gw_call *call = arg;
	struct posting posting;
	char text[400];
	int64_t at = 0;

	snprintf(text, sizeof text, "%.*s", GW_STR_ARGS(value));
	if (!read_posting(text, &posting, &at) || at < gw->now(call) - OLD)
		gw->record_drop(call, key);
	return 0;
}

void postings_sweep(struct gw_call *call)
{
	gw->record_each(call, gw_str(PREFIX), sweep, call);
}
