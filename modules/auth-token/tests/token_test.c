/* token_test.c - which tokens let whom in, and how often their issuer is asked for keys. */
#include <gateway/testkit.h>

#include <cjose/cjose.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define NOW 1767225600 /* of a kit */

/* --- an issuer --- */

static cjose_jwk_t *rsa, *other_rsa, *ec, *secret;

static char *public_key(cjose_jwk_t *key, const char *id)
{
	cjose_err error;
	char *text;

	if (id)
		cjose_jwk_set_kid(key, id, strlen(id), &error);
	text = cjose_jwk_to_json(key, false, &error);
	assert_non_null(text);
	return text;
}

/* A JWKS of these, parted by commas in `more`. */
static const char *key_list(cjose_jwk_t *first, const char *id, cjose_jwk_t *second)
{
	static char text[8192];
	char *one = public_key(first, id), *two = second ? public_key(second, "ec") : NULL;

	snprintf(text, sizeof text, "{\"keys\":[%s%s%s]}", one, two ? "," : "", two ? two : "");
	free(one);
	free(two);
	return text;
}

static const char *sign(cjose_jwk_t *key, const char *algorithm, const char *id, const char *claims)
{
	static char token[8192];
	cjose_err error;
	cjose_header_t *header = cjose_header_new(&error);
	cjose_jws_t *jws;
	const char *text;

	cjose_header_set(header, CJOSE_HDR_ALG, algorithm, &error);
	if (id)
		cjose_header_set(header, CJOSE_HDR_KID, id, &error);
	jws = cjose_jws_sign(key, header, (const uint8_t *)claims, strlen(claims), &error);
	if (!jws)
		fail_msg("%s", error.message);
	assert_true(cjose_jws_export(jws, &text, &error));
	snprintf(token, sizeof token, "%s", text);
	cjose_jws_release(jws);
	cjose_header_release(header);
	return token;
}

#define CLAIMS(more)                                                                                                 \
	"{\"iss\":\"https://issuer.example\",\"aud\":\"smtp\",\"exp\":1767229200,\"email\":\"crm@example.com\"" more \
	"}"

/* --- a gateway --- */

static struct gw_session *session;

static struct testkit *gate(const char *key, const char *value)
{
	struct testkit *kit = testkit_create(gw_module_v1);

	testkit_option(kit, "issuer", "https://issuer.example");
	testkit_option(kit, "audience", "smtp other");
	testkit_option(kit, "keys_url", "https://issuer.example/keys");
	if (key)
		testkit_option(kit, key, value);
	assert_int_equal(testkit_start(kit), 0);
	session = testkit_session(kit, "192.0.2.1");
	return kit;
}

static struct testkit *gate_with_keys(const char *key, const char *value)
{
	struct testkit *kit = gate(key, value);

	testkit_run_tick(kit);
	assert_true(testkit_run_http(kit, 200, "", key_list(rsa, "one", ec)));
	return kit;
}

static enum gw_verdict log_in(struct testkit *kit, const char *user, const char *token)
{
	return testkit_run_auth(kit, session, "OAUTHBEARER", user, token);
}

/* --- which tokens --- */

