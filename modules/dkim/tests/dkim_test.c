/* Signing as the gateway asks for it; what comes out is verified by dkimpy with the records that
 * the verb `dns` prints. */
#include <gateway/testkit.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <cmocka.h>

#define HEADER                                                                                     \
	"From: Ann <ann@example.com>\r\nTo: b@example.org\r\nSubject: one\r\nDate: Mon, 23 Nov 2026 17:40:12 +0000\r\n"

struct bench {
	struct testkit *kit;
	struct gw_relay *relay;
	unsigned files;
};

/* --- keys --- */

static EVP_PKEY *rsa_key(int bits)
{
	static EVP_PKEY *made[3];
	EVP_PKEY **key = &made[bits == 1024 ? 0 : bits == 2048 ? 1 : 2];

	if (!*key)
		*key = EVP_RSA_gen((unsigned)bits);
	assert_non_null(*key);
	return *key;
}

static EVP_PKEY *ed25519_key(void)
{
	static EVP_PKEY *made;

	if (!made)
		made = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	assert_non_null(made);
	return made;
}

static const char *key_file(struct bench *bench, const char *name, EVP_PKEY *key,
			    const char *passphrase)
{
	const char *path = testkit_file(bench->kit, name, NULL);
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(PEM_write_PrivateKey(file, key, passphrase ? EVP_aes_128_cbc() : NULL,
					      NULL, 0, NULL, (void *)passphrase),
			 1);
	fclose(file);
	assert_int_equal(chmod(path, 0600), 0);
	return path;
}

static void add_key(struct bench *bench, unsigned at, const char *domain, const char *selector,
		    const char *path)
{
	char option[40];

	snprintf(option, sizeof option, "keys[%u].domain", at);
	testkit_option(bench->kit, option, domain);
	snprintf(option, sizeof option, "keys[%u].selector", at);
	testkit_option(bench->kit, option, selector);
	snprintf(option, sizeof option, "keys[%u].key", at);
	testkit_option(bench->kit, option, path);
}

static void bench_init(struct bench *bench)
{
	memset(bench, 0, sizeof *bench);
	bench->kit = testkit_create(gw_module_v1);
	bench->relay = testkit_relay(bench->kit, "mass-eu");
	testkit_set_time(bench->kit, 1795456812000);
}

/* An RSA and an Ed25519 key for example.com. */
static void bench_start(struct bench *bench)
{
	bench_init(bench);
	add_key(bench, 0, "Example.COM", "s1", key_file(bench, "rsa.pem", rsa_key(2048), NULL));
	add_key(bench, 1, "example.com", "s2", key_file(bench, "ed.pem", ed25519_key(), NULL));
	assert_int_equal(testkit_start(bench->kit), 0);
}

static void bench_finish(struct bench *bench)
{
	testkit_destroy(bench->kit);
}

static struct gw_delivery *delivery_of(struct bench *bench, const char *bytes, size_t len,
				       const char *from_domain)
{
	struct gw_message *message = testkit_message(bench->kit, NULL, "ann@example.com", "");
	struct gw_delivery *delivery;

	testkit_message_bytes(message, bytes, len);
	testkit_message_fact(message, GW_MESSAGE_FROM_DOMAIN, from_domain);
	testkit_rcpt(message, "b@example.org");
	delivery = testkit_delivery(message, bench->relay);
	testkit_delivery_trace(delivery,
			       "Received: from a by b; Mon, 23 Nov 2026 17:40:12 +0000\r\n");
	return delivery;
}

static struct gw_delivery *delivery_of_text(struct bench *bench, const char *text,
					    const char *from_domain)
{
	return delivery_of(bench, text, strlen(text), from_domain);
}

static enum gw_verdict prepare(struct bench *bench, const char *bytes, const char *from_domain)
{
	return testkit_run_prepare(bench->kit, delivery_of_text(bench, bytes, from_domain));
}

/* --- verifying --- */

static void write_file(const char *path, struct gw_str bytes)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes.ptr, 1, bytes.len, file), bytes.len);
	fclose(file);
}

static void add_file(struct bench *bench, struct gw_str bytes)
{
	char name[20];

	snprintf(name, sizeof name, "%03u.eml", bench->files++);
	write_file(testkit_file(bench->kit, name, NULL), bytes);
}

static bool have_verifier(void)
{
	return system("/usr/bin/python3 -c 'import dkim' 2>/dev/null") == 0;
}

/* Verifies the files added so far: one line for each. */
static void verify_files(struct bench *bench, char lines[][40])
{
	char command[1024];
	const char *folder = testkit_folder(bench->kit);
	FILE *output;
	unsigned i;

	testkit_forget(bench->kit);
	testkit_run_control(bench->kit, "dns", false);
	assert_int_equal(testkit_lines(bench->kit, TESTKIT_REPLY), 1);
	write_file(testkit_file(bench->kit, "records.json", NULL),
		   gw_str(testkit_line(bench->kit, TESTKIT_REPLY, 0)));
	snprintf(command, sizeof command,
		 "/usr/bin/python3 " TEST_FOLDER "/verify.py %s/records.json %s/*.eml", folder,
		 folder);
	output = popen(command, "r");
	assert_non_null(output);
	for (i = 0; i < bench->files; i++) {
		assert_non_null(fgets(lines[i], 40, output));
		lines[i][strcspn(lines[i], "\n")] = '\0';
	}
	assert_int_equal(pclose(output), 0);
}

