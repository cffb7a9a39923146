/* login_test.c - a person logs in: with a code for a device, or with a page and what it sends
 * back; and a service account, whose clock may be off. */
#include "office.h"

#include "text.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <sys/socket.h>

static const char *reply(struct testkit *kit)
{
	size_t count = testkit_lines(kit, TESTKIT_REPLY);

	return count ? testkit_line(kit, TESTKIT_REPLY, count - 1) : "";
}

static bool says(struct testkit *kit, const char *words, const char *part)
{
	testkit_run_control(kit, words, true);
	if (strstr(reply(kit), part))
		return true;
	print_error("%s: %s\n", words, reply(kit));
	return false;
}

static void shown(struct testkit *kit)
{
	testkit_run_tick(kit);
	assert_string_equal(testkit_request(kit)->url.ptr, "https://login.example/device");
	assert_string_equal(
		testkit_request(kit)->body.ptr,
		"scope=smtp.send%20offline&client_id=app-1&client_secret=SECRET-client");
	testkit_run_http(
		kit, 200, "",
		"{\"device_code\":\"SECRET-dev\",\"user_code\":\"ABCD-EFGH\",\"verification_uri\":\"https://login.example/go\",\"expires_in\":600,\"interval\":5}");
	assert_true(says(kit, "login m365 again 1", "type the code ABCD-EFGH"));
	assert_true(says(kit, "login m365 again 1", "again"));
	assert_null(strstr(reply(kit), "ABCD")); /* once */
}

static void poll(struct testkit *kit, int ms)
{
	testkit_advance(kit, ms - 1000);
	testkit_run_tick(kit);
	assert_int_equal(testkit_requests(kit), 0);
	testkit_advance(kit, 1000);
	testkit_run_tick(kit);
	assert_true(asked(
		kit,
		"grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code&device_code=SECRET-dev&client_id=app-1"));
}

static struct testkit *at_the_desk(void)
{
	struct testkit *kit = office("login");

	assert_int_equal(testkit_start(kit), 0);
	testkit_run_tick(kit);
	assert_int_equal(testkit_requests(kit), 0); /* nobody has logged in: nothing to ask with */
	assert_non_null(testkit_closed(relay));
	assert_int_equal(testkit_submissions(kit), 0);
	assert_true(says(kit, "status", "gatewayctl oauth login m365"));
	return kit;
}

static void a_device_waits_as_it_is_told(void **state)
{
	struct testkit *kit = at_the_desk();

	assert_true(says(kit, "login m365", "\"again\""));
	shown(kit);
	poll(kit, 5000);
	no(kit, 400, "authorization_pending");
	poll(kit, 5000);
	no(kit, 400, "slow_down");
	poll(kit, 10000);
	no(kit, 400, "authorization_pending");
	poll(kit, 10000);
	token(kit, "SECRET-one", "SECRET-r1", 3600);
	assert_true(gives(kit, "SECRET-one"));
	testkit_run_tick(kit);
	assert_null(testkit_closed(relay));
	assert_true(says(kit, "login m365 again 1", "\"relay\",\"test\",\"m365\""));
	assert_true(file_gets(kit, "SECRET-r1"));
	assert_true(says(kit, "status m365", "\"good\""));
	keeps_secrets(kit);
	testkit_destroy(kit);
}

static void a_device_is_refused_or_too_late(void **state)
{
	static const char *const errors[] = { "access_denied", "expired_token" };

	for (size_t i = 0; i < 2; i++) {
		struct testkit *kit = at_the_desk();

		says(kit, "login m365 device", "again");
		shown(kit);
		poll(kit, 5000);
		no(kit, 400, errors[i]);
		assert_true(says(kit, "login m365 again 1", errors[i]));
		assert_null(strstr(reply(kit), "again"));
		testkit_destroy(kit);
	}
	struct testkit *kit = at_the_desk();
	says(kit, "login m365", "again");
	shown(kit);
	testkit_advance(kit, 601000);
	testkit_run_tick(kit);
	assert_true(says(kit, "login m365 again 1", "expired_token"));
	testkit_destroy(kit);
}

/* A member of a query in the page's address. */
static const char *of_page(struct testkit *kit, const char *name)
{
	static char value[200];
	const char *query = strstr(reply(kit), "https://login.example/page?x=1&");

	assert_non_null(query);
	assert_true(form_value(gw_str_n(query, strcspn(query, "\\\"")), name, value, sizeof value));
	return value;
}