static const struct {
	const char *claims, *user;
	const char *why; /* NULL: it is good */
} rows[] = {
	{ CLAIMS(""), "crm@example.com", NULL },
	{ CLAIMS(""), "CRM@Example.com", NULL },
	{ CLAIMS(""), "", NULL },
	{ CLAIMS(",\"nbf\":1767225600,\"iat\":1767225000"), "", NULL },
	{ CLAIMS(",\"email_verified\":true"), "", NULL },
	{ CLAIMS(""), "somebody@example.com", "another user's" },
	{ CLAIMS(",\"email_verified\":false"), "", "never verified" },
	{ CLAIMS(",\"nbf\":1767225661"), "", "not good yet" },
	{ CLAIMS(",\"nbf\":1767225660"), "", NULL },
	{ CLAIMS(",\"iat\":1767225661"), "", "not good yet" },
	{ "{\"iss\":\"https://issuer.example\",\"aud\":[\"x\",\"other\"],\"exp\":1767229200,\"email\":\"a@b\"}",
	  "", NULL },
	{ "{\"iss\":\"https://issuer.example\",\"aud\":[\"x\"],\"exp\":1767229200,\"email\":\"a@b\"}",
	  "", "audience" },
	{ "{\"iss\":\"https://issuer.example\",\"exp\":1767229200,\"email\":\"a@b\"}", "",
	  "audience" },
	{ "{\"iss\":\"https://issuer.example\",\"aud\":\"smtp\",\"email\":\"a@b\"}", "",
	  "when it ends" },
	{ "{\"iss\":\"https://issuer.example\",\"aud\":\"smtp\",\"exp\":\"9\",\"email\":\"a@b\"}",
	  "", "when it ends" },
	{ "{\"iss\":\"https://issuer.example\",\"aud\":\"smtp\",\"exp\":1767225541,\"email\":\"a@b\"}",
	  "", NULL },
	{ "{\"iss\":\"https://issuer.example\",\"aud\":\"smtp\",\"exp\":1767225540,\"email\":\"a@b\"}",
	  "", "expired" },
	{ "{\"iss\":\"https://issuer.example\",\"aud\":\"smtp\",\"exp\":1767229200}", "",
	  "names no user" },
	{ "{\"iss\":\"https://issuer.example\",\"aud\":\"smtp\",\"exp\":1767229200,\"email\":\"a\\nb\"}",
	  "", "names no user" },
	{ "[1]", "", "no JSON object" },
	{ "not json", "", "no JSON object" },
	{ CLAIMS(",\"iss\":\"https://issuer.example\""), "", "no JSON object" }, /* twice */
};

static void claims_decide(void **state)
{
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		for (int curve = 0; curve < 2; curve++) {
			struct testkit *kit = gate_with_keys(NULL, NULL);
			const char *token = curve ? sign(ec, "ES256", "ec", rows[i].claims)
						  : sign(rsa, "RS256", "one", rows[i].claims);
			enum gw_verdict verdict = log_in(kit, rows[i].user, token);

			if ((verdict == GW_ACCEPT) != !rows[i].why)
				fail_msg("%s", rows[i].claims);
			if (rows[i].why)
				assert_true(testkit_has(kit, TESTKIT_LOG, rows[i].why));
			assert_false(testkit_has(kit, TESTKIT_LOG, token));
			testkit_destroy(kit);
		}
}

static void whose_it_is_and_for_which_domains(void **state)
{
	struct testkit *kit = gate_with_keys("domains_claim", "domains");

	assert_int_equal(log_in(kit, "",
				sign(rsa, "RS256", "one",
				     CLAIMS(",\"domains\":[\"a.example\",\"b.example\"]"))),
			 GW_ACCEPT);
	assert_string_equal(gw->session_fact(session, GW_SESSION_CLIENT).ptr, "crm@example.com");
	assert_string_equal(gw->session_fact(session, GW_SESSION_DOMAINS).ptr,
			    "a.example b.example");
	assert_int_equal(log_in(kit, "", sign(rsa, "RS256", "one", CLAIMS(""))), GW_REJECT);
	assert_int_equal(log_in(kit, "", sign(rsa, "RS256", "one", CLAIMS(",\"domains\":[]"))),
			 GW_REJECT);
	assert_int_equal(log_in(kit, "", sign(rsa, "RS256", "one", CLAIMS(",\"domains\":[1]"))),
			 GW_REJECT);
	testkit_destroy(kit);

	kit = gate_with_keys("scope", "smtp.send");
	assert_int_equal(log_in(kit, "", sign(rsa, "RS256", "one", CLAIMS(""))), GW_REJECT);
	assert_true(testkit_has(kit, TESTKIT_REASON, "insufficient_scope smtp.send"));
	assert_int_equal(
		log_in(kit, "", sign(rsa, "RS256", "one", CLAIMS(",\"scp\":\"x smtp.send\""))),
		GW_ACCEPT);
	assert_int_equal(
		log_in(kit, "", sign(rsa, "RS256", "one", CLAIMS(",\"roles\":[\"smtp.send\"]"))),
		GW_ACCEPT);
	assert_int_equal(
		log_in(kit, "", sign(rsa, "RS256", "one", CLAIMS(",\"scope\":\"smtp.sender\""))),
		GW_REJECT);
	testkit_destroy(kit);
}