static char *long_text(const char *head, const char *part, unsigned times, const char *tail)
{
	char *text = malloc(strlen(head) + strlen(part) * times + strlen(tail) + 1),
	     *at = stpcpy(text, head);

	while (times--)
		at = stpcpy(at, part);
	strcpy(at, tail);
	return text;
}

static void every_kind_of_message_is_signed_so_that_it_verifies(void **state)
{
	if (!have_verifier())
		skip();
	char *long_cc = long_text(HEADER "Cc: a@example.org", ",\r\n\tsomeone.else@example.org",
				  800, "\r\n\r\nbody\r\n");
	char *long_body = long_text(HEADER "\r\n",
				    "one line of a body  \t that is somewhat longer \r\n\r\n", 8000,
				    "end");
	const char *rows[] = {
		HEADER "\r\nbody\r\n",
		HEADER "\r\n",
		HEADER "\r\nno line end",
		HEADER "\r\n  \t \r\n\r\n",
		HEADER "\r\nbody\r\n\r\n\r\n\r\n",
		HEADER "\r\nbody \t \r\n  two  words\t\tfour \r\n",
		HEADER,
		HEADER
		"MIME-Version:\r\n 1.0\r\nContent-Type: text/plain;\r\n\tcharset=utf-8\r\n\r\nbody\r\n",
		HEADER
		"Reply-To: \xc3\x84nn <ann@example.com>\r\nIn-Reply-To:<a@b>\r\nX-Other: not signed\r\n\r\n\xc3\xa4 body\r\n",
		HEADER "To: c@example.org\r\nTo: d@example.org\r\n\r\ntwice\r\n",
		HEADER "Cc: \ta@example.org\t b@example.org \r\n\r\ntabs\r\n",
		HEADER "From: Eve <eve@example.com>\r\n\r\ntwo authors\r\n",
		HEADER "Cc:\r\nreferences:   <a@b>   \r\n  <c@d>  \r\n\r\nfolds\r\n",
		"DKIM-Signature: v=1; a=rsa-sha256; d=crm.example; s=x; h=from; bh=AAAA; b=AAAA\r\n" HEADER
		"\r\nsigned before\r\n",
		long_cc,
		long_body,
	};
	char lines[32][40];
	struct bench bench;
	size_t i;

	bench_start(&bench);
	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct gw_delivery *delivery = delivery_of_text(&bench, rows[i], "example.com");

		assert_int_equal(testkit_run_prepare(bench.kit, delivery), GW_CONTINUE);
		add_file(&bench, testkit_sent(delivery));
	}
	verify_files(&bench, lines);
	for (i = 0; i < sizeof rows / sizeof *rows; i++)
		if (strncmp(lines[i], "pass pass", 9) != 0)
			fail_msg("message %zu: %s\n%s", i, lines[i], rows[i]);
	assert_int_equal(testkit_metric(bench.kit, "signed"), 2 * i);
	bench_finish(&bench);
	free(long_cc);
	free(long_body);
}

static void what_is_changed_or_added_later_breaks_the_signature(void **state)
{
	static const struct {
		const char *bytes, *instead, *by;
	} rows[] = {
		{ HEADER "\r\nbody\r\n", "", "" },
		{ HEADER "\r\nbody\r\n", "body\r\n", "Body\r\n" },
		{ HEADER "\r\nbody\r\n", "body\r\n", "body\r\nmore\r\n" },
		{ HEADER "\r\nbody\r\n", "Subject: one", "Subject: two" },
		{ HEADER "\r\nbody\r\n", "Subject: one", "Subject: one\r\nSubject: two" },
		{ HEADER "\r\nbody\r\n", "To: b@example.org",
		  "To: b@example.org\r\nFrom: eve@example.net" },
		{ HEADER "\r\nbody\r\n", "To: b@example.org", "To: b@example.org\r\nDate: today" },
		{ HEADER "\r\nbody\r\n", "Subject: one", "SUBJECT:  one " },
	};
	static const char *const expected[] = {
		"pass pass", "fail fail", "fail fail", "fail fail",
		"fail fail", "fail fail", "fail fail", "pass pass"
	};
	char lines[32][40], changed[8192];
	struct bench bench;
	size_t i;

	if (!have_verifier())
		skip();
	bench_start(&bench);
	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct gw_delivery *delivery = delivery_of_text(&bench, rows[i].bytes,
								"example.com");
		const char *sent, *at;

		assert_int_equal(testkit_run_prepare(bench.kit, delivery), GW_CONTINUE);
		sent = testkit_sent(delivery).ptr;
		at = strstr(sent, rows[i].instead);
		assert_non_null(at);
		snprintf(changed, sizeof changed, "%.*s%s%s", (int)(at - sent), sent, rows[i].by,
			 at + strlen(rows[i].instead));
		add_file(&bench, gw_str(changed));
	}
	verify_files(&bench, lines);
	for (i = 0; i < sizeof rows / sizeof *rows; i++)
		if (strcmp(lines[i], expected[i]) != 0)
			fail_msg("%s instead of %s: %s", rows[i].by, rows[i].instead, lines[i]);
	bench_finish(&bench);
}

