/* worker_test.c - an instance on its worker, timers by the kit's clock, and one look-up for several
 * calls. */
#include <gateway/testkit.h>

#include <pthread.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static char order[256];
static gw_timer kept;
static int freed;

static void note(const char *what)
{
	strncat(order, what, sizeof order - strlen(order) - 1);
}

static int on_start(struct gw_call *call)
{
	note("start ");
	return 0;
}

static void on_stop(struct gw_call *call)
{
	note("stop ");
}

static void on_worker_start(struct gw_call *call)
{
	gw->worker_data_set(call, (void *)"data");
	note("worker_start ");
}

static void on_worker_stop(struct gw_call *call)
{
	assert_string_equal(gw->worker_data(call), "data");
	note("worker_stop ");
}

static void on_http(struct gw_call *call, const struct gw_http_answer *answer, void *arg)
{
	char text[200];

	snprintf(text, sizeof text, "%s %d %s%s %s;", (const char *)arg, answer->status,
		 answer->body.ptr, answer->error.ptr,
		 gw_http_field(answer, gw_str("retry-after")).ptr);
	strcat(order, text);
}

static void on_dns(struct gw_call *call, const struct gw_dns_answer *records, void *arg)
{
	char text[200];
	size_t i, len = (size_t)snprintf(text, sizeof text, "%s %d %u%s", (const char *)arg,
					 records->status, records->ttl, records->error.ptr);

	for (i = 0; i < records->records.count; i++)
		len += (size_t)snprintf(text + len, sizeof text - len, " %s",
					records->records.items[i].ptr);
	strcat(strcat(order, text), ";");
}

static void on_timer(struct gw_call *call, void *arg)
{
	note(arg);
	assert_string_equal(gw->worker_data(call), "data");
	if (*(char *)arg == 'c')
		assert_int_equal(gw->timer_clear(call, kept), 0);
	if (*(char *)arg == 'n')
		assert_true(gw->timer_set(call, 5, 0, (void *)"m ") > 0);
}

/* --- a question --- */

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static void work(struct gw_call *call, struct gw_str key, void *result)
{
	pthread_mutex_lock(&gate);
	pthread_mutex_unlock(&gate);
	assert_non_null(gw->conf(call));
	*(size_t *)result = key.len;
}

static void release(void *result)
{
	freed++;
}

static enum gw_verdict answered(struct gw_call *call, const void *result, void *arg)
{
	gw->reply(call, 550, NULL, "%zu%s", *(const size_t *)result, (char *)arg);
	return GW_REJECT;
}

static void dropped(void *arg)
{
	note("dropped ");
}

static enum gw_verdict on_mail(struct gw_call *call, struct gw_message *message)
{
	static const struct gw_lookup lookup = { sizeof lookup, sizeof(size_t), work, release,
						 answered,      dropped,        0 };

	return gw->lookup(call, &lookup, gw->message_fact(message, GW_MESSAGE_SENDER), (void *)"!");
}

static enum gw_verdict (*on_ehlo_does)(struct gw_call *call);
static enum gw_verdict on_ehlo(struct gw_call *call, struct gw_session *session)
{
	return on_ehlo_does(call);
}

static void on_kept(struct gw_call *call, const struct gw_kept *found, void *arg)
{
	char text[100];

	snprintf(text, sizeof text, "%s %d%s;", (const char *)arg, found->durable, found->why.ptr);
	note(text);
}

GW_MODULE(.name = "sample", .version = "1", .summary = "for the testkit's own test", .conf_size = 8,
	  .start = on_start, .stop = on_stop, .ehlo = on_ehlo, .mail = on_mail,
	  .worker_start = on_worker_start, .worker_stop = on_worker_stop, .timer = on_timer,
	  .http = on_http, .dns = on_dns, .kept = on_kept)

static struct testkit *kit_of(enum gw_verdict (*does)(struct gw_call *call))
{
	struct testkit *kit = testkit_create(gw_module_v1);

	order[0] = '\0';
	freed = 0;
	on_ehlo_does = does;
	assert_int_equal(testkit_start(kit), 0);
	if (does)
		assert_int_equal(testkit_run_ehlo(kit, testkit_session(kit, "192.0.2.1")),
				 GW_CONTINUE);
	return kit;
}

static void the_worker_is_inside_of_the_instance(void **state)
{
	struct testkit *kit = kit_of(NULL);

	testkit_restart(kit);
	testkit_destroy(kit);
	assert_string_equal(
		order, "start worker_start worker_stop stop start worker_start worker_stop stop ");
}