static void a_page_s_answer_is_pasted(void **state)
{
	struct testkit *kit = at_the_desk();
	char state_word[100], challenge[100], redirect[100], verifier[200], made[RANDOM_WORD],
		words[400];
	const char *at;

	assert_true(says(kit, "login m365 page", "Open this page"));
	snprintf(state_word, sizeof state_word, "%s", of_page(kit, "state"));
	snprintf(challenge, sizeof challenge, "%s", of_page(kit, "code_challenge"));
	snprintf(redirect, sizeof redirect, "%s", of_page(kit, "redirect_uri"));
	assert_string_equal(of_page(kit, "code_challenge_method"), "S256");
	assert_string_equal(of_page(kit, "scope"), "smtp.send offline");
	assert_true(says(kit, "login m365 again 1 http://localhost:1/?code=SECRET-c&state=other",
			 "answer to another login"));
	assert_true(says(kit, "login m365 again 1 nonsense", "whole address"));
	snprintf(words, sizeof words, "login m365 again 1 %s?code=SECRET-c%%2Fd&state=%s", redirect,
		 state_word);
	assert_true(says(kit, words, "again"));
	testkit_run_tick(kit);
	assert_true(
		asked(kit, "grant_type=authorization_code&code=SECRET-c%2Fd&redirect_uri=http"));
	at = strstr(testkit_request(kit)->body.ptr, "&code_verifier=");
	assert_non_null(at);
	assert_true(form_value(gw_str(at + 1), "code_verifier", verifier, sizeof verifier));
	assert_true(challenge_of(verifier, made));
	assert_string_equal(made, challenge);
	token(kit, "SECRET-one", "SECRET-r1", 3600);
	assert_true(gives(kit, "SECRET-one"));
	testkit_destroy(kit);
}

/* A browser on this machine: it connects ahead of need too, and says nothing on that connection. */
static int browser(const char *redirect, const char *request)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	unsigned port;

	assert_int_equal(sscanf(redirect, "http://localhost:%u/", &port), 1);
	address.sin_port = htons((uint16_t)port);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(write(fd, request, strlen(request)), (ssize_t)strlen(request));
	return fd;
}

static void a_browser_here_brings_the_answer_itself(void **state)
{
	struct testkit *kit = at_the_desk();
	char redirect[100], request[400], thanks[400] = "";
	int idle, stranger, fd, turn;

	says(kit, "login m365 page", "Open");
	snprintf(redirect, sizeof redirect, "%s", of_page(kit, "redirect_uri"));
	snprintf(request, sizeof request,
		 "GET /?state=%s&code=SECRET-c HTTP/1.1\r\nHost: x\r\n\r\n", of_page(kit, "state"));
	idle = browser(redirect, "");
	stranger = browser(redirect, "GET /favicon.ico HTTP/1.1\r\n\r\n");
	fd = browser(redirect, request);
	for (turn = 0; turn < 20 && !testkit_requests(kit); turn++) {
		testkit_run_tick(kit);
		usleep(1000);
	}
	assert_true(asked(kit, "grant_type=authorization_code&code=SECRET-c&"));
	assert_true(read(fd, thanks, sizeof thanks - 1) > 0);
	assert_non_null(strstr(thanks, "You may close this window"));
	close(idle);
	close(stranger);
	close(fd);
	testkit_destroy(kit);
}

static void a_page_that_says_no_ends_the_login(void **state)
{
	struct testkit *kit = at_the_desk();
	char words[400];

	says(kit, "login m365 page", "Open");
	snprintf(words, sizeof words,
		 "login m365 again 1 http://localhost/?error=access_denied&state=%s",
		 of_page(kit, "state"));
	assert_true(says(kit, words, "access_denied"));
	assert_null(strstr(reply(kit), "again"));
	testkit_destroy(kit);
}

static void a_second_login_ends_the_first(void **state)
{
	struct testkit *kit = at_the_desk();

	says(kit, "login m365", "again");
	testkit_run_tick(kit);
	says(kit, "login m365", "again"); /* while the first is asked about */
	assert_true(says(kit, "login m365 again 1", "another login"));
	no(kit, 400, "invalid_scope"); /* of the first */
	testkit_run_tick(kit);
	assert_int_equal(testkit_requests(kit), 1);
	testkit_destroy(kit);
}

static void a_logout_takes_the_token_back(void **state)
{
	struct testkit *kit = logged_in("login");

	assert_true(says(kit, "logout m365", "forgotten, and the provider is told"));
	assert_null(file_text(kit));
	testkit_run_tick(kit);
	assert_string_equal(testkit_request(kit)->url.ptr, "https://login.example/revoke");
	assert_true(asked(kit, "token=SECRET-r1&client_id=app-1"));
	testkit_run_http(kit, 200, "", "");
	assert_int_equal(log_in(kit, delivery_of(kit)), GW_NEXT);
	testkit_advance(kit, 24 * 60 * MINUTE);
	testkit_run_tick(kit);
	assert_int_equal(testkit_requests(kit), 0);
	testkit_destroy(kit);
}