static void the_field_stands_on_top_and_says_what_was_configured(void **state)
{
	static const char *const parts[] = { "v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com;",
					     "s=s1; t=1795456812; x=1796061612;",
					     "h=from:from:subject:subject:x-mine:date;" };
	struct gw_delivery *delivery;
	struct bench bench;
	const char *sent;
	size_t i;

	bench_init(&bench);
	add_key(&bench, 0, "example.com", "s1", key_file(&bench, "rsa.pem", rsa_key(2048), NULL));
	testkit_option(bench.kit, "sign", "subject x-mine x-absent");
	testkit_option(bench.kit, "oversign", "subject date");
	testkit_option(bench.kit, "expire", "7d");
	assert_int_equal(testkit_start(bench.kit), 0);
	delivery = delivery_of_text(
		&bench,
		"X-Mine: 1\r\nFrom: a@example.com\r\nSubject: x\r\nTo: b@example.org\r\n\r\nbody",
		"example.com");
	assert_int_equal(testkit_run_prepare(bench.kit, delivery), GW_CONTINUE);
	sent = strstr(testkit_sent(delivery).ptr, "\r\n") + 2; /* behind the trace field */
	assert_int_equal(strncmp(sent, "DKIM-Signature: ", 16), 0);
	for (i = 0; i < sizeof parts / sizeof *parts; i++)
		if (!strstr(sent, parts[i]))
			fail_msg("%s is not in\n%s", parts[i], sent);
	assert_null(strstr(sent, " l="));
	assert_true(testkit_has(bench.kit, TESTKIT_REASON, "signed as example.com, selector s1"));
	bench_finish(&bench);
}

static void the_key_of_the_domain_or_of_a_willing_parent_signs(void **state)
{
	static const struct {
		const char *domain, *expected;
	} rows[] = {
		{ "example.com", "d=example.com;" },
		{ "EXAMPLE.com", "d=example.com;" },
		{ "sub.example.com", NULL },
		{ "example.net", "d=example.net;" },
		{ "sub.example.net", "d=example.net;" },
		{ "a.b.example.net", "d=example.net;" },
		{ "own.example.net", "d=own.example.net;" },
		{ "x.own.example.net", "d=example.net;" },
		{ "notexample.net", NULL },
		{ "net", NULL },
		{ "", NULL },
		{ "example.com.evil", NULL },
	};
	struct bench bench;
	const char *path;
	size_t i;

	bench_init(&bench);
	path = key_file(&bench, "ed.pem", ed25519_key(), NULL);
	add_key(&bench, 0, "example.com", "s1", path);
	add_key(&bench, 1, "own.example.net", "s1", path);
	add_key(&bench, 2, "example.net", "s1", path);
	testkit_option(bench.kit, "keys[2].subdomains", "true");
	assert_int_equal(testkit_start(bench.kit), 0);
	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct gw_delivery *delivery = delivery_of_text(&bench, HEADER "\r\nbody\r\n",
								rows[i].domain);
		const char *tag;

		assert_int_equal(testkit_run_prepare(bench.kit, delivery), GW_CONTINUE);
		tag = strstr(testkit_sent(delivery).ptr, "d=");
		if (rows[i].expected
			    ? !tag || strncmp(tag, rows[i].expected, strlen(rows[i].expected)) != 0
			    : tag != NULL)
			fail_msg("%s: %s", rows[i].domain, testkit_sent(delivery).ptr);
	}
	bench_finish(&bench);
}

static void mail_without_a_key_follows_the_option(void **state)
{
	static const struct {
		const char *missing;
		enum gw_verdict verdict;
		int code;
	} rows[] = {
		{ "pass", GW_CONTINUE, 0 },
		{ "wait", GW_WAIT, 0 },
		{ "reject", GW_REJECT, 550 },
	};
	size_t i;

	for (i = 0; i < 3; i++) {
		struct gw_message *own;
		struct bench bench;

		bench_init(&bench);
		add_key(&bench, 0, "example.com", "s1",
			key_file(&bench, "ed.pem", ed25519_key(), NULL));
		testkit_option(bench.kit, "missing", rows[i].missing);
		assert_int_equal(testkit_start(bench.kit), 0);
		assert_int_equal(prepare(&bench, HEADER "\r\nbody\r\n", "example.org"),
				 rows[i].verdict);
		assert_int_equal(testkit_answer(bench.kit)->code, rows[i].code);
		assert_true(testkit_has(bench.kit, TESTKIT_REASON, "no DKIM key for example.org"));
		assert_int_equal(
			prepare(&bench, "To: b@example.org\r\n\r\nno author\r\n", "example.com"),
			rows[i].verdict);
		assert_int_equal(testkit_metric(bench.kit, "unsigned"), 2);

		own = testkit_message(bench.kit, NULL, "", HEADER "\r\na notice\r\n");
		testkit_message_fact(own, GW_MESSAGE_OWN, "1");
		testkit_message_fact(own, GW_MESSAGE_FROM_DOMAIN, "relay.example");
		assert_int_equal(testkit_run_prepare(bench.kit, testkit_delivery(own, bench.relay)),
				 GW_CONTINUE);
		bench_finish(&bench);
	}
}

