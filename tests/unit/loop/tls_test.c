#include "tls_test.h"

static struct made good, other, locked, twin;

static int make_files(void **state)
{
	folder_create();
	good = make_certificate(
		(struct wanted){ .name = "good", .alt = "DNS:good.example", .days = 30 });
	other = make_certificate(
		(struct wanted){ .name = "other", .alt = "DNS:other.example", .days = 30 });
	twin = make_certificate((struct wanted){
		.name = "twin", .alt = "DNS:good.example", .days = 30, .rsa = true });
	locked = make_certificate((struct wanted){ .name = "locked",
						   .alt = "DNS:locked.example",
						   .days = 30,
						   .passphrase = "sesame" });
	write_file("garbage", "this is no certificate\n");
	return 0;
}

static int remove_files(void **state)
{
	made_finish(&good);
	made_finish(&other);
	made_finish(&locked);
	made_finish(&twin);
	folder_remove();
	return 0;
}

/* The first problem, or "" when the context was made. */
static void server_problem(const struct tls_server_options *options, char *text, size_t size)
{
	struct problems problems;
	struct tls_context *tls;

	problems_init(&problems);
	tls = tls_server_create(options, "relay.conf", 7, &problems);
	assert_int_equal(tls == NULL, problems.errors != 0);
	text[0] = '\0';
	if (problems.first != NULL)
		problem_format(problems.first, text, size);
	tls_release(tls);
	problems_finish(&problems);
}

static void a_server_needs_a_certificate_and_its_key(void **state)
{
	static const struct {
		const char *certificate, *key, *passphrase, *client_ca;
		const char *file, *problem; /* NULL: none */
	} cases[] = {
		{ "good.crt", "good.key", "", "", NULL, NULL },
		{ "good.crt", "good.key", "", "good.crt", NULL, NULL },
		{ "locked.crt", "locked.key", "sesame", "", NULL, NULL },
		{ "missing.crt", "good.key", "", "", "missing.crt", "No such file or directory" },
		{ "garbage", "good.key", "", "", "garbage", "no start line" },
		{ "good.crt", "missing.key", "", "", "missing.key", "No such file or directory" },
		{ "good.crt", "garbage", "", "", "garbage", "there is no key in PEM form in it" },
		{ "good.crt", "", "", "", "good.crt", "a certificate and no key is in it" },
		{ "good.crt", "other.crt", "", "", "other.crt", "a certificate and no key" },
		{ "good.key", "good.key", "", "", "good.key",
		  "there is no certificate in PEM form in it" },
		{ "good.crt", "other.key", "", "", "other.key",
		  "the key does not match the certificate" },
		{ "locked.crt", "locked.key", "", "", "locked.key",
		  "the key is encrypted and there is no passphrase" },
		{ "locked.crt", "locked.key", "simsim", "", "locked.key",
		  "the passphrase is wrong" },
		{ "good.crt", "good.key", "", "garbage", "garbage", "" },
	};
	char certificate[128], key[128], ca[128], text[512];
	struct tls_server_options options;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		options = (struct tls_server_options){
			.pair.certificate = gw_str(path_in(certificate, cases[i].certificate, "")),
			.pair.key = gw_str(cases[i].key[0] != '\0' ? path_in(key, cases[i].key, "")
								   : ""),
			.pair.passphrase = gw_str(cases[i].passphrase),
			.clients = TLS_CLIENTS_ASKED,
			.client_ca = gw_str(cases[i].client_ca[0] != '\0'
						    ? path_in(ca, cases[i].client_ca, "")
						    : ""),
		};
		server_problem(&options, text, sizeof(text));
		if (cases[i].problem == NULL) {
			assert_string_equal(text, "");
			continue;
		}
		assert_non_null(strstr(text, "relay.conf:7: error: "));
		assert_non_null(strstr(text, cases[i].file));
		assert_non_null(strstr(text, cases[i].problem));
	}
}

/* Beside one of other names; beside one of the same names only with a key of another kind; and what
 * is wrong with one of them is told as with the first. */
static void more_certificates_stand_beside_the_first(void **state)
{
	static const struct {
		struct made *more;
		const char *passphrase, *ciphers, *problem; /* NULL: none */
	} cases[] = {
		{ &other, "", "", NULL },
		{ &twin, "", "", NULL },
		{ &good, "", "", "another one with the same names" },
		{ &locked, "sesame", "", NULL },
		{ &locked, "simsim", "", "the passphrase is wrong" },
		{ &other, "", TLS_CIPHERS_USUAL, NULL },
		{ &other, "", "nonsense", "none of them is known" },
	};
	char text[512];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tls_pair more = { gw_str(cases[i].more->certificate_path),
					 gw_str(cases[i].more->key_path),
					 gw_str(cases[i].passphrase) };
		struct tls_server_options options = {
			.pair = { gw_str(good.certificate_path), gw_str(good.key_path),
				  gw_str("") },
			.more = &more,
			.more_count = 1,
			.ciphers = gw_str(cases[i].ciphers),
		};

		server_problem(&options, text, sizeof(text));
		assert_int_equal(text[0] != '\0', cases[i].problem != NULL);
		assert_non_null(strstr(text, cases[i].problem != NULL ? cases[i].problem : ""));
	}
}

static void a_client_needs_what_it_names(void **state)
{
	char garbage[128], key[128], text[512];
	struct tls_client_options options = { .verify = true };
	struct problems problems;
	struct tls_context *tls;

	problems_init(&problems);
	tls = tls_client_create(&options, "relay.conf", 3, &problems);
	assert_non_null(tls);
	tls_release(tls_hold(tls));
	tls_release(tls);
	options.ca = gw_str(path_in(garbage, "garbage", ""));
	assert_null(tls_client_create(&options, "relay.conf", 3, &problems));
	assert_non_null(strstr(problem_format(problems.first, text, sizeof(text)), garbage));
	options = (struct tls_client_options){ .pair.certificate = gw_str(good.certificate_path),
					       .pair.key = gw_str(path_in(key, "other.key", "")) };
	assert_null(tls_client_create(&options, "relay.conf", 3, &problems));
	assert_int_equal(problems.errors, 2);
	problems_finish(&problems);
	tls_release(NULL);
}

static void a_certificate_that_will_be_refused_is_a_warning(void **state)
{
	static const struct {
		int days;
		const char *problem;
	} rows[] = { { -1, "it has expired" }, { 13, "it expires within 14 days" }, { 15, NULL } };
	struct tls_server_options options = { 0 };
	char text[512];
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct made made = make_certificate(
			(struct wanted){ .name = "dated", .days = rows[i].days });

		options.pair.certificate = gw_str(made.certificate_path);
		options.pair.key = gw_str(made.key_path);
		server_problem(&options, text, sizeof(text));
		assert_int_equal(strstr(text, "relay.conf:7: warning: ") != NULL,
				 rows[i].problem != NULL);
		assert_non_null(strstr(text, rows[i].problem != NULL ? rows[i].problem : ""));
		made_finish(&made);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_server_needs_a_certificate_and_its_key),
		cmocka_unit_test(more_certificates_stand_beside_the_first),
		cmocka_unit_test(a_client_needs_what_it_names),
		cmocka_unit_test(a_certificate_that_will_be_refused_is_a_warning),
	};

	if (loop_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, make_files, remove_files);
}
