/* introspection_test.c - what an issuer's word about a token lets whom in, how often it is asked,
 * and what happens while it says nothing. */
#include <gateway/testkit.h>

#include <setjmp.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#define URL "https://issuer.example/introspect"
#define EXPIRES "1767229200" /* an hour after a kit's now */

static struct gw_session *session;

static struct testkit *gate(const char *key, const char *value)
{
	struct testkit *kit = testkit_create(gw_module_v1);

	testkit_option(kit, "introspection_url", URL);
	testkit_option(kit, "client_id", "smtp gate");
	testkit_option(kit, "client_secret", "SECRET:1");
	testkit_option(kit, "user_claim", "username");
	testkit_option(kit, "issuer", "https://issuer.example");
	testkit_option(kit, "audience", "smtp other");
	if (key)
		testkit_option(kit, key, value);
	assert_int_equal(testkit_start(kit), 0);
	session = testkit_session(kit, "192.0.2.1");
	return kit;
}

static enum gw_verdict log_in(struct testkit *kit, const char *user, const char *token)
{
	return testkit_run_auth(kit, session, "OAUTHBEARER", user, token);
}

/* A login, and the issuer's answer to its question. */
static enum gw_verdict told(struct testkit *kit, const char *user, const char *token, int status,
			    const char *answer)
{
	assert_int_equal(log_in(kit, user, token), GW_PENDING);
	assert_true(testkit_run_http(kit, status, "", answer));
	return testkit_resume(kit, 1000);
}

#define SAYS(more) "{\"active\":true,\"username\":\"crm\"" more "}"
#define ISS ",\"iss\":\"https://issuer.example\""
#define AUD ",\"aud\":\"smtp\""
#define YES(more) SAYS(ISS AUD more)

static const struct {
	int status;
	const char *answer, *user;
	enum gw_verdict verdict;
} rows[] = {
	/* yes */
	{ 200, YES(""), "", GW_ACCEPT },
	{ 200, YES(""), "CRM", GW_ACCEPT },
	{ 200, YES(",\"exp\":" EXPIRES), "", GW_ACCEPT },
	{ 200, SAYS(ISS ",\"aud\":[\"x\",\"other\"]"), "", GW_ACCEPT },
	{ 200, YES(",\"exp\":1767225541"), "", GW_ACCEPT }, /* within the skew */
	/* no */
	{ 200, "{\"active\":false}", "", GW_CONTINUE },
	{ 200, "{\"active\":false,\"username\":\"crm\"}", "", GW_CONTINUE },
	{ 200, SAYS(AUD ",\"iss\":\"https://other.example\""), "", GW_CONTINUE },
	{ 200, SAYS(AUD ",\"iss\":[\"https://issuer.example\"]"), "", GW_CONTINUE },
	{ 200, SAYS(AUD), "", GW_REJECT }, /* issuer is set, and nobody says whose it is */
	{ 200, SAYS(AUD ",\"iss\":null"), "", GW_CONTINUE },
	{ 200, SAYS(ISS ",\"aud\":\"x\""), "", GW_REJECT },
	{ 200, SAYS(ISS ",\"aud\":[]"), "", GW_REJECT },
	{ 200, SAYS(ISS ",\"aud\":null"), "", GW_REJECT },
	{ 200, SAYS(ISS), "", GW_REJECT }, /* audience is set, and nobody says for whom */
	{ 200, YES(",\"exp\":1767225540"), "", GW_REJECT },
	{ 200, YES(",\"exp\":-9223372036854775807"), "", GW_REJECT },
	{ 200, YES(",\"exp\":\"never\""), "", GW_REJECT },
	{ 200, YES(",\"nbf\":1767225661"), "", GW_REJECT },
	{ 200, YES(""), "boss", GW_REJECT },
	{ 200, "{\"active\":true" ISS AUD "}", "", GW_REJECT },
	/* neither */
	{ 200, "{\"active\":\"true\",\"username\":\"crm\"}", "", GW_TEMPFAIL },
	{ 200, "{\"username\":\"crm\"}", "", GW_TEMPFAIL },
	{ 200, "[true]", "", GW_TEMPFAIL },
	{ 200, "{\"active\":true,\"active\":true,\"username\":\"crm\"}", "", GW_TEMPFAIL },
	{ 200, "", "", GW_TEMPFAIL },
	{ 201, YES(""), "", GW_TEMPFAIL },
	{ 302, YES(""), "", GW_TEMPFAIL },
	{ 401, "{\"error\":\"invalid_client\"}", "", GW_TEMPFAIL },
	{ 429, "", "", GW_TEMPFAIL },
	{ 503, YES(""), "", GW_TEMPFAIL },
	{ 0, "no route to host", "", GW_TEMPFAIL },
};

