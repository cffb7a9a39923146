/* failover.c - what a failed attempt means for the mail and for the relay: whether the next relay
 * is asked, and when a relay is left alone for a while. README.md tells it with examples. */
#include "failover.h"

#include "book.h"
#include "closing.h"
#include "pace.h"
#include "reply.h"
#include "result.h"
#include "show.h"
#include "warning.h"

/* A time at which mail at a key is looked at again though nobody opened it. */
#define KEY_LATEST_MS (5 * 60 * 1000)

#define AT(member) offsetof(struct config, member)
static const struct gw_option options[] = {
	{ "replies", GW_OPTION_GROUPS, AT(replies),
	  .help = "What replies of next hops mean; the first row that fits decides.",
	  .group = reply_options, .group_size = sizeof(struct reply_row) },
	{ "warn_to", GW_OPTION_LIST, AT(warn_to),
	  .help = "Addresses that are written to when a relay is suspended; none: nobody is." },
	{ "warn_from", GW_OPTION_STRING, AT(warn_from),
	  .help = "Sender of these warnings; default: the null sender." },
	GW_OPTIONS_END
};
#undef AT

#define AT(member) offsetof(struct rules, member)
static const struct gw_option relay_options[] = {
	{ "failures", GW_OPTION_INT, AT(failures), "3",
	  "Failures after which the relay is suspended; 0: never.", .max = FAILURES_MAX },
	{ "failures_mode", GW_OPTION_WORD, AT(mode), "total",
	  "Whether all failures of that time count, or only those since the last success.",
	  .words = "total|consecutive" },
	{ "failures_within", GW_OPTION_STRING, AT(within), "day",
	  "The time that is counted over: \"day\", or \"4h\" and the like." },
	{ "failures_apart", GW_OPTION_STRING, AT(apart), "10m",
	  "What fails sooner after a failure that was counted belongs to the same incident; \"0\": each counts." },
	{ "suspend", GW_OPTION_STRING, AT(suspend), "day",
	  "How long it is suspended: \"day\" (until its next day begins), \"1h\" and the like, or \"backoff\": 5 minutes, twice as long each time it "
	  "fails again at once, a day at most." },
	{ "unknown", GW_OPTION_WORD, AT(unknown), "retry",
	  "What becomes of a message whose link was lost after its final dot: tried again through this relay, put on hold, or sent through the "
	  "next one, where it may arrive twice.",
	  .words = "retry|hold|fallback" },
	{ "unknown_tries", GW_OPTION_INT, AT(unknown_tries), "3",
	  "How often it is tried again before it is put on hold.", .max = 100 },
	GW_OPTIONS_END
};
#undef AT

/* An instance; only one worker at a time runs its tick. */
#define KEEP_MS 10000 /* between two writes of an error that did not count */

struct failover {
	bool swept; /* records of relays that are gone were dropped */
};

/* --- start and stop --- */

static bool check_period(struct gw_call *call, const struct gw_relay *relay, const char *key,
			 struct gw_str text, const char *zero, int64_t *ms)
{
	if (period_parse(text, ms) == 0 && (*ms || gw_str_eq(text, gw_str(zero))))
		return true;
	gw->problem_at(call, relay, key, true,
		       "%s = \"%.*s\" is neither \"%s\" nor a time as \"90m\" or \"4h\"", key,
		       GW_STR_ARGS(text), zero);
	return false;
}

static bool check_relay(struct gw_call *call, const struct gw_relay *relay, struct rules *rules)
{
	bool within = check_period(call, relay, "failures_within", rules->within, "day",
				   &rules->within_ms);
	bool apart = check_period(call, relay, "failures_apart", rules->apart, "0",
				  &rules->apart_ms);

	rules->backoff = gw_str_eq(rules->suspend, gw_str("backoff"));
	return (rules->backoff ||
		check_period(call, relay, "suspend", rules->suspend, "day", &rules->suspend_ms)) &&
	       within && apart;
}

static bool check_address(struct gw_call *call, const char *key, struct gw_str address)
{
	size_t at = gw_str_find(address, '@');

	if (at > 0 && at + 1 < address.len && strcspn(address.ptr, " <>\r\n") == address.len)
		return true;
	gw->problem_at(call, NULL, key, true, "\"%.*s\" is no address", GW_STR_ARGS(address));
	return false;
}

static bool check_letters(struct gw_call *call, const struct config *config)
{
	bool good = !config->warn_from.len || check_address(call, "warn_from", config->warn_from);
	size_t i;

	for (i = 0; i < config->warn_to.count; i++)
		good &= check_address(call, "warn_to", config->warn_to.items[i]);
	return good;
}

static bool check(struct gw_call *call)
{
	const struct config *config = gw->conf(call);
	bool good = replies_check(call, &config->replies);
	good = check_letters(call, config) && good;
	struct gw_relay *relay;
	size_t nth;

	for (nth = 0; (relay = gw->relay_at(call, nth)); nth++) {
		struct rules *rules = gw->relay_conf(call, relay);
		if (rules)
			good &= check_relay(call, relay, rules);
	}
	return good;
}