/* --- who signed it --- */

static const char *with_middle(const char *token, const char *middle)
{
	static char out[8192];
	const char *first = strchr(token, '.'), *last = strrchr(token, '.');

	snprintf(out, sizeof out, "%.*s.%s%s", (int)(first - token), token, middle, last);
	return out;
}

static void only_the_issuers_keys_by_the_two_ways_count(void **state)
{
	struct testkit *kit = gate_with_keys(NULL, NULL);
	/* {"alg":"none"} . {} . */
	const char *none = "eyJhbGciOiJub25lIn0.e30.";

	assert_int_equal(log_in(kit, "", sign(other_rsa, "RS256", "one", CLAIMS(""))), GW_REJECT);
	assert_true(testkit_has(kit, TESTKIT_LOG, "its signature is wrong"));
	assert_int_equal(log_in(kit, "", sign(rsa, "PS256", "one", CLAIMS(""))), GW_REJECT);
	assert_int_equal(log_in(kit, "", sign(rsa, "RS512", "one", CLAIMS(""))), GW_REJECT);
	assert_int_equal(log_in(kit, "", sign(secret, "HS256", "one", CLAIMS(""))), GW_REJECT);
	assert_true(testkit_has(kit, TESTKIT_LOG, "neither RS256 nor ES256"));
	assert_int_equal(log_in(kit, "", none), GW_REJECT);
	assert_int_equal(log_in(kit, "", with_middle(sign(rsa, "RS256", "one", CLAIMS("")), "e30")),
			 GW_REJECT);
	assert_int_equal(log_in(kit, "", sign(rsa, "RS256", NULL, CLAIMS(""))), GW_ACCEPT);
	testkit_destroy(kit);
}

static void another_issuers_token_is_for_another_instance(void **state)
{
	struct testkit *kit = gate_with_keys(NULL, NULL);

	assert_int_equal(log_in(kit, "",
				sign(rsa, "RS256", "one",
				     "{\"iss\":\"https://other.example\",\"aud\":\"smtp\"}")),
			 GW_CONTINUE);
	assert_int_equal(log_in(kit, "", "x"), GW_CONTINUE); /* whose it is, its issuer may know */
	assert_int_equal(log_in(kit, "", "a.b.c.d"), GW_CONTINUE);
	assert_int_equal(testkit_run_auth(kit, session, "PLAIN", "a", "b"), GW_CONTINUE);
	testkit_destroy(kit);
}

/* --- keys --- */

static void a_thousand_logins_ask_for_keys_once(void **state)
{
	struct testkit *kit = gate_with_keys(NULL, NULL);
	const char *token = sign(rsa, "RS256", "one", CLAIMS(""));

	for (int i = 0; i < 1000; i++)
		assert_int_equal(log_in(kit, "", token), GW_ACCEPT);
	assert_int_equal(testkit_metric(kit, "requests"), 1);
	assert_int_equal(testkit_requests(kit), 0);
	testkit_destroy(kit);
}

static void the_first_login_waits_for_keys(void **state)
{
	struct testkit *kit = gate(NULL, NULL);

	assert_int_equal(log_in(kit, "", sign(rsa, "RS256", "one", CLAIMS(""))), GW_PENDING);
	assert_int_equal(log_in(kit, "", sign(rsa, "RS256", "one", CLAIMS(""))), GW_PENDING);
	assert_int_equal(testkit_requests(kit), 1);
	testkit_run_http(kit, 200, "", key_list(rsa, "one", NULL));
	assert_int_equal(testkit_resume(kit, 1000), GW_ACCEPT);
	assert_int_equal(testkit_resume(kit, 1000), GW_ACCEPT);
	testkit_destroy(kit);
}