static void an_answer_decides(void **state)
{
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct testkit *kit = gate(NULL, NULL);
		enum gw_verdict verdict = told(kit, rows[i].user, "opaque-TOKEN", rows[i].status,
					       rows[i].answer);

		if (verdict != rows[i].verdict)
			fail_msg("%d %s: %d", rows[i].status, rows[i].answer, verdict);
		assert_false(testkit_has(kit, TESTKIT_LOG, "opaque-TOKEN"));
		assert_false(testkit_has(kit, TESTKIT_LOG, "SECRET"));
		testkit_destroy(kit);
	}
}

/* Where the fragment says nothing of them. */
static void nobody_is_asked_for_what_is_not_configured(void **state)
{
	struct testkit *kit = testkit_create(gw_module_v1);

	testkit_option(kit, "introspection_url", URL);
	testkit_option(kit, "bearer", "SECRET-b");
	testkit_option(kit, "user_claim", "username");
	assert_int_equal(testkit_start(kit), 0);
	session = testkit_session(kit, "192.0.2.1");
	assert_int_equal(told(kit, "", "one", 200, SAYS("")), GW_ACCEPT);
	testkit_destroy(kit);
}

static void who_it_is_and_for_which_domains(void **state)
{
	struct testkit *kit = gate("domains_claim", "domains");

	assert_int_equal(told(kit, "", "one", 200, YES(",\"domains\":[\"a.example\"]")), GW_ACCEPT);
	assert_string_equal(gw->session_fact(session, GW_SESSION_CLIENT).ptr, "crm");
	assert_string_equal(gw->session_fact(session, GW_SESSION_DOMAINS).ptr, "a.example");
	assert_int_equal(told(kit, "", "two", 200, YES("")), GW_REJECT);
	testkit_destroy(kit);

	kit = gate("scope", "smtp.send");
	assert_int_equal(told(kit, "", "one", 200, YES(",\"scope\":\"x smtp.send\"")), GW_ACCEPT);
	assert_int_equal(told(kit, "", "two", 200, YES(",\"scope\":\"x\"")), GW_REJECT);
	assert_true(testkit_has(kit, TESTKIT_REASON, "insufficient_scope smtp.send"));
	testkit_destroy(kit);
}

/* --- the question --- */

static const char *header(const struct gw_http_request *request, const char *beginning)
{
	for (size_t i = 0; i < request->headers.count; i++)
		if (strncmp(request->headers.items[i].ptr, beginning, strlen(beginning)) == 0)
			return request->headers.items[i].ptr;
	return "";
}

