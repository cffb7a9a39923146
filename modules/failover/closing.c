#include "closing.h"

#include "pace.h"

const char *closure_word(const struct closure *closure)
{
	return closure->cause == GW_CAUSE_LIMIT ? "closed" : "suspended";
}

static struct gw_str zone_of(const struct gw_relay *relay)
{
	return gw->relay_fact(relay, GW_RELAY_TIMEZONE);
}

/* "suspended until 00:00 Europe/Berlin: 3 failures today, the last: ..." */
static void describe(const struct gw_call *call, const struct gw_relay *relay,
		     const struct closure *closure, char *out, size_t size)
{
	char until[TEXT_UNTIL], text[700];
	int len = snprintf(text, sizeof text, "%s until %s: %s", closure_word(closure),
			   text_until(call, zone_of(relay), closure->until, until), closure->why);

	text_keep(out, size,
		  gw_str_n(text,
			   len > 0 && (size_t)len < sizeof text ? (size_t)len : sizeof text - 1));
}

static void post(struct gw_call *call, const struct gw_relay *relay, const struct closure *closure)
{
	char why[512];

	describe(call, relay, closure, why, sizeof why);
	gw->relay_close(call, relay, closure->cause, closure->until, why);
}

bool relay_close(struct gw_call *call, const struct gw_relay *relay, struct book *book,
		 enum gw_cause cause, int64_t until, const char *why)
{
	struct closure *closure = &book->closure;

	if (closure->cause)
		return false;
	*closure = (struct closure){ .cause = cause, .until = until };
	text_keep(closure->why, sizeof closure->why, gw_str(why));
	text_swap(closure->why, '\n', ' ');
	post(call, relay, closure);
	book_write(call, book);
	return true;
}

/* --- telling --- */

static void add_failure(struct gw_json *json, const struct failure *failure)
{
	char words[FAILURE_BRIEF];

	text_keep(words, sizeof words, gw_str(failure->text));
	gw->json_begin(json, NULL, GW_JSON_OBJECT);
	gw->json_number(json, "time", failure->time);
	gw->json_string(json, "class", gw_str(failure->class));
	gw->json_string(json, "stage", gw_str(failure->stage));
	gw->json_number(json, "code", failure->code);
	gw->json_string(json, "host", gw_str(failure->host));
	gw->json_string(json, "text", gw_str(words));
	gw->json_end(json);
}

static struct gw_json *details(struct book *book)
{
	struct gw_json *json = gw->json_create();
	int64_t i;

	book_lock(book);
	gw->json_begin(json, NULL, GW_JSON_OBJECT);
	gw->json_number(json, "until", book->closure.until);
	gw->json_begin(json, "failures", GW_JSON_ARRAY);
	for (i = 0; i < book->count; i++)
		add_failure(json, &book->failures[i]);
	book_unlock(book);
	return json;
}

static void emit(struct gw_call *call, const struct gw_relay *relay, const char *name,
		 const char *text, struct gw_str json)
{
	struct gw_event event = {
		.size = sizeof event,
		.name = gw_str(name),
		.time = gw->now(call),
		.text = gw_str(text),
		.json = json,
		.relay = gw->relay_fact(relay, GW_RELAY_NAME),
	};

	gw->emit(call, &event);
}

void relay_tell_closed(struct gw_call *call, const struct gw_relay *relay, struct book *book)
{
	struct closure closure;
	struct gw_json *json = details(book);
	char text[512];

	book_lock(book);
	closure = book->closure;
	book_unlock(book);
	describe(call, relay, &closure, text, sizeof text);
	gw->log(call, GW_LOG_WARNING, "relay %s is %s", book->name, text);
	gw->count(call, closure.cause == GW_CAUSE_LIMIT ? "limits" : "suspensions", 1);
	emit(call, relay, closure.cause == GW_CAUSE_LIMIT ? "relay-limit" : "relay-suspended", text,
	     gw->json_text(json));
	gw->json_destroy(json);
}

/* --- after a restart, and the end --- */

void relay_close_again(struct gw_call *call, const struct gw_relay *relay, struct book *book)
{
	struct closure closure;

	book_lock(book);
	closure = book->closure;
	book_unlock(book);
	if (closure.cause && gw->now(call) < closure.until)
		post(call, relay, &closure);
}

static void open_relay(struct gw_call *call, const struct gw_relay *relay, struct book *book)
{
	book_clear(book);
	book_write(call, book);
	gw->relay_open(call, relay);
}

static void tell_back(struct gw_call *call, const struct gw_relay *relay, const char *why)
{
	gw->log(call, GW_LOG_INFO, "relay %.*s is used again: %s",
		GW_STR_ARGS(gw->relay_fact(relay, GW_RELAY_NAME)), why);
	emit(call, relay, "relay-back", why, gw_str(""));
}

void relay_back_in_time(struct gw_call *call, const struct gw_relay *relay, struct book *book)
{
	int64_t now = gw->now(call);
	bool back;

	book_lock(book);
	back = book->closure.cause != 0 && now >= book->closure.until;
	if (back) {
		book->trial = book->suspensions != 0;
		open_relay(call, relay, book);
	}
	book_unlock(book);
	if (!back)
		return;
	pace_apply(call, relay, book);
	tell_back(call, relay,
		  book->trial ? "it is tried over one connection" : "its time is over");
}

void relay_resume(struct gw_call *call, const struct gw_relay *relay, struct book *book)
{
	bool back;

	book_lock(book);
	back = book->closure.cause != 0;
	book->suspensions = 0;
	open_relay(call, relay, book);
	book_unlock(book);
	pace_reset(call, relay, book);
	if (back)
		tell_back(call, relay, "an admin resumed it");
}