static void a_relay_can_do_without(void **state)
{
	struct gw_delivery *delivery;
	struct bench bench;

	bench_init(&bench);
	testkit_relay_option(bench.relay, "dkim", "false");
	add_key(&bench, 0, "example.com", "s1", key_file(&bench, "ed.pem", ed25519_key(), NULL));
	assert_int_equal(testkit_start(bench.kit), 0);
	delivery = delivery_of_text(&bench, HEADER "\r\nbody\r\n", "example.com");
	assert_int_equal(testkit_run_prepare(bench.kit, delivery), GW_CONTINUE);
	assert_null(strstr(testkit_sent(delivery).ptr, "DKIM-Signature"));
	bench_finish(&bench);
}

static void what_no_signature_would_be_right_for_is_not_signed(void **state)
{
	static const struct {
		struct gw_str bytes;
		const char *why;
	} rows[] = {
		{ GW_STR("From: a@example.com\r\nSubject: a\0b\r\n\r\nbody\r\n"),
		  "a NUL, form feed or vertical tab" },
		{ GW_STR("From: a@example.com\r\nSubject: a\fb\r\n\r\nbody\r\n"),
		  "a NUL, form feed or vertical tab" },
		{ GW_STR("From: a@example.com\r\nSubject: a\v b\r\n\r\nbody\r\n"),
		  "a NUL, form feed or vertical tab" },
		{ GW_STR("From: a@example.com\r\nno field\r\nFrom: b@example.com\r\n\r\nbody\r\n"),
		  "a line in the header is no field" },
		{ GW_STR("From nobody Sat Nov 28\r\nFrom: a@example.com\r\n\r\nbody\r\n"),
		  "a line in the header is no field" },
	};
	size_t i;

	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct gw_delivery *delivery;
		struct bench bench;

		bench_start(&bench);
		delivery = delivery_of(&bench, rows[i].bytes.ptr, rows[i].bytes.len, "example.com");
		assert_int_equal(testkit_run_prepare(bench.kit, delivery), GW_CONTINUE);
		if (!testkit_has(bench.kit, TESTKIT_REASON, rows[i].why))
			fail_msg("row %zu: %s", i, testkit_line(bench.kit, TESTKIT_REASON, 0));
		assert_int_equal(testkit_metric(bench.kit, "signed"), 0);
		bench_finish(&bench);
	}
}

/* What libopendkim does not take never will be taken: it is not tried again for days. */
static void a_header_that_cannot_be_hashed_follows_the_option(void **state)
{
	char *text = malloc(400000), *at = text;
	struct bench bench;
	int i;

	at += sprintf(at, "From: a@example.com\r\n");
	for (i = 0; i < 10000; i++)
		at += sprintf(at, "To: b%d@example.org\r\n", i);
	sprintf(at, "\r\nbody\r\n");
	bench_start(&bench);
	assert_int_equal(prepare(&bench, text, "example.com"), GW_CONTINUE);
	assert_int_equal(testkit_metric(bench.kit, "failed"), 0);
	bench_finish(&bench);
	free(text);
}

static void only_who_is_entitled_is_signed_for(void **state)
{
	static const struct {
		const char *domains, *unbound;
		bool is_signed;
	} rows[] = {
		{ "example.com", "sign", true },
		{ "other.example example.com", "sign", true },
		{ "*", "pass", true },
		{ "*.example.com", "sign", false },
		{ "other.example", "sign", false },
		{ "com", "sign", false },
		{ "", "sign", true },
		{ "", "pass", false },
	};
	size_t i;

	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct gw_delivery *delivery;
		struct bench bench;

		bench_init(&bench);
		add_key(&bench, 0, "example.com", "s1",
			key_file(&bench, "ed.pem", ed25519_key(), NULL));
		testkit_option(bench.kit, "unbound", rows[i].unbound);
		assert_int_equal(testkit_start(bench.kit), 0);
		delivery = delivery_of_text(&bench, HEADER "\r\nbody\r\n", "example.com");
		testkit_message_fact(gw->delivery_message(delivery), GW_MESSAGE_DOMAINS,
				     rows[i].domains);
		assert_int_equal(testkit_run_prepare(bench.kit, delivery), GW_CONTINUE);
		if ((strstr(testkit_sent(delivery).ptr, "DKIM-Signature") != NULL) !=
		    rows[i].is_signed)
			fail_msg("row %zu", i);
		bench_finish(&bench);
	}
}