static void a_logout_in_the_middle_of_a_renewal_holds(void **state)
{
	struct testkit *kit = logged_in("login");

	testkit_advance(kit, 51 * MINUTE);
	testkit_run_tick(kit);
	says(kit, "logout m365", "forgotten");
	token(kit, "SECRET-two", "SECRET-r2", 3600); /* nobody's any more */
	testkit_run_tick(kit);
	assert_int_equal(log_in(kit, delivery_of(kit)), GW_NEXT);
	assert_null(file_text(kit));
	testkit_destroy(kit);
}

/* --- a service account --- */

/* One of two, since making one takes its time. */
static EVP_PKEY *make_key_of(struct testkit *kit, int nth)
{
	static EVP_PKEY *keys[2];
	EVP_PKEY *key = keys[nth] ? keys[nth] : (keys[nth] = EVP_RSA_gen(2048));
	FILE *file = fopen(testkit_file(kit, "key.pem", ""), "w");

	PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL);
	fclose(file);
	return key;
}

static EVP_PKEY *make_key(struct testkit *kit)
{
	return make_key_of(kit, 0);
}

/* By the library, which wants '+', '/' and padding. */
static int from_base64url(const char *text, unsigned char *out)
{
	unsigned char whole[2048];
	size_t len = strlen(text), i, padded = (len + 3) / 4 * 4;

	for (i = 0; i < padded; i++)
		whole[i] = i >= len         ? '='
			   : text[i] == '-' ? '+'
			   : text[i] == '_' ? '/'
					    : (unsigned char)text[i];
	return EVP_DecodeBlock(out, whole, (int)padded) - (int)(padded - len);
}

static char header[1024]; /* of the assertion that was looked at last */

/* The claims of the assertion that is asked with, its signature verified. */
static char *claims_of(struct testkit *kit, const char *name, EVP_PKEY *key, bool pss)
{
	static char text[2048];
	char jwt[4096], *dot, *last;
	unsigned char signature[512];
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_PKEY_CTX *how;

	assert_true(form_value(testkit_request(kit)->body, name, jwt, sizeof jwt));
	last = strrchr(jwt, '.');
	dot = strchr(jwt, '.');
	*last = '\0';
	assert_int_equal(from_base64url(last + 1, signature), 256);
	assert_int_equal(EVP_DigestVerifyInit(context, &how, EVP_sha256(), NULL, key), 1);
	if (pss)
		EVP_PKEY_CTX_set_rsa_padding(how, RSA_PKCS1_PSS_PADDING);
	assert_int_equal(
		EVP_DigestVerify(context, signature, 256, (unsigned char *)jwt, strlen(jwt)), 1);
	EVP_MD_CTX_free(context);
	*dot = '\0';
	header[from_base64url(jwt, (unsigned char *)header)] = '\0';
	text[from_base64url(dot + 1, (unsigned char *)text)] = '\0';
	return text;
}

static char *claims(struct testkit *kit, EVP_PKEY *key)
{
	return claims_of(kit, "assertion", key, false);
}

static void a_service_account_signs_by_the_servers_clock(void **state)
{
	struct testkit *kit = office("jwt_bearer");
	EVP_PKEY *key = make_key(kit);

	testkit_relay_option(relay, "auth.key", testkit_file(kit, "key.pem", NULL));
	testkit_relay_option(relay, "auth.issuer", "robot@project.example");
	assert_int_equal(testkit_start(kit), 0);
	testkit_run_tick(kit);
	assert_true(
		asked(kit, "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&"));
	assert_string_equal(
		claims(kit, key),
		"{\"iss\":\"robot@project.example\",\"sub\":\"relay@example.com\",\"aud\":\"https://login.example/token\",\"scope\":\"smtp.send offline\",\"iat\":1767225600,\"exp\":1767226200}");
	testkit_run_http(kit, 400, "Date: Thu, 01 Jan 2026 00:10:00 GMT",
			 "{\"error\":\"invalid_grant\"}");
	assert_null(testkit_closed(relay));
	assert_non_null(strstr(claims(kit, key), "\"iat\":1767226200,"));
	testkit_run_http(kit, 400, "Date: Thu, 01 Jan 2026 00:10:00 GMT",
			 "{\"error\":\"invalid_grant\"}"); /* the clock was not why */
	assert_int_equal(testkit_requests(kit), 0);
	assert_non_null(testkit_closed(relay));
	testkit_destroy(kit);
}

/* What the certificate is known by, and its file. */
static void make_certificate(struct testkit *kit, EVP_PKEY *key, char thumbprint[64])
{
	X509 *certificate = X509_new();
	unsigned char digest[EVP_MAX_MD_SIZE];
	FILE *file = fopen(testkit_file(kit, "certificate.pem", NULL), "w");

	X509_set_pubkey(certificate, key);
	X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
	assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
	assert_int_equal(PEM_write_X509(file, certificate), 1);
	fclose(file);
	assert_int_equal(X509_digest(certificate, EVP_sha256(), digest, NULL), 1);
	assert_int_equal(base64url(digest, 32, thumbprint, 64), 43);
	X509_free(certificate);
}

