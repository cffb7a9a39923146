#include "pace.h"

/* So many messages wait for their turn at most. */
#define ALL ((size_t)1 << 30)

struct gw_str key_name(const struct gw_relay *relay, char out[KEY_MAX])
{
	snprintf(out, KEY_MAX, "pace/%.*s", GW_STR_ARGS(gw->relay_fact(relay, GW_RELAY_NAME)));
	return gw_str(out);
}

const char *pace_text(const struct throttle *throttle, char out[PACE_MAX])
{
	int len = snprintf(out, PACE_MAX, "slowed to %lld connection%s",
			   (long long)throttle->connections, throttle->connections == 1 ? "" : "s");

	if (throttle->interval)
		snprintf(out + len, PACE_MAX - (size_t)len, ", one message each %lld s",
			 (long long)throttle->interval / 1000);
	return out;
}

static int64_t configured(const struct gw_relay *relay)
{
	return gw->relay_number(relay, GW_RELAY_CONNECTIONS);
}

void pace_apply(struct gw_call *call, const struct gw_relay *relay, struct book *book)
{
	if (book->trial || throttle_is_slow(&book->throttle))
		gw->relay_connections(call, relay, book->trial ? 1 : book->throttle.connections);
}

void pace_slow(struct gw_call *call, const struct gw_relay *relay, struct book *book, int64_t began)
{
	char text[PACE_MAX];

	if (!throttle_slow(&book->throttle, configured(relay), began, gw->now(call)))
		return;
	pace_apply(call, relay, book);
	gw->count(call, "throttled", 1);
	gw->log(call, GW_LOG_WARNING, "relay %s is %s", book->name,
		pace_text(&book->throttle, text));
}

static void tell_faster(struct gw_call *call, const struct book *book)
{
	char text[PACE_MAX];

	gw->log(call, GW_LOG_INFO, "relay %s is %s", book->name,
		throttle_is_slow(&book->throttle) ? pace_text(&book->throttle, text)
						  : "as fast as configured again");
}

void pace_recover(struct gw_call *call, const struct gw_relay *relay, struct book *book)
{
	int64_t now = gw->now(call);
	char key[KEY_MAX];
	size_t count;
	bool faster;

	book_lock(book);
	faster = throttle_recover(&book->throttle, configured(relay), now);
	count = !throttle_due(&book->throttle, now) ? 0
		: book->throttle.interval           ? 1
		: faster                            ? ALL
						    : 0;
	if (faster) {
		gw->relay_connections(call, relay, book->trial ? 1 : book->throttle.connections);
		tell_faster(call, book);
	}
	book_unlock(book);
	if (count)
		gw->notify(call, key_name(relay, key), count);
}

void pace_reset(struct gw_call *call, const struct gw_relay *relay, struct book *book)
{
	char key[KEY_MAX];
	bool slow;

	book_lock(book);
	slow = throttle_is_slow(&book->throttle) || book->trial;
	book->trial = false;
	book->throttle = (struct throttle){ .slowed = book->throttle.slowed };
	book_unlock(book);
	if (!slow)
		return;
	gw->relay_connections(call, relay, 0);
	gw->notify(call, key_name(relay, key), ALL);
}