static void it_asks_as_the_standard_says(void **state)
{
	struct testkit *kit = gate(NULL, NULL);
	const struct gw_http_request *request;

	assert_int_equal(log_in(kit, "", "a-._~+/b=="), GW_PENDING);
	request = testkit_request(kit);
	assert_string_equal(request->url.ptr, URL);
	assert_string_equal(testkit_request_body(kit, 0).ptr,
			    "token=a-._~%2B%2Fb%3D%3D&token_type_hint=access_token");
	assert_string_equal(header(request, "Content-Type"),
			    "Content-Type: application/x-www-form-urlencoded");
	/* smtp%20gate:SECRET%3A1 */
	assert_string_equal(header(request, "Authorization"),
			    "Authorization: Basic c210cCUyMGdhdGU6U0VDUkVUJTNBMQ==");
	testkit_destroy(kit);

	kit = testkit_create(gw_module_v1);
	testkit_option(kit, "introspection_url", URL);
	testkit_option(kit, "bearer", "SECRET-b");
	assert_int_equal(testkit_start(kit), 0);
	session = testkit_session(kit, "192.0.2.1");
	assert_int_equal(log_in(kit, "", "one"), GW_PENDING);
	assert_string_equal(header(testkit_request(kit), "Authorization"),
			    "Authorization: Bearer SECRET-b");
	testkit_destroy(kit);
}

static void what_can_be_no_token_is_asked_about_by_nobody(void **state)
{
	static const char *const tokens[] = { "", "a b", "a\nb", "a&token=b", "\xc3\xa4", "{}" };
	struct testkit *kit = gate(NULL, NULL);

	for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++)
		assert_int_equal(log_in(kit, "", tokens[i]), GW_REJECT);
	assert_int_equal(testkit_run_auth(kit, session, "PLAIN", "a", "b"), GW_CONTINUE);
	assert_int_equal(testkit_metric(kit, "requests"), 0);
	testkit_destroy(kit);
}

/* --- how often --- */

static void one_question_for_all_that_come_with_a_token(void **state)
{
	struct testkit *kit = gate(NULL, NULL);
	int i;

	for (i = 0; i < 50; i++)
		assert_int_equal(log_in(kit, i % 2 ? "boss" : "crm", "one"), GW_PENDING);
	assert_int_equal(log_in(kit, "", "two"), GW_PENDING);
	assert_int_equal(testkit_requests(kit), 2);
	testkit_run_http(kit, 200, "", YES(""));
	for (i = 0; i < 50; i++) /* the last is woken first; each is told of its own user */
		assert_int_equal(testkit_resume(kit, 1000), i % 2 ? GW_ACCEPT : GW_REJECT);
	testkit_run_http(kit, 200, "", "{\"active\":false}");
	assert_int_equal(testkit_resume(kit, 1000), GW_CONTINUE);
	for (i = 0; i < 1000; i++)
		assert_int_equal(log_in(kit, "", "one"), GW_ACCEPT);
	assert_int_equal(log_in(kit, "boss", "one"), GW_REJECT);
	assert_int_equal(log_in(kit, "", "two"), GW_CONTINUE);
	assert_int_equal(testkit_metric(kit, "requests"), 2);
	testkit_destroy(kit);
}

static void a_yes_is_believed_for_a_time_and_never_beyond_the_end(void **state)
{
	struct testkit *kit = gate("cache", "10m");

	assert_int_equal(told(kit, "", "long", 200, YES(",\"exp\":" EXPIRES)), GW_ACCEPT);
	assert_int_equal(told(kit, "", "short", 200, YES(",\"exp\":1767225660")), GW_ACCEPT);
	testkit_advance(kit, 59999);
	assert_int_equal(log_in(kit, "", "short"), GW_ACCEPT);
	testkit_advance(kit, 1);
	assert_int_equal(told(kit, "", "short", 200, "{\"active\":false}"), GW_CONTINUE);
	assert_int_equal(log_in(kit, "", "long"), GW_ACCEPT);
	testkit_advance(kit, 539999);
	assert_int_equal(log_in(kit, "", "long"), GW_ACCEPT);
	testkit_advance(kit, 1);
	assert_int_equal(log_in(kit, "", "long"), GW_PENDING);
	testkit_destroy(kit);
}