static enum gw_verdict sets_timers(struct gw_call *call)
{
	kept = gw->timer_set(call, 20, 20, (void *)"r ");
	assert_true(gw->timer_set(call, 10, 0, (void *)"a ") > 0);
	assert_true(gw->timer_set(call, 10, 0, (void *)"n ") > 0);
	assert_true(gw->timer_set(call, 70, 0, (void *)"c ") > 0);
	return GW_CONTINUE;
}

static void timers_come_in_order(void **state)
{
	struct testkit *kit = kit_of(sets_timers);

	order[0] = '\0';
	testkit_advance(kit, 9);
	assert_string_equal(order, "");
	testkit_advance(kit, 1);
	assert_string_equal(order, "a n ");
	testkit_advance(kit, 50);
	assert_string_equal(order, "a n m r r r ");
	testkit_advance(kit, 1000);
	assert_string_equal(order, "a n m r r r c ");
	assert_int_equal(testkit_timers(kit), 0);
	testkit_destroy(kit);
}

static enum gw_verdict sets_a_timer(struct gw_call *call)
{
	assert_true(gw->timer_set(call, 10, 10, (void *)"r ") > 0);
	return GW_CONTINUE;
}

static void a_stop_cancels_timers(void **state)
{
	struct testkit *kit = kit_of(sets_a_timer);

	testkit_restart(kit);
	order[0] = '\0';
	testkit_advance(kit, 1000);
	assert_string_equal(order, "");
	testkit_destroy(kit);
}

static enum gw_verdict sets_too_many(struct gw_call *call)
{
	size_t i;

	assert_int_equal(gw->timer_set(call, -1, 0, (void *)""), 0);
	assert_int_equal(gw->timer_set(call, 1, 9, (void *)""), 0);
	assert_int_equal(gw->timer_clear(call, 77), -1);
	for (i = 0; i < 256; i++)
		assert_true(gw->timer_set(call, 10, 0, (void *)"") > 0);
	assert_int_equal(gw->timer_set(call, 10, 0, (void *)""), 0);
	return GW_CONTINUE;
}

static void timers_have_bounds(void **state)
{
	struct testkit *kit = kit_of(sets_too_many);

	assert_int_equal(testkit_lines(kit, TESTKIT_LOG), 3);
	testkit_destroy(kit);
}

static struct gw_message *message_of(struct testkit *kit, const char *sender)
{
	return testkit_message(kit, testkit_session(kit, "192.0.2.1"), sender, "\r\n");
}

static void one_work_answers_all_that_ask_meanwhile(void **state)
{
	struct testkit *kit = kit_of(NULL);
	int i;

	testkit_set_offload(kit, TESTKIT_LATER);
	pthread_mutex_lock(&gate);
	for (i = 0; i < 3; i++)
		assert_int_equal(testkit_run_mail(kit, message_of(kit, "a@example.com")),
				 GW_PENDING);
	assert_int_equal(testkit_run_mail(kit, message_of(kit, "other@example.com")), GW_PENDING);
	assert_int_equal(testkit_lookups(kit), 2);
	pthread_mutex_unlock(&gate);
	for (i = 0; i < 4; i++)
		assert_int_equal(testkit_resume(kit, 5000), GW_REJECT);
	assert_int_equal(testkit_held(kit), 0);
	assert_int_equal(freed, 2);
	testkit_set_offload(kit, TESTKIT_AT_ONCE);
	assert_int_equal(testkit_run_mail(kit, message_of(kit, "a@example.com")), GW_REJECT);
	assert_string_equal(testkit_answer(kit)->text, "13!");
	assert_int_equal(testkit_lookups(kit), 3);
	testkit_destroy(kit);
}

static void who_asked_first_may_leave(void **state)
{
	struct testkit *kit = kit_of(NULL);
	struct gw_message *first = message_of(kit, "a@example.com"),
			  *second = message_of(kit, "a@example.com");

	testkit_set_offload(kit, TESTKIT_LATER);
	pthread_mutex_lock(&gate);
	order[0] = '\0';
	assert_int_equal(testkit_run_mail(kit, first), GW_PENDING);
	assert_int_equal(testkit_run_mail(kit, second), GW_PENDING);
	testkit_drop(kit, first);
	assert_string_equal(order, "dropped ");
	pthread_mutex_unlock(&gate);
	assert_int_equal(testkit_resume(kit, 5000), GW_REJECT);
	assert_int_equal(freed, 1);
	testkit_destroy(kit);
}

static struct gw_http_request request_of(const char *url)
{
	return (struct gw_http_request){ .size = sizeof(struct gw_http_request),
					 .url = gw_str(url),
					 .body = gw_str("a=b") };
}

