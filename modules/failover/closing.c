#include "closing.h"

#include "pace.h"

#include <inttypes.h>
#include <stdlib.h>

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

static void add_failure(FILE *out, const struct failure *failure)
{
	char words[FAILURE_BRIEF];

	text_keep(words, sizeof words, gw_str(failure->text));
	fprintf(out, "{\"time\":%" PRId64 ",\"class\":", failure->time);
	text_json(out, failure->class);
	fputs(",\"stage\":", out);
	text_json(out, failure->stage);
	fprintf(out, ",\"code\":%" PRId64 ",\"host\":", failure->code);
	text_json(out, failure->host);
	fputs(",\"text\":", out);
	text_json(out, words);
	putc('}', out);
}

/* An object of its own memory, or NULL. */
static char *details(struct book *book)
{
	char *json = NULL;
	size_t len;
	FILE *out = open_memstream(&json, &len);
	int64_t i;

	if (!out)
		return NULL;
	book_lock(book);
	fprintf(out, "{\"until\":%" PRId64 ",\"failures\":[", book->closure.until);
	for (i = 0; i < book->count; i++) {
		fputs(i ? "," : "", out);
		add_failure(out, &book->failures[i]);
	}
	fputs("]}", out);
	book_unlock(book);
	if (fclose(out) == 0)
		return json;
	free(json);
	return NULL;
}

static void emit(struct gw_call *call, const struct gw_relay *relay, const char *name,
		 const char *text, const char *json)
{
	struct gw_event event = {
		.size = sizeof event,
		.name = gw_str(name),
		.time = gw->now(call),
		.text = gw_str(text),
		.json = gw_str(json),
		.relay = gw->relay_fact(relay, GW_RELAY_NAME),
	};

	gw->emit(call, &event);
}

void relay_tell_closed(struct gw_call *call, const struct gw_relay *relay, struct book *book)
{
	struct closure closure;
	char text[512], *json = details(book);

	book_lock(book);
	closure = book->closure;
	book_unlock(book);
	describe(call, relay, &closure, text, sizeof text);
	gw->log(call, GW_LOG_WARNING, "relay %s is %s", book->name, text);
	gw->count(call, closure.cause == GW_CAUSE_LIMIT ? "limits" : "suspensions", 1);
	emit(call, relay, closure.cause == GW_CAUSE_LIMIT ? "relay-limit" : "relay-suspended", text,
	     json);
	free(json);
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
	emit(call, relay, "relay-back", why, NULL);
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