static void a_no_is_believed_for_a_shorter_time(void **state)
{
	struct testkit *kit = gate(NULL, NULL);

	assert_int_equal(told(kit, "", "one", 200, "{\"active\":false}"), GW_CONTINUE);
	testkit_advance(kit, 9999);
	assert_int_equal(log_in(kit, "", "one"), GW_CONTINUE);
	testkit_advance(kit, 1);
	assert_int_equal(told(kit, "", "one", 200, YES("")), GW_ACCEPT);
	testkit_destroy(kit);
}

static void without_a_cache_each_login_is_asked_about(void **state)
{
	struct testkit *kit = gate("cache", "0");

	assert_int_equal(told(kit, "", "one", 200, YES("")), GW_ACCEPT);
	assert_int_equal(told(kit, "", "one", 200, "{\"active\":false}"), GW_CONTINUE);
	assert_int_equal(told(kit, "", "one", 200, YES("")), GW_ACCEPT);
	testkit_destroy(kit);
}

static void what_is_remembered_has_a_bound(void **state)
{
	struct testkit *kit = gate(NULL, NULL);
	char token[32];
	int count = 0;

	for (int i = 0; i < 3000; i++) {
		snprintf(token, sizeof token, "token-%d", i);
		assert_int_equal(told(kit, "", token, 200, YES("")), GW_ACCEPT);
	}
	assert_int_equal(log_in(kit, "", token), GW_ACCEPT);
	testkit_run_status(kit);
	assert_int_equal(sscanf(testkit_line(kit, TESTKIT_STATUS, 0), "%*[^;]; %d", &count), 1);
	assert_in_range(count, 512, 1024);
	testkit_destroy(kit);
}

/* --- when nobody answers --- */

static void nothing_is_remembered_of_no_answer(void **state)
{
	struct testkit *kit = gate(NULL, NULL);

	assert_int_equal(told(kit, "", "one", 503, ""), GW_TEMPFAIL);
	assert_int_equal(told(kit, "", "one", 503, ""), GW_TEMPFAIL);
	assert_int_equal(testkit_lines(kit, TESTKIT_LOG), 2);
	assert_true(strncmp(testkit_line(kit, TESTKIT_LOG, 0), "warning", 7) == 0);
	assert_true(strncmp(testkit_line(kit, TESTKIT_LOG, 1), "debug", 5) == 0);
	testkit_run_status(kit);
	assert_true(
		testkit_has(kit, TESTKIT_STATUS, "the last answer: it says neither yes nor no"));
	assert_int_equal(told(kit, "", "one", 200, YES("")), GW_ACCEPT);
	testkit_destroy(kit);
}

static void what_was_good_stays_so_when_the_end_point_is_down(void **state)
{
	struct testkit *kit = gate(NULL, NULL);

	assert_int_equal(told(kit, "", "one", 200, YES("")), GW_ACCEPT);
	assert_int_equal(told(kit, "", "two", 0, "timed out"), GW_TEMPFAIL);
	assert_int_equal(log_in(kit, "", "one"), GW_ACCEPT);
	testkit_advance(kit, 60000);
	assert_int_equal(told(kit, "", "one", 0, "timed out"), GW_TEMPFAIL);
	testkit_destroy(kit);
}

static void a_login_does_not_wait_for_ever(void **state)
{
	struct testkit *kit = gate(NULL, NULL);

	assert_int_equal(log_in(kit, "", "one"), GW_PENDING);
	testkit_advance(kit, 20000);
	assert_int_equal(testkit_held(kit), 0);
	testkit_run_http(kit, 200, "", YES(""));
	assert_int_equal(log_in(kit, "", "one"), GW_ACCEPT);
	testkit_destroy(kit);

	kit = gate(NULL, NULL); /* the gateway stops meanwhile */
	assert_int_equal(log_in(kit, "", "one"), GW_PENDING);
	testkit_destroy(kit);

	kit = gate(NULL, NULL);
	testkit_fail(kit, "http_request", 1);
	assert_int_equal(log_in(kit, "", "one"), GW_TEMPFAIL);
	testkit_fail(kit, "hold", 1);
	assert_int_equal(log_in(kit, "", "one"), GW_TEMPFAIL);
	testkit_run_http(kit, 200, "", YES(""));
	assert_int_equal(log_in(kit, "", "one"), GW_ACCEPT);
	testkit_destroy(kit);
}