/* "jti" is another one each time. */
static void an_application_signs_with_its_certificate(void **state)
{
	static const char *const algorithms[] = { "PS256", "RS256" };
	char thumbprint[64], before[2048] = "", wanted[200];

	for (int i = 0; i < 4; i++) {
		struct testkit *kit = office(i < 2 ? "client_credentials" : "login");
		EVP_PKEY *key = make_key(kit);
		const char *told;

		make_certificate(kit, key, thumbprint);
		testkit_relay_option(relay, "auth.client_secret", "");
		testkit_relay_option(relay, "auth.certificate",
				     testkit_file(kit, "certificate.pem", NULL));
		testkit_relay_option(relay, "auth.key", testkit_file(kit, "key.pem", NULL));
		testkit_relay_option(relay, "auth.algorithm", algorithms[i % 2]);
		assert_int_equal(testkit_start(kit), 0);
		if (i >= 2) {
			testkit_run_control(kit, "login m365", true);
			testkit_run_tick(kit);
			testkit_run_http(
				kit, 200, "",
				"{\"device_code\":\"x\",\"user_code\":\"A\",\"verification_uri\":\"https://login.example/go\",\"expires_in\":600,\"interval\":5}");
			testkit_advance(kit, 5000);
		}
		testkit_run_tick(kit);
		assert_false(asked(kit, "client_secret"));
		assert_true(asked(
			kit,
			"&client_id=app-1&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion="));
		told = claims_of(kit, "client_assertion", key, i % 2 == 0);
		assert_non_null(strstr(
			told,
			"{\"iss\":\"app-1\",\"sub\":\"app-1\",\"aud\":\"https://login.example/token\",\"jti\":\""));
		assert_string_not_equal(told, before);
		snprintf(before, sizeof before, "%s", told);
		snprintf(wanted, sizeof wanted,
			 "{\"alg\":\"%s\",\"typ\":\"JWT\",\"x5t#S256\":\"%s\"}", algorithms[i % 2],
			 thumbprint);
		assert_string_equal(header, wanted);
		testkit_destroy(kit);
	}
}

static void a_certificate_of_another_key_is_told(void **state)
{
	struct testkit *kit = office("client_credentials");
	EVP_PKEY *key = make_key(kit);
	char thumbprint[64];

	make_certificate(kit, key, thumbprint);
	make_key_of(kit, 1);
	testkit_relay_option(relay, "auth.client_secret", "");
	testkit_relay_option(relay, "auth.certificate", testkit_file(kit, "certificate.pem", NULL));
	testkit_relay_option(relay, "auth.key", testkit_file(kit, "key.pem", NULL));
	assert_int_equal(testkit_start(kit), 0);
	assert_true(testkit_has(kit, TESTKIT_PROBLEM, "not the certificate of the key"));
	testkit_destroy(kit);

	kit = office("client_credentials"); /* with a secret beside it */
	testkit_relay_option(relay, "auth.certificate", "certificate.pem");
	testkit_relay_option(relay, "auth.key", "key.pem");
	assert_int_equal(testkit_start(kit), -1);
	assert_true(testkit_has(kit, TESTKIT_PROBLEM, "in the place of client_secret"));
	testkit_destroy(kit);
}

static void a_key_that_is_none_is_told(void **state)
{
	struct testkit *kit = office("jwt_bearer");

	testkit_relay_option(relay, "auth.key", testkit_file(kit, "key.pem", "no key\n"));
	assert_int_equal(testkit_start(kit), 0);
	assert_true(testkit_has(kit, TESTKIT_PROBLEM, "no private key"));
	testkit_run_tick(kit);
	assert_non_null(testkit_closed(relay));
	testkit_destroy(kit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_device_waits_as_it_is_told),
		cmocka_unit_test(a_device_is_refused_or_too_late),
		cmocka_unit_test(a_page_s_answer_is_pasted),
		cmocka_unit_test(a_browser_here_brings_the_answer_itself),
		cmocka_unit_test(a_page_that_says_no_ends_the_login),
		cmocka_unit_test(a_second_login_ends_the_first),
		cmocka_unit_test(a_logout_takes_the_token_back),
		cmocka_unit_test(a_logout_in_the_middle_of_a_renewal_holds),
		cmocka_unit_test(a_service_account_signs_by_the_servers_clock),
		cmocka_unit_test(an_application_signs_with_its_certificate),
		cmocka_unit_test(a_certificate_of_another_key_is_told),
		cmocka_unit_test(a_key_that_is_none_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