static void a_domain_in_another_script_finds_its_key(void **state)
{
	static const char *const domains[] = { "m\xc3\xbcnchen.example", "xn--mnchen-3ya.example",
					       "XN--mnchen-3ya.example" };
	size_t i, j;

	for (i = 0; i < 3; i++) {
		for (j = 0; j < 3; j++) {
			struct gw_delivery *delivery;
			struct bench bench;

			bench_init(&bench);
			add_key(&bench, 0, domains[i], "s1",
				key_file(&bench, "ed.pem", ed25519_key(), NULL));
			assert_int_equal(testkit_start(bench.kit), 0);
			delivery = delivery_of_text(&bench, HEADER "\r\nbody\r\n", domains[j]);
			testkit_message_fact(gw->delivery_message(delivery), GW_MESSAGE_DOMAINS,
					     domains[i]);
			assert_int_equal(testkit_run_prepare(bench.kit, delivery), GW_CONTINUE);
			assert_non_null(
				strstr(testkit_sent(delivery).ptr, "d=xn--mnchen-3ya.example;"));
			bench_finish(&bench);
		}
	}
}

static void what_leaves_unsigned_or_signed_for_anybody_is_told(void **state)
{
	struct bench bench;

	bench_init(&bench);
	testkit_relay_option(bench.relay, "domains",
			     "example.com example.org *.example.net *.com *");
	add_key(&bench, 0, "example.com", "s1", key_file(&bench, "ed.pem", ed25519_key(), NULL));
	assert_int_equal(testkit_start(bench.kit), 0);
	assert_true(
		testkit_has(bench.kit, TESTKIT_PROBLEM,
			    "warning: relay mass-eu: domains: no DKIM key signs for example.org"));
	assert_true(testkit_has(bench.kit, TESTKIT_PROBLEM, "no DKIM key signs for *.example.net"));
	assert_int_equal(testkit_lines(bench.kit, TESTKIT_PROBLEM), 2);
	bench_finish(&bench);

	bench_init(&bench);
	add_key(&bench, 0, "example.com", "s1", key_file(&bench, "ed.pem", ed25519_key(), NULL));
	add_key(&bench, 1, "example.org", "s1", key_file(&bench, "ed2.pem", ed25519_key(), NULL));
	assert_int_equal(testkit_start(bench.kit), 0);
	assert_true(testkit_has(bench.kit, TESTKIT_PROBLEM, "signed as any of the 2 domains"));
	bench_finish(&bench);
}

static void a_body_that_cannot_be_read_is_a_failure_and_never_unsigned_mail(void **state)
{
	static const char *const services[] = { "delivery_read", "header_add" };
	size_t i;

	for (i = 0; i < 2; i++) {
		struct bench bench;

		bench_start(&bench);
		testkit_fail(bench.kit, services[i], 1);
		assert_int_equal(prepare(&bench, HEADER "\r\nbody\r\n", "example.com"), GW_FAILED);
		assert_true(testkit_failed(bench.kit));
		assert_true(testkit_has(bench.kit, TESTKIT_LOG, "not signed as example.com"));
		assert_int_equal(testkit_metric(bench.kit, "failed"), 1);
		bench_finish(&bench);
	}
}

static void a_pool_that_takes_no_work_is_a_failure(void **state)
{
	struct bench bench;

	bench_start(&bench);
	testkit_fail(bench.kit, "offload", 1);
	assert_int_equal(prepare(&bench, HEADER "\r\nbody\r\n", "example.com"), GW_FAILED);
	assert_true(testkit_failed(bench.kit));
	bench_finish(&bench);
}

static void a_delivery_that_is_given_up_meanwhile_does_no_harm(void **state)
{
	struct gw_delivery *delivery;
	struct bench bench;

	bench_start(&bench);
	testkit_set_offload(bench.kit, TESTKIT_LATER);
	delivery = delivery_of_text(&bench, HEADER "\r\nbody\r\n", "example.com");
	assert_int_equal(testkit_run_prepare(bench.kit, delivery), GW_PENDING);
	testkit_drop(bench.kit, delivery);
	assert_int_equal(testkit_held(bench.kit), 0);
	assert_int_equal(testkit_run_prepare(bench.kit, delivery), GW_PENDING);
	assert_int_equal(testkit_resume(bench.kit, 5000), GW_CONTINUE);
	assert_non_null(strstr(testkit_sent(delivery).ptr, "DKIM-Signature"));
	bench_finish(&bench);
}

/* --- keys that will not do --- */

static const char *plain_file(struct bench *bench, const char *text, mode_t mode)
{
	const char *path = testkit_file(bench->kit, "key.pem", text);

	assert_int_equal(chmod(path, mode), 0);
	return path;
}