/* --- what is written in the fragment --- */

static void what_does_not_fit_is_said(void **state)
{
	static const struct {
		const char *options[3][2], *says;
	} cases[] = {
		{ { { "issuer", "x" } }, "one of keys_url" },
		{ { { "keys_url", "https://a/" }, { "introspection_url", "https://b/" } },
		  "one of keys_url" },
		{ { { "keys_url", "https://a/" }, { "issuer", "x" } }, "issuer and audience" },
		{ { { "introspection_url", "http://b/" }, { "bearer", "x" } }, "https://" },
		{ { { "introspection_url", "https://b/" } }, "client_secret, or bearer" },
		{ { { "introspection_url", "https://b/" }, { "client_id", "x" } },
		  "client_secret, or bearer" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct testkit *kit = testkit_create(gw_module_v1);

		for (size_t j = 0; j < 3 && cases[i].options[j][0]; j++)
			testkit_option(kit, cases[i].options[j][0], cases[i].options[j][1]);
		assert_int_equal(testkit_start(kit), -1);
		assert_true(testkit_has(kit, TESTKIT_PROBLEM, cases[i].says));
		testkit_destroy(kit);
	}
}

static void a_secret_is_read_again_where_its_file_changes(void **state)
{
	struct testkit *kit = testkit_create(gw_module_v1);
	char path[300];

	snprintf(path, sizeof path, "file:%s", testkit_file(kit, "bearer", "SECRET-old\n"));
	testkit_option(kit, "introspection_url", URL);
	testkit_option(kit, "bearer", path);
	assert_int_equal(testkit_start(kit), 0);
	session = testkit_session(kit, "192.0.2.1");
	assert_int_equal(log_in(kit, "", "one"), GW_PENDING);
	assert_string_equal(testkit_request(kit)->headers.items[2].ptr,
			    "Authorization: Bearer SECRET-old");
	testkit_run_http(kit, 401, "", "");
	testkit_file(kit, "bearer", "SECRET-new\n");
	testkit_run_tick(kit);
	testkit_resume(kit, 1000);
	assert_int_equal(log_in(kit, "", "two"), GW_PENDING);
	assert_string_equal(testkit_request(kit)->headers.items[2].ptr,
			    "Authorization: Bearer SECRET-new");
	assert_true(testkit_has(kit, TESTKIT_LOG, "bearer was read again"));
	assert_false(testkit_has(kit, TESTKIT_LOG, "SECRET"));
	assert_int_equal(unlink(path + 5), 0);
	testkit_run_tick(kit);
	assert_true(testkit_has(kit, TESTKIT_LOG, "bearer stays as it is"));
	testkit_destroy(kit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_decides),
		cmocka_unit_test(nobody_is_asked_for_what_is_not_configured),
		cmocka_unit_test(who_it_is_and_for_which_domains),
		cmocka_unit_test(it_asks_as_the_standard_says),
		cmocka_unit_test(what_can_be_no_token_is_asked_about_by_nobody),
		cmocka_unit_test(one_question_for_all_that_come_with_a_token),
		cmocka_unit_test(a_yes_is_believed_for_a_time_and_never_beyond_the_end),
		cmocka_unit_test(a_no_is_believed_for_a_shorter_time),
		cmocka_unit_test(without_a_cache_each_login_is_asked_about),
		cmocka_unit_test(what_is_remembered_has_a_bound),
		cmocka_unit_test(nothing_is_remembered_of_no_answer),
		cmocka_unit_test(what_was_good_stays_so_when_the_end_point_is_down),
		cmocka_unit_test(a_login_does_not_wait_for_ever),
		cmocka_unit_test(what_does_not_fit_is_said),
		cmocka_unit_test(a_secret_is_read_again_where_its_file_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
