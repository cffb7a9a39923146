/* posting_test.c - what Azure may have goes nowhere else, and is not posted again, until there is a
 * definite answer: orders of what may happen to a mail between its tries. */
#include "office.h"

#define BYTES(to) "From: relay@example.com\r\nTo: " to "\r\nSubject: x\r\n\r\nbody\r\n"
#define STATUS(word) "{\"id\":\"1\",\"status\":\"" word "\"}"
#define FAILED(code) "{\"id\":\"1\",\"status\":\"Failed\",\"error\":{\"code\":\"" code "\"}}"

struct world {
	struct office o;
	struct gw_relay *spare, *twin;
	enum gw_verdict verdict;
	char first[100]; /* the number as which it was posted first */
};

static struct world world(const char *bytes)
{
	struct world w = { .o = office("azure") };

	testkit_relay_option(w.o.relay, "api_url", "https://acs.example");
	testkit_relay_option(w.o.relay, "auth.method", "oauth");
	w.spare = testkit_relay(w.o.kit, "spare");
	w.twin = testkit_relay(w.o.kit, "twin");
	testkit_relay_option(w.twin, "api", "azure");
	testkit_relay_option(w.twin, "api_url", "https://twin.example");
	assert_int_equal(testkit_start(w.o.kit), 0);
	put_message(&w.o, bytes, "a@x.example b@x.example");
	return w;
}

/* --- what a word of an order does --- */

/* Another try: nothing is known of the one before but what was kept. */
static void come_again(struct world *w)
{
	w->o.delivery = testkit_delivery(w->o.message, w->o.relay);
	testkit_set_login(w->o.delivery, "relay@example.com", "SECRET-token");
}

static void only(struct world *w, size_t nth)
{
	come_again(w);
	testkit_delivery_only(w->o.delivery, gw->message_rcpt(w->o.message, nth));
}

static void go(struct world *w)
{
	assert_int_equal(testkit_run_admit(w->o.kit, w->o.delivery, w->o.relay), GW_CONTINUE);
	w->verdict = deliver(&w->o);
	testkit_run_leave(w->o.kit, w->o.delivery, w->o.relay);
}

static void kill_it(struct world *w)
{
	while (testkit_requests(w->o.kit) && testkit_run_http_broken(w->o.kit, 0, "killed"))
		;
	testkit_drop(w->o.kit, NULL);
	assert_int_equal(testkit_restart(w->o.kit), 0);
	come_again(w);
}

static const char *number_of(const struct gw_http_request *request)
{
	const char *at = strstr(request->url.ptr, "/emails/operations/");
	size_t i;

	for (i = 0; !at && i < request->headers.count; i++)
		if (strncmp(request->headers.items[i].ptr, "Operation-Id: ", 14) == 0)
			return request->headers.items[i].ptr + 14;
	assert_non_null(at);
	return at + strlen("/emails/operations/");
}

static void is_asked(struct world *w, const char *path)
{
	const struct gw_http_request *request = testkit_request(w->o.kit);

	assert_non_null(request);
	assert_non_null(strstr(request->url.ptr, path));
	if (!*w->first)
		snprintf(w->first, sizeof w->first, "%.36s", number_of(request));
}

static void is_number(struct world *w, bool same)
{
	assert_int_equal(strncmp(number_of(testkit_request(w->o.kit)), w->first, 36) == 0, same);
}

static void pass(struct world *w, int64_t ms)
{
	assert_int_equal(testkit_requests(w->o.kit), 0);
	testkit_advance(w->o.kit, ms);
	w->verdict = testkit_resume(w->o.kit, 1000);
}

/* What was noted is on disk, or is not; nobody may wait for it any more. */
static void told(struct world *w, bool durable)
{
	assert_int_equal(testkit_requests(w->o.kit), 0);
	assert_true(testkit_run_kept(w->o.kit, durable));
	assert_int_equal(testkit_keeps(w->o.kit), 0);
	w->verdict = testkit_resume(w->o.kit, 1000);
}