static const char *no_file(struct bench *bench)
{
	return testkit_file(bench->kit, "absent.pem", NULL);
}
static const char *folder(struct bench *bench)
{
	return testkit_folder(bench->kit);
}
static const char *rubbish(struct bench *bench)
{
	return plain_file(bench, "this is no key\n", 0600);
}
static const char *short_key(struct bench *bench)
{
	return key_file(bench, "key.pem", rsa_key(512), NULL);
}
static const char *with_passphrase(struct bench *bench)
{
	return key_file(bench, "key.pem", rsa_key(1024), "secret");
}
static const char *good_ed(struct bench *bench)
{
	return key_file(bench, "key.pem", ed25519_key(), NULL);
}

static const char *for_everybody(struct bench *bench)
{
	const char *path = good_ed(bench);

	assert_int_equal(chmod(path, 0644), 0);
	return path;
}

static const char *other_kind(struct bench *bench)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	const char *path = key_file(bench, "key.pem", key, NULL);

	EVP_PKEY_free(key);
	return path;
}

static void a_key_that_will_not_do_is_named_at_the_start(void **state)
{
	static const struct {
		const char *(*file)(struct bench *bench);
		const char *domain, *selector, *algorithm, *problem;
	} rows[] = {
		{ no_file, "example.com", "s1", "auto", "absent.pem: No such file" },
		{ folder, "example.com", "s1", "auto", "not a key file" },
		{ rubbish, "example.com", "s1", "auto", "key.pem: no private key in PEM form" },
		{ for_everybody, "example.com", "s1", "auto", "mode 0644" },
		{ with_passphrase, "example.com", "s1", "auto", "has a passphrase" },
		{ short_key, "example.com", "s1", "auto", "an RSA key of 512 bits" },
		{ other_kind, "example.com", "s1", "auto", "a key of the kind EC" },
		{ good_ed, "example.com", "s1", "rsa", "an Ed25519 key, where algorithm says rsa" },
		{ good_ed, "exam ple.com", "s1", "auto", "labels of letters" },
		{ good_ed, "example..com", "s1", "auto", "keys[0].domain: " },
		{ good_ed, "example.com", "s1;", "auto", "keys[0].selector: " },
	};
	size_t i;

	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct bench bench;

		bench_init(&bench);
		add_key(&bench, 0, rows[i].domain, rows[i].selector, rows[i].file(&bench));
		testkit_option(bench.kit, "keys[0].algorithm", rows[i].algorithm);
		assert_int_equal(testkit_start(bench.kit), -1);
		if (!testkit_has(bench.kit, TESTKIT_PROBLEM, rows[i].problem) ||
		    !testkit_has(bench.kit, TESTKIT_PROBLEM, "error: "))
			fail_msg("%s is not in: %s", rows[i].problem,
				 testkit_line(bench.kit, TESTKIT_PROBLEM, 0));
		bench_finish(&bench);
	}
}

static void all_that_is_wrong_is_told_at_once(void **state)
{
	struct bench bench;

	bench_init(&bench);
	add_key(&bench, 0, "one.example", "s1", no_file(&bench));
	add_key(&bench, 1, "two.example", "s1", for_everybody(&bench));
	assert_int_equal(testkit_start(bench.kit), -1);
	assert_true(testkit_has(bench.kit, TESTKIT_PROBLEM, "keys[0].key: one.example: "));
	assert_true(testkit_has(bench.kit, TESTKIT_PROBLEM, "keys[1].key: two.example: "));
	bench_finish(&bench);
}

static void a_weak_key_is_a_warning(void **state)
{
	struct bench bench;

	bench_init(&bench);
	add_key(&bench, 0, "example.com", "s1", key_file(&bench, "key.pem", rsa_key(1024), NULL));
	assert_int_equal(testkit_start(bench.kit), 0);
	assert_true(testkit_has(bench.kit, TESTKIT_PROBLEM, "warning: keys[0].key: example.com: "));
	bench_finish(&bench);
}

/* Once, whoever has the domain. */
static void a_clients_domain_without_a_key_is_a_warning(void **state)
{
	struct gw_client crm = { .size = sizeof crm,
				 .name = gw_str("crm"),
				 .domains = gw_str("example.com crm.example *.below.example *") },
			 shop = { .size = sizeof shop,
				  .name = gw_str("shop"),
				  .domains = gw_str("CRM.example") };
	struct bench bench;

	bench_init(&bench);
	add_key(&bench, 0, "example.com", "s1", good_ed(&bench));
	testkit_client(bench.kit, &crm);
	testkit_client(bench.kit, &shop);
	assert_int_equal(testkit_start(bench.kit), 0);
	assert_true(testkit_has(
		bench.kit, TESTKIT_PROBLEM,
		"no DKIM key signs for crm.example, a sender domain of client crm: its mail leaves unsigned"));
	assert_true(testkit_has(bench.kit, TESTKIT_PROBLEM, "for *.below.example, a sender"));
	assert_int_equal(testkit_lines(bench.kit, TESTKIT_PROBLEM), 2);
	bench_finish(&bench);
}