static enum gw_verdict asks_the_web(struct gw_call *call)
{
	struct gw_http_request request = request_of("https://a.example/");
	gw_http second;

	assert_true(gw->http_request(call, &request, (void *)"a") > 0);
	second = gw->http_request(call, &request, (void *)"b");
	assert_true(gw->http_request(call, &request, (void *)"c") > 0);
	assert_int_equal(gw->http_cancel(call, second), 0);
	assert_int_equal(gw->http_cancel(call, second), -1);
	request.url = gw_str("http://a.example/");
	assert_int_equal(gw->http_request(call, &request, NULL), 0);
	request.url = gw_str("https://a.example/ b");
	assert_int_equal(gw->http_request(call, &request, NULL), 0);
	return GW_CONTINUE;
}

static void the_test_answers_requests(void **state)
{
	struct testkit *kit = kit_of(asks_the_web);

	order[0] = '\0';
	assert_int_equal(testkit_requests(kit), 2);
	assert_string_equal(testkit_request(kit)->url.ptr, "https://a.example/");
	assert_string_equal(testkit_request(kit)->body.ptr, "a=b");
	assert_true(testkit_run_http(kit, 503, "Server: x\nRetry-After: 7", "busy"));
	assert_true(testkit_run_http(kit, 0, "", "timed out"));
	assert_false(testkit_run_http(kit, 200, "", ""));
	assert_string_equal(order, "a 503 busy 7;c 0 timed out ;");
	assert_int_equal(testkit_lines(kit, TESTKIT_LOG), 2);
	testkit_destroy(kit);
}

static enum gw_verdict asks_the_dns(struct gw_call *call)
{
	struct gw_dns_question question = { .size = sizeof question,
					    .type = GW_DNS_TXT,
					    .name = gw_str("a.example") };
	gw_dns second;

	assert_true(gw->dns_ask(call, &question, (void *)"a") > 0);
	second = gw->dns_ask(call, &question, (void *)"b");
	assert_true(gw->dns_ask(call, &question, (void *)"c") > 0);
	assert_int_equal(gw->dns_cancel(call, second), 0);
	assert_int_equal(gw->dns_cancel(call, second), -1);
	question.type = 255;
	assert_int_equal(gw->dns_ask(call, &question, NULL), 0);
	return GW_CONTINUE;
}

static void the_test_answers_questions(void **state)
{
	struct testkit *kit = kit_of(asks_the_dns);

	order[0] = '\0';
	assert_int_equal(testkit_questions(kit), 2);
	assert_string_equal(testkit_question(kit)->name.ptr, "a.example");
	assert_true(testkit_run_dns(kit, GW_DNS_FOUND, 300, "one\ntwo"));
	assert_true(testkit_run_dns(kit, GW_DNS_FAILED, 300, "timed out"));
	assert_false(testkit_run_dns(kit, GW_DNS_NONE, 300, ""));
	assert_string_equal(order, "a 1 300 one two;c 4 0timed out;");
	assert_int_equal(testkit_lines(kit, TESTKIT_LOG), 1);
	testkit_destroy(kit);
}

static enum gw_verdict keeps_records(struct gw_call *call)
{
	assert_int_equal(gw->record_keep(call, gw_str("a"), gw_str("1"), (void *)"a"), 0);
	assert_int_equal(gw->record_keep(call, gw_str("b"), gw_str("2"), (void *)"b"), 0);
	assert_int_equal(gw->record_keep(call, gw_str(""), gw_str("2"), NULL), -1);
	return GW_CONTINUE;
}

static void the_test_is_the_disk(void **state)
{
	struct testkit *kit = kit_of(keeps_records);

	order[0] = '\0';
	assert_int_equal(testkit_keeps(kit), 2);
	assert_string_equal(testkit_record(kit, "b"), "2");
	assert_true(testkit_run_kept(kit, true));
	assert_true(testkit_run_kept(kit, false));
	assert_false(testkit_run_kept(kit, true));
	assert_string_equal(order, "a 1;b 0the disk is full;");
	testkit_destroy(kit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_worker_is_inside_of_the_instance),
		cmocka_unit_test(timers_come_in_order),
		cmocka_unit_test(a_stop_cancels_timers),
		cmocka_unit_test(timers_have_bounds),
		cmocka_unit_test(the_test_answers_requests),
		cmocka_unit_test(the_test_answers_questions),
		cmocka_unit_test(the_test_is_the_disk),
		cmocka_unit_test(one_work_answers_all_that_ask_meanwhile),
		cmocka_unit_test(who_asked_first_may_leave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