static void leave(struct world *w)
{
	testkit_drop(w->o.kit, NULL);
	assert_true(testkit_run_kept(w->o.kit, true));
	assert_int_equal(testkit_requests(w->o.kit), 0);
}

/* "200:sent"; "0": all of it went, and no answer came; "down": nothing went. */
static void answer(struct world *w, const char *word)
{
	static const struct {
		const char *word, *body;
	} bodies[] = { { ":runs", STATUS("Running") },
		       { ":sent", STATUS("Succeeded") },
		       { ":dropped", FAILED("EmailDropped") },
		       { ":limit", FAILED("MessageLimit") } };
	const char *body = "";

	for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
		if (strstr(word, bodies[i].word))
			body = bodies[i].body;
	if (strcmp(word, "down") == 0)
		assert_true(testkit_run_http(w->o.kit, 0, "", "refused"));
	else if (atoi(word) == 0)
		assert_true(testkit_run_http_broken(w->o.kit, 0, "it is silent"));
	else
		assert_true(testkit_run_http(w->o.kit, atoi(word), "", body));
	w->verdict = testkit_resume(w->o.kit, 1000);
}

/* Another relay may have it. */
static bool moves_on(const struct gw_outcome *found)
{
	const char *stage = found->stage.ptr;

	return found->unfit || strcmp(stage, "auth") == 0 || strcmp(stage, "connect") == 0 ||
	       strcmp(stage, "mail") == 0;
}

static void ends(struct world *w, const char *how)
{
	const struct gw_outcome *found = outcome(&w->o, 0);

	assert_int_equal(w->verdict, GW_ACCEPT);
	assert_int_equal(testkit_requests(w->o.kit), 0);
	if (strcmp(how, "unknown") == 0)
		assert_int_equal(found->status, GW_UNKNOWN);
	else if (strcmp(how, "delivered") == 0)
		assert_int_equal(found->status, GW_DELIVERED);
	else if (strcmp(how, "bounced") == 0)
		assert_true(found->status == GW_BOUNCED && !moves_on(found));
	else
		assert_true(found->status != GW_UNKNOWN && moves_on(found));
}

static void act(struct world *w, const char *word)
{
	if (strcmp(word, "go") == 0)
		go(w);
	else if (strcmp(word, "again") == 0)
		come_again(w);
	else if (strcmp(word, "only-a") == 0 || strcmp(word, "only-b") == 0)
		only(w, (size_t)(word[5] - 'a'));
	else if (strcmp(word, "kill") == 0)
		kill_it(w);
	else if (strcmp(word, "back") == 0)
		testkit_set_time(w->o.kit, 1767000000000);
	else if (strcmp(word, "later") == 0)
		testkit_advance(w->o.kit, 30000);
	else if (strcmp(word, "broken") == 0)
		testkit_fail(w->o.kit, "http_request", 1);
	else if (strcmp(word, "full") == 0)
		testkit_fail(w->o.kit, "record_put", 1);
	else if (strcmp(word, "busy") == 0)
		testkit_fail(w->o.kit, "record_keep", 1);
	else if (strcmp(word, "note") == 0)
		told(w, true);
	else if (strcmp(word, "refused") == 0)
		told(w, false);
	else if (strcmp(word, "left") == 0)
		leave(w);
	else if (strcmp(word, "lag") == 0)
		pass(w, 30000);
	else if (strcmp(word, "send") == 0)
		is_asked(w, "/emails:send?");
	else if (strcmp(word, "ask") == 0)
		is_asked(w, "/emails/operations/");
	else if (strcmp(word, "same") == 0 || strcmp(word, "other") == 0)
		is_number(w, *word == 's');
	else if ((*word >= '0' && *word <= '9') || strcmp(word, "down") == 0)
		answer(w, word);
	else
		ends(w, word);
}