static int find_books(struct gw_call *call)
{
	struct gw_relay *relay;
	size_t nth;

	for (nth = 0; (relay = gw->relay_at(call, nth)); nth++) {
		struct rules *rules = gw->relay_conf(call, relay);
		if (!rules)
			continue;
		rules->book = book_find(call, gw->relay_fact(relay, GW_RELAY_NAME));
		if (!rules->book)
			return -1;
		relay_close_again(call, relay, rules->book);
		pace_apply(call, relay, rules->book);
	}
	return 0;
}

static int on_start(struct gw_call *call)
{
	struct failover *failover = gw->alloc(call, sizeof *failover);

	if (!failover || !check(call)) {
		if (!failover)
			gw->problem(call, true, "no memory");
		return -1;
	}
	gw->instance_data_set(call, failover);
	books_hold();
	if (find_books(call) == 0)
		return 0;
	gw->problem(call, true, "no memory");
	books_release();
	return -1;
}

/* Without this module nobody would let the relays go faster again; closures end by themselves. */
/* What did not count as a failure either is shown after a restart. */
static void keep_last_error(struct gw_call *call, struct book *book, int64_t pause)
{
	int64_t now = gw->now(call);

	book_lock(book);
	if (book->last_error.time != book->kept_error &&
	    (now - book->kept_at >= pause || now < book->kept_at)) {
		book_write(call, book);
		book->kept_error = book->last_error.time;
		book->kept_at = now;
	}
	book_unlock(book);
}

static void on_stop(struct gw_call *call)
{
	struct gw_relay *relay;
	size_t nth;

	for (nth = 0; (relay = gw->relay_at(call, nth)); nth++) {
		const struct rules *rules = gw->relay_conf(call, relay);

		if (rules && rules->book)
			keep_last_error(call, rules->book, 0);
	}
	if (!books_release())
		return;
	for (nth = 0; (relay = gw->relay_at(call, nth)); nth++)
		gw->relay_connections(call, relay, 0);
}

/* --- before an attempt --- */

static enum gw_verdict wait_for_turn(struct gw_call *call, const struct gw_relay *relay,
				     int64_t interval)
{
	char key[KEY_MAX];

	gw->reason(call, "the next hop said that it is too fast: one message each %lld s",
		   (long long)interval / 1000);
	gw->cause(call, GW_CAUSE_RATE);
	gw->wait_on(call, key_name(relay, key));
	gw->wait_until(call, gw->now(call) + KEY_LATEST_MS);
	return GW_WAIT;
}

/* A relay that is closed is passed over by the gateway itself: what comes here all the same is what
 * an admin wants tried. */
static enum gw_verdict on_admit(struct gw_call *call, struct gw_delivery *delivery,
				struct gw_relay *relay)
{
	const struct rules *rules = gw->relay_conf(call, relay);
	struct throttle throttle;
	struct gw_message *message = gw->delivery_message(delivery);
	int64_t now, until;
	bool dry, due;

	if (gw->message_number(message, GW_MESSAGE_OWN) == 1 &&
	    gw->message_number(message, GW_MESSAGE_DRY) != 1 &&
	    warning_waits(call, message, &until)) {
		gw->wait_until(call, until);
		return GW_WAIT;
	}
	if (!rules || !rules->book->special)
		return GW_CONTINUE;
	now = gw->now(call);
	dry = gw->message_number(message, GW_MESSAGE_DRY) == 1;
	book_lock(rules->book);
	throttle = rules->book->throttle;
	due = throttle_due(&throttle, now);
	if (due && !dry && !book_closed(rules->book, now))
		rules->book->throttle.next = now + throttle.interval;
	book_unlock(rules->book);
	return due ? GW_CONTINUE : wait_for_turn(call, relay, throttle.interval);
}

/* --- from time to time --- */

static void on_tick(struct gw_call *call)
{
	struct failover *failover = gw->instance_data(call);
	struct gw_relay *relay;
	size_t nth;

	for (nth = 0; (relay = gw->relay_at(call, nth)); nth++) {
		const struct rules *rules = gw->relay_conf(call, relay);
		if (!rules)
			continue;
		keep_last_error(call, rules->book, KEEP_MS);
		if (!rules->book->special)
			continue;
		warn(call, relay, rules->book);
		relay_back_in_time(call, relay, rules->book);
		pace_recover(call, relay, rules->book);
	}
	if (!failover->swept)
		books_sweep(call);
	failover->swept = true;
}

static void on_event(struct gw_call *call, const struct gw_event *event)
{
	struct gw_relay *relay;
	const struct rules *rules;

	if (!gw_str_eq(event->name, gw_str("relay-resumed")))
		return;
	relay = gw->relay_named(call, event->relay);
	rules = relay ? gw->relay_conf(call, relay) : NULL;
	if (rules)
		relay_resume(call, relay, rules->book);
}

GW_MODULE(.name = "failover", .version = "1.0",
	  .summary = "judges failed attempts, suspends relays that fail, slows down where asked to",
	  .options = options, .conf_size = sizeof(struct config), .relay_options = relay_options,
	  .relay_conf_size = sizeof(struct rules), .verbs = CONTROL_VERBS, .start = on_start,
	  .stop = on_stop, .admit = on_admit, .result = on_result, .event = on_event,
	  .tick = on_tick, .status = on_status, .relay_status = on_relay_status,
	  .control = on_control, .once = "would count each failure of a relay twice")