static void without_keys_a_login_is_put_off(void **state)
{
	static const struct {
		int status;
		const char *body;
	} cases[] = {
		{ 0, "no route to host" },
		{ 503, "" },
		{ 200, "<html>" },
		{ 200, "{\"keys\":[]}" },
		{ 200, "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\"}]}" },
		{ 200, "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}]}" },
		{ 200, "{\"keys\":{}}" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct testkit *kit = gate(NULL, NULL);

		assert_int_equal(log_in(kit, "", sign(rsa, "RS256", "one", CLAIMS(""))),
				 GW_PENDING);
		testkit_run_http(kit, cases[i].status, "", cases[i].body);
		assert_int_equal(testkit_resume(kit, 1000), GW_TEMPFAIL);
		/* and the end point is not asked for each of them */
		assert_int_equal(log_in(kit, "", sign(rsa, "RS256", "one", CLAIMS(""))),
				 GW_TEMPFAIL);
		assert_int_equal(testkit_requests(kit), 0);
		testkit_advance(kit, 10000);
		testkit_run_tick(kit); /* and is by itself */
		assert_int_equal(testkit_requests(kit), 1);
		testkit_destroy(kit);
	}
}

static void keys_stay_when_the_end_point_is_down(void **state)
{
	struct testkit *kit = gate_with_keys(NULL, NULL);

	testkit_advance(kit, 1800000);
	testkit_run_tick(kit);
	assert_int_equal(testkit_requests(kit), 0);
	testkit_advance(kit, 1800000);
	testkit_run_tick(kit);
	assert_int_equal(testkit_requests(kit), 1);
	testkit_run_http(kit, 500, "", "");
	assert_int_equal(
		log_in(kit, "",
		       sign(rsa, "RS256", "one",
			    "{\"iss\":\"https://issuer.example\",\"aud\":\"smtp\",\"exp\":1767239200,\"email\":\"a@b\"}")),
		GW_ACCEPT);
	testkit_run_status(kit);
	assert_true(testkit_has(kit, TESTKIT_STATUS,
				"keys: 2 of https://issuer.example; the last look"));
	testkit_destroy(kit);
}

static void a_new_key_is_looked_for_once_a_minute(void **state)
{
	struct testkit *kit = gate_with_keys(NULL, NULL);

	testkit_advance(kit, 60000);
	assert_int_equal(log_in(kit, "", sign(other_rsa, "RS256", "two", CLAIMS(""))), GW_PENDING);
	testkit_run_http(kit, 200, "", key_list(other_rsa, "two", NULL));
	assert_int_equal(testkit_resume(kit, 1000), GW_ACCEPT);
	/* what is not there either is refused, and asked for by nobody for a minute */
	for (int i = 0; i < 50; i++)
		assert_int_equal(log_in(kit, "", sign(rsa, "RS256", "three", CLAIMS(""))),
				 GW_REJECT);
	assert_int_equal(testkit_requests(kit), 0);
	testkit_advance(kit, 60000);
	assert_int_equal(log_in(kit, "", sign(rsa, "RS256", "three", CLAIMS(""))), GW_PENDING);
	testkit_run_http(kit, 500, "", "");
	assert_int_equal(testkit_resume(kit, 1000), GW_REJECT);
	assert_int_equal(testkit_metric(kit, "requests"), 3);
	testkit_destroy(kit);
}

static void a_clock_that_is_set_back_keeps_no_old_keys(void **state)
{
	struct testkit *kit = gate_with_keys(NULL, NULL);

	testkit_advance(kit, 365 * 86400000LL);
	testkit_run_tick(kit);
	testkit_run_http(kit, 200, "", key_list(rsa, "one", NULL));
	testkit_set_time(kit, 1767225600000);
	testkit_run_tick(kit);
	assert_int_equal(testkit_requests(kit), 1);
	testkit_run_http(kit, 200, "", key_list(other_rsa, "two", NULL));
	testkit_run_tick(kit);
	assert_int_equal(testkit_requests(kit), 0);
	assert_int_equal(log_in(kit, "", sign(other_rsa, "RS256", "two", CLAIMS(""))), GW_ACCEPT);
	testkit_destroy(kit);
}

static void a_login_does_not_wait_for_ever(void **state)
{
	struct testkit *kit = gate(NULL, NULL);

	assert_int_equal(log_in(kit, "", sign(rsa, "RS256", "one", CLAIMS(""))), GW_PENDING);
	testkit_advance(kit, 20000);
	assert_int_equal(testkit_held(kit), 0);
	testkit_run_http(kit, 200, "", key_list(rsa, "one", NULL));
	assert_int_equal(log_in(kit, "", sign(rsa, "RS256", "one", CLAIMS(""))), GW_ACCEPT);
	assert_int_equal(testkit_run_auth(kit, session, "XOAUTH2", "crm@example.com",
					  sign(rsa, "RS256", "one", CLAIMS(""))),
			 GW_ACCEPT);
	testkit_destroy(kit);

	kit = gate(NULL, NULL); /* the gateway stops meanwhile */
	assert_int_equal(log_in(kit, "", sign(rsa, "RS256", "one", CLAIMS(""))), GW_PENDING);
	testkit_destroy(kit);
}

static void it_says_what_it_checks(void **state)
{
	struct testkit *kit = gate(NULL, NULL);

	assert_int_equal(testkit_run_ehlo(kit, session), GW_CONTINUE);
	assert_true(testkit_has(kit, TESTKIT_CAPABILITY, "+AUTH OAUTHBEARER"));
	assert_true(testkit_has(kit, TESTKIT_CAPABILITY, "+AUTH XOAUTH2"));
	testkit_destroy(kit);

	kit = testkit_create(gw_module_v1);
	testkit_option(kit, "issuer", "x");
	testkit_option(kit, "audience", "y");
	testkit_option(kit, "keys_url", "http://issuer.example/keys");
	assert_int_equal(testkit_start(kit), -1);
	assert_true(testkit_has(kit, TESTKIT_PROBLEM, "https://"));
	testkit_destroy(kit);
}

static int set_up(void **state)
{
	cjose_err error;

	rsa = cjose_jwk_create_RSA_random(2048, (const uint8_t *)"\1\0\1", 3, &error);
	other_rsa = cjose_jwk_create_RSA_random(2048, (const uint8_t *)"\1\0\1", 3, &error);
	ec = cjose_jwk_create_EC_random(CJOSE_JWK_EC_P_256, &error);
	secret = cjose_jwk_create_oct_random(256, &error);
	return rsa && other_rsa && ec && secret ? 0 : -1;
}

static int tear_down(void **state)
{
	cjose_jwk_release(rsa);
	cjose_jwk_release(other_rsa);
	cjose_jwk_release(ec);
	cjose_jwk_release(secret);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(claims_decide),
		cmocka_unit_test(whose_it_is_and_for_which_domains),
		cmocka_unit_test(only_the_issuers_keys_by_the_two_ways_count),
		cmocka_unit_test(another_issuers_token_is_for_another_instance),
		cmocka_unit_test(a_thousand_logins_ask_for_keys_once),
		cmocka_unit_test(the_first_login_waits_for_keys),
		cmocka_unit_test(without_keys_a_login_is_put_off),
		cmocka_unit_test(keys_stay_when_the_end_point_is_down),
		cmocka_unit_test(a_new_key_is_looked_for_once_a_minute),
		cmocka_unit_test(a_clock_that_is_set_back_keeps_no_old_keys),
		cmocka_unit_test(a_login_does_not_wait_for_ever),
		cmocka_unit_test(it_says_what_it_checks),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