static void carry_out(const char *bytes, const char *order)
{
	struct world w = world(bytes);
	char words[400], *word, *rest = words;

	print_message("%s\n", order);
	snprintf(words, sizeof words, "%s", order);
	while ((word = strtok_r(rest, " ", &rest)) != NULL)
		act(&w, word);
	testkit_destroy(w.o.kit);
}

/* --- the orders --- */

#define KILLED "go note send kill "
#define SILENT "go note send 0 unknown "

/* To names nobody but a: b is Bcc. */
static const char *const orders[] = {
	/* it was posted, and nobody heard what became of it */
	KILLED "go ask same 200:sent delivered",
	KILLED "go ask 200:dropped bounced",
	KILLED "back go ask same 200:sent delivered",
	SILENT "again go ask same 200:sent delivered",
	/* it is there a while later than it was posted */
	KILLED "go ask 404 lag ask same 200:sent delivered",
	KILLED "go ask 404 lag ask 429 unknown",
	/* it never came */
	KILLED "go ask 404 lag ask same 404 note send same 202:sent delivered",
	KILLED "go ask 404 lag ask 404 note send 429 elsewhere",
	KILLED "go ask 404 kill go ask same 200:sent delivered",
	KILLED "go ask 404 lag ask 404 kill go ask same 200:sent delivered",
	/* the question is refused, or not answered: the key has changed, it is too fast, down */
	KILLED "go ask 400 unknown again go ask same 200:sent delivered",
	KILLED "go ask 401 unknown again go ask same 200:sent delivered",
	KILLED "go ask 403 unknown",
	KILLED "go ask 429 unknown",
	KILLED "go ask 500 unknown",
	KILLED "go ask 502 unknown",
	KILLED "go ask 0 unknown",
	KILLED "go ask down unknown",
	KILLED "broken go unknown",
	/* recipients that were posted together come apart */
	SILENT "only-a go ask same 200:sent delivered only-b go ask same 200:sent delivered",
	SILENT "only-a go ask 404 lag ask same 404 note send other 202:sent delivered "
	       "only-b go ask same 404 lag ask same 200:sent delivered",
	KILLED "only-b go ask same 200:sent delivered",
	/* its operation failed, and not by the mail's fault */
	KILLED "go ask 200:limit note send other 202:sent delivered",
	KILLED "go ask 200:limit note send other 202:limit elsewhere",
	"go note send 202:limit elsewhere again go note send other 202:sent delivered",
	"go note send 202:limit elsewhere kill go note send other kill go ask other 200:sent "
	"delivered",
	SILENT "only-a go ask 200:limit note send other 202:sent delivered",
	/* refused as wrong, or as known: it may be there */
	"go note send 409 ask same 200:sent delivered",
	"go note send 409 ask 404 unknown again go ask same 200:sent delivered",
	"go note send 409 ask 429 unknown",
	"go note send 409 ask 500 unknown",
	"go note send 409 ask 0 unknown",
	"go note send 400 ask 429 unknown again go ask same 200:sent delivered",
	"go note send 400 ask 0 unknown",
	"go note send 400 kill go ask same 200:sent delivered",
	"go note send 400 ask 404 elsewhere again go note send 202:sent delivered",
	/* it says that it did not take it: nothing is in doubt */
	"go note send 401 elsewhere again go note send 202:sent delivered",
	"go note send 413 elsewhere",
	"go note send 429 elsewhere again later go note send 202:sent delivered",
	"go note send 500 elsewhere",
	"go note send 202:dropped bounced",
	/* it may have taken it */
	"go note send 502 unknown again go ask same 200:sent delivered",
	"go note send 202:runs kill go ask same 200:sent delivered",
	/* nothing was asked */
	"go note send down elsewhere again go note send 202:sent delivered",
	"full go elsewhere again go note send 202:sent delivered",
	"busy go elsewhere again go note send 202:sent delivered",
	"go refused elsewhere again go note send 202:sent delivered",
	"go broken note elsewhere again go note send 202:sent delivered",
	"go left again go ask 404 lag ask 404 note send 202:sent delivered",
	"go kill go ask 404 lag ask 404 note send 202:sent delivered",
};