/* Mail that a module changes needs a key: what signature it came with is broken. */
static void mail_that_is_changed_needs_a_key(void **state)
{
	static const struct {
		const char *domain;
		bool here; /* through our relay */
		const char *sign, *problem;
	} rows[] = {
		{ "example.com", false, "true", NULL },
		{ "", false, "true", NULL },
		{ "", true, "true", NULL },
		{ "*.example.com", false, "true",
		  "no DKIM key signs for *.example.com, whose mail 42-disclaimer changes" },
		{ "crm.example", true, "true", "no DKIM key signs for crm.example, whose mail" },
		{ "", true, "false",
		  "error: relay mass-eu: dkim: 42-disclaimer changes mail that goes this way" },
		{ "example.com", false, "false", NULL },
	};
	struct gw_edit edit = { .size = sizeof edit, .by = gw_str("42-disclaimer") };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct bench bench;

		bench_init(&bench);
		add_key(&bench, 0, "example.com", "s1", good_ed(&bench));
		testkit_relay_option(bench.relay, "dkim", rows[i].sign);
		edit.domain = gw_str(rows[i].domain);
		edit.relay = rows[i].here ? bench.relay : NULL;
		testkit_edit(bench.kit, &edit);
		assert_int_equal(testkit_start(bench.kit), rows[i].problem ? -1 : 0);
		if (rows[i].problem && !testkit_has(bench.kit, TESTKIT_PROBLEM, rows[i].problem))
			fail_msg("%zu: %s", i, testkit_line(bench.kit, TESTKIT_PROBLEM, 0));
		bench_finish(&bench);
	}
}

/* So many clients do not fill the screen. */
static void warnings_of_clients_domains_end_somewhere(void **state)
{
	struct bench bench;
	char domain[32];
	int i;

	bench_init(&bench);
	add_key(&bench, 0, "example.com", "s1", good_ed(&bench));
	for (i = 0; i < 100; i++) {
		struct gw_client client = { .size = sizeof client, .name = gw_str("c") };

		snprintf(domain, sizeof domain, "d%d.example", i);
		client.domains = gw_str(domain);
		testkit_client(bench.kit, &client);
	}
	assert_int_equal(testkit_start(bench.kit), 0);
	assert_int_equal(testkit_lines(bench.kit, TESTKIT_PROBLEM), 20);
	bench_finish(&bench);
}

static void keys_and_names_that_do_not_go_together(void **state)
{
	static const struct {
		const char *domain, *selector, *sign, *problem;
	} rows[] = {
		{ "EXAMPLE.com", "S1", "from", "example.com has the selector" },
		{ "example.net", "s1", "from dkim-signature", "\"dkim-signature\" is no name" },
		{ "example.net", "s1", "from a;b", "\"a;b\" is no name" },
	};
	size_t i;

	for (i = 0; i < 3; i++) {
		struct bench bench;
		const char *path;

		bench_init(&bench);
		path = good_ed(&bench);
		add_key(&bench, 0, "example.com", "s1", path);
		add_key(&bench, 1, rows[i].domain, rows[i].selector, path);
		testkit_option(bench.kit, "sign", rows[i].sign);
		assert_int_equal(testkit_start(bench.kit), -1);
		assert_true(testkit_has(bench.kit, TESTKIT_PROBLEM, rows[i].problem));
		bench_finish(&bench);
	}
}

static void the_verb_dns_prints_the_records(void **state)
{
	struct bench bench;
	const char *answer;

	bench_start(&bench);
	testkit_run_control(bench.kit, "dns", false);
	answer = testkit_line(bench.kit, TESTKIT_REPLY, 0);
	assert_non_null(strstr(
		answer,
		"{\"name\":\"s1._domainkey.example.com\",\"type\":\"TXT\",\"value\":\"\\\"v=DKIM1; k=rsa; p=MII"));
	assert_non_null(strstr(answer, "\\\" \\\"")); /* an RSA key needs two strings */
	assert_non_null(strstr(
		answer,
		"{\"name\":\"s2._domainkey.example.com\",\"type\":\"TXT\",\"value\":\"\\\"v=DKIM1; k=ed25519; p="));
	testkit_run_control(bench.kit, "dns example.org", false);
	assert_true(
		testkit_has(bench.kit, TESTKIT_PROBLEM, "no key is configured for example.org"));
	testkit_run_control(bench.kit, "dance", false);
	assert_true(testkit_has(bench.kit, TESTKIT_PROBLEM, "dns [DOMAIN]"));
	bench_finish(&bench);
}

static void the_verb_keygen_makes_a_key_that_signs(void **state)
{
	static const char *const kinds[] = { "", " rsa", " ed25519" };
	char words[512], path[512], line[1][40];
	size_t i;

	if (!have_verifier())
		skip();
	for (i = 0; i < 3; i++) {
		struct gw_delivery *delivery;
		struct bench bench;
		struct stat info;

		bench_init(&bench);
		testkit_option(bench.kit, "keys[0].domain", "example.com");
		testkit_option(bench.kit, "keys[0].selector", "s1");
		snprintf(path, sizeof path, "%s/example.com-s1.pem", testkit_folder(bench.kit));
		testkit_option(bench.kit, "keys[0].key", path);
		key_file(&bench, "example.com-s1.pem", ed25519_key(), NULL);
		assert_int_equal(testkit_start(bench.kit), 0);

		snprintf(words, sizeof words, "keygen example.com s1 %s%s",
			 testkit_folder(bench.kit), kinds[i]);
		testkit_run_control(bench.kit, words, true);
		assert_true(
			testkit_has(bench.kit, TESTKIT_PROBLEM, "example.com-s1.pem: File exists"));
		assert_int_equal(remove(path), 0);
		testkit_run_control(bench.kit, words, true);
		assert_true(testkit_has(bench.kit, TESTKIT_REPLY, i == 2 ? "k=ed25519" : "k=rsa"));
		assert_int_equal(stat(path, &info), 0);
		assert_int_equal(info.st_mode & 07777, 0600);

		assert_int_equal(testkit_restart(bench.kit), 0);
		delivery = delivery_of_text(&bench, HEADER "\r\nbody\r\n", "example.com");
		assert_int_equal(testkit_run_prepare(bench.kit, delivery), GW_CONTINUE);
		add_file(&bench, testkit_sent(delivery));
		verify_files(&bench, line);
		assert_string_equal(line[0], "pass");
		bench_finish(&bench);
	}
}

static void keygen_takes_no_names_that_lead_elsewhere(void **state)
{
	static const struct {
		const char *words, *problem;
	} rows[] = {
		{ "keygen ../../etc s1 /tmp", "domain and selector are labels" },
		{ "keygen example.com a/b /tmp", "domain and selector are labels" },
		{ "keygen example.com s1 tmp", "by its whole path" },
		{ "keygen example.com s1 /tmp dsa", "a key is rsa or ed25519" },
		{ "keygen example.com s1 /absent/folder ed25519", "No such file" },
		{ "keygen example.com s1", "dkim knows: check [now]; dns" },
	};
	struct bench bench;
	size_t i;

	bench_start(&bench);
	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		testkit_forget(bench.kit);
		testkit_run_control(bench.kit, rows[i].words, true);
		if (!testkit_has(bench.kit, TESTKIT_PROBLEM, rows[i].problem))
			fail_msg("%s: %s", rows[i].words,
				 testkit_line(bench.kit, TESTKIT_PROBLEM, 0));
	}
	bench_finish(&bench);
}

static void what_verifiers_ask_for_has_to_be_published(void **state)
{
	const struct gw_publication *first, *second;
	struct bench bench;

	bench_start(&bench);
	testkit_run_published(bench.kit);
	first = testkit_published(bench.kit, 0);
	second = testkit_published(bench.kit, 1);
	assert_true(first && second && !testkit_published(bench.kit, 2));
	assert_int_equal(first->type, GW_DNS_TXT);
	assert_string_equal(first->name.ptr, "s1._domainkey.example.com");
	assert_string_equal(first->senders.ptr, "example.com");
	assert_memory_equal(first->value.ptr, "v=DKIM1; k=rsa; p=", 18);
	assert_string_equal(second->name.ptr, "s2._domainkey.example.com");
	bench_finish(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_of_message_is_signed_so_that_it_verifies),
		cmocka_unit_test(what_is_changed_or_added_later_breaks_the_signature),
		cmocka_unit_test(the_field_stands_on_top_and_says_what_was_configured),
		cmocka_unit_test(the_key_of_the_domain_or_of_a_willing_parent_signs),
		cmocka_unit_test(mail_without_a_key_follows_the_option),
		cmocka_unit_test(a_relay_can_do_without),
		cmocka_unit_test(what_no_signature_would_be_right_for_is_not_signed),
		cmocka_unit_test(a_header_that_cannot_be_hashed_follows_the_option),
		cmocka_unit_test(only_who_is_entitled_is_signed_for),
		cmocka_unit_test(a_domain_in_another_script_finds_its_key),
		cmocka_unit_test(what_leaves_unsigned_or_signed_for_anybody_is_told),
		cmocka_unit_test(a_body_that_cannot_be_read_is_a_failure_and_never_unsigned_mail),
		cmocka_unit_test(a_pool_that_takes_no_work_is_a_failure),
		cmocka_unit_test(a_delivery_that_is_given_up_meanwhile_does_no_harm),
		cmocka_unit_test(a_key_that_will_not_do_is_named_at_the_start),
		cmocka_unit_test(all_that_is_wrong_is_told_at_once),
		cmocka_unit_test(a_weak_key_is_a_warning),
		cmocka_unit_test(a_clients_domain_without_a_key_is_a_warning),
		cmocka_unit_test(mail_that_is_changed_needs_a_key),
		cmocka_unit_test(warnings_of_clients_domains_end_somewhere),
		cmocka_unit_test(keys_and_names_that_do_not_go_together),
		cmocka_unit_test(what_verifiers_ask_for_has_to_be_published),
		cmocka_unit_test(the_verb_dns_prints_the_records),
		cmocka_unit_test(the_verb_keygen_makes_a_key_that_signs),
		cmocka_unit_test(keygen_takes_no_names_that_lead_elsewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