static void what_it_may_have_goes_nowhere_else(void **state)
{
	for (size_t i = 0; i < sizeof orders / sizeof *orders; i++)
		carry_out(BYTES("a@x.example"), orders[i]);
}

/* To names both, and the API would send to both: one alone has another relay, if it was not posted
 * before. */
static const char *const told_otherwise[] = {
	"only-a go elsewhere",
	SILENT "only-a go ask same 200:sent delivered",
	SILENT "only-a go ask 429 unknown",
	SILENT "only-a go ask 404 lag ask 404 elsewhere",
};

static void what_cannot_be_told_now_may_have_been_posted(void **state)
{
	for (size_t i = 0; i < sizeof told_otherwise / sizeof *told_otherwise; i++)
		carry_out(BYTES("a@x.example, b@x.example"), told_otherwise[i]);
}

/* --- who goes with whom, and where --- */

/* Posted as one, with nobody else, and on its way. */
static struct world posted_alone(size_t nth)
{
	struct world w = world(nth == 0 ? BYTES("a@x.example") : BYTES("b@x.example"));

	only(&w, nth);
	go(&w);
	act(&w, "note");
	act(&w, "send");
	act(&w, "0");
	come_again(&w);
	return w;
}

static void those_that_were_posted_apart_go_apart(void **state)
{
	for (size_t nth = 0; nth < 2; nth++) {
		struct world w = posted_alone(nth);

		assert_int_equal(testkit_run_admit(w.o.kit, w.o.delivery, w.o.relay), GW_CONTINUE);
		assert_null(gw->delivery_rcpt(w.o.delivery, 1));
		assert_non_null(testkit_rest(w.o.delivery));
		assert_ptr_equal(gw->delivery_rcpt(testkit_rest(w.o.delivery), 0),
				 gw->message_rcpt(w.o.message, 1));
		testkit_destroy(w.o.kit);
	}
}

static void no_other_relay_has_it(void **state)
{
	struct world w = posted_alone(0);

	assert_int_equal(testkit_run_admit(w.o.kit, w.o.delivery, w.spare), GW_NEXT);
	assert_true(testkit_has(w.o.kit, TESTKIT_REASON, "m365-api may have it as operation"));
	assert_int_equal(testkit_answer(w.o.kit)->split, 1); /* b may go */
	come_again(&w);
	assert_int_equal(testkit_run_admit(w.o.kit, w.o.delivery, w.twin), GW_NEXT);
	only(&w, 1);
	assert_int_equal(testkit_run_admit(w.o.kit, w.o.delivery, w.spare), GW_CONTINUE);
	testkit_set_note(w.o.message, "gateway.relay", "spare"); /* an admin says so */
	only(&w, 0);
	assert_int_equal(testkit_run_admit(w.o.kit, w.o.delivery, w.spare), GW_CONTINUE);
	testkit_destroy(w.o.kit);
}

static void what_is_old_is_forgotten(void **state)
{
	struct world w = posted_alone(0);
	char key[100];

	snprintf(key, sizeof key, "posted/%s/0", gw->message_fact(w.o.message, GW_MESSAGE_ID).ptr);
	assert_non_null(testkit_record(w.o.kit, key));
	testkit_advance(w.o.kit, (int64_t)99 * 24 * 3600 * 1000);
	assert_int_equal(testkit_restart(w.o.kit), 0);
	assert_non_null(testkit_record(w.o.kit, key));
	testkit_advance(w.o.kit, (int64_t)2 * 24 * 3600 * 1000);
	assert_int_equal(testkit_restart(w.o.kit), 0);
	assert_null(testkit_record(w.o.kit, key));
	testkit_destroy(w.o.kit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_it_may_have_goes_nowhere_else),
		cmocka_unit_test(what_cannot_be_told_now_may_have_been_posted),
		cmocka_unit_test(those_that_were_posted_apart_go_apart),
		cmocka_unit_test(no_other_relay_has_it),
		cmocka_unit_test(what_is_old_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
