/* life_test.c - a key signs in its time, and where it is asked for only while DNS serves it; a
 * rotation has no gap. */
#include "authority.h"
#include "life.h"
#include "rotation.h"

#include <gateway/testkit.h>

#include <openssl/pem.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#define HEADER                                                                                     \
	"From: Ann <ann@example.com>\r\nTo: b@example.org\r\nSubject: one\r\nDate: Mon, 23 Nov 2026 17:40:12 +0000\r\n"
#define NOW 1795456812000 /* 2026-11-23 17:40:12 */
#define DAY 86400000

static EVP_PKEY *ed25519_key(unsigned which)
{
	static EVP_PKEY *made[2];

	if (!made[which])
		made[which] = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	assert_non_null(made[which]);
	return made[which];
}

/* --- a record --- */

static enum dkim_record judge(struct gw_str wanted, enum gw_dns_status status, const char *one,
			      const char *two)
{
	struct gw_str records[2] = { gw_str(one ? one : ""), gw_str(two ? two : "") };
	struct gw_dns_answer answer = { .size = sizeof answer, .status = status };

	answer.records.items = records;
	answer.records.count = (one != NULL) + (two != NULL);
	return dkim_record_judge(&answer, wanted);
}

static void a_record_is_this_key_or_is_not(void **state)
{
	static const char own[] = "v=DKIM1; k=ed25519; p=AbCd/0123456789+";
	static const struct {
		const char *record;
		enum dkim_record is;
	} rows[] = {
		{ own, DKIM_RECORD_SAME },
		{ "v=DKIM1;k=ed25519;p=AbCd/0123456789+;", DKIM_RECORD_SAME },
		{ " v=DKIM1 ; h=sha1:sha256; s=*; t=s; k=ed25519; p = AbCd/0123456789+",
		  DKIM_RECORD_SAME },
		{ "k=ed25519; p=AbCd/0123456789+", DKIM_RECORD_SAME },
		{ "v=DKIM1; k=ed25519; p=AbCd/01\t 2345 6789+ ", DKIM_RECORD_SAME },
		{ "v=DKIM1; h=; s=; k=Ed25519; p=AbCd/0123456789+", DKIM_RECORD_SAME },
		{ "v=DKIM1; k=ed25519; p=", DKIM_RECORD_REVOKED },
		{ "v=DKIM1; k=ed25519; p=xAbCd/0123456789+", DKIM_RECORD_OTHER },
		{ "v=DKIM1; k=ed25519; p=AbCd/0123456789+x", DKIM_RECORD_OTHER },
		{ "v=DKIM1; k=ed25519; p=AbCd/0123456789", DKIM_RECORD_OTHER },
		{ "v=DKIM1; p=AbCd/0123456789+", DKIM_RECORD_OTHER },
		{ "v=DKIM2; k=ed25519; p=AbCd/0123456789+", DKIM_RECORD_FOREIGN },
		{ "v=DKIM1; k=ed25519; h=sha1; p=AbCd/0123456789+", DKIM_RECORD_HASHES },
		{ "v=DKIM1; k=ed25519; h=*; p=AbCd/0123456789+", DKIM_RECORD_HASHES },
		{ "v=DKIM1; k=ed25519; s=web; p=AbCd/0123456789+", DKIM_RECORD_SERVICE },
		{ "v=DKIM1; k=ed25519", DKIM_RECORD_OTHER },
		{ "", DKIM_RECORD_OTHER },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (judge(gw_str(own), GW_DNS_FOUND, rows[i].record, NULL) != rows[i].is)
			fail_msg("%s", rows[i].record);
	assert_int_equal(judge(gw_str(own), GW_DNS_FOUND, own, own), DKIM_RECORD_SEVERAL);
	assert_int_equal(judge(gw_str(own), GW_DNS_NONE, NULL, NULL), DKIM_RECORD_NONE);
	assert_int_equal(judge(gw_str(own), GW_DNS_NO_NAME, NULL, NULL), DKIM_RECORD_NONE);
}

static void days_that_are_some(void **state)
{
	static const char *const wrong[] = {
		"2026-02-30",  "2026-13-01", "tomorrow",   "2026-1-01",
		"2026-12-01 ", "26-12-01",   "1999-01-01", "2026-12-0x"
	};
	int64_t ms;

	(void)state;
	assert_true(life_day(gw_str(""), &ms) && ms == 0);
	assert_true(life_day(gw_str("2026-11-23"), &ms) && ms == NOW - NOW % DAY);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_false(life_day(gw_str(wrong[i]), &ms));
}

/* --- who signs --- */

/* As the verb does it, looked at after each of its steps. */
static void a_command_has_no_gap(void **state)
{
	struct key keys[2] = { { .algorithm = KEY_RSA },
			       { .algorithm = KEY_RSA, .from = ROTATION_WAITS } };
	struct life items[2] = { { .due = 0 } };
	const struct signer signer = { .keys = keys, .key_count = 2 };
	struct lives lives = { .signer = &signer, .items = items, .keep_ms = 7 * (int64_t)DAY };
	size_t out[KEYS_A_DOMAIN];
	bool unknown;

	(void)state;
	assert_int_equal(lives_signing(&lives, 0, 2, NOW, out, &unknown), 1);
	assert_int_equal(out[0], 0);
	assert_int_equal(life_stage(&lives, 1, NOW), STAGE_PREPUBLISHED);
	atomic_store(&items[1].record, DKIM_RECORD_SAME);
	assert_int_equal(life_stage(&lives, 1, NOW), STAGE_VERIFIED);
	life_begins(&lives, 1, NOW);
	assert_int_equal(lives_signing(&lives, 0, 2, NOW, out, &unknown), 2);
	life_ends(&lives, 0, NOW);
	assert_int_equal(lives_signing(&lives, 0, 2, NOW, out, &unknown), 1);
	assert_int_equal(out[0], 1);
	assert_int_equal(life_stage(&lives, 0, NOW), STAGE_RETIRING);
	assert_int_equal(life_stage(&lives, 0, NOW + 7 * (int64_t)DAY), STAGE_RETIRED);
}

static void what_a_command_said_is_on_disk(void **state)
{
	char folder[] = "/tmp/rotation-XXXXXX", path[64];
	struct rotation rotation = { .count = 0 }, again = { .count = 0 };
	const char *why;
	FILE *file;

	(void)state;
	assert_non_null(mkdtemp(folder));
	assert_true(rotation_read(&rotation, folder, &why) && rotation.count == 0);
	rotation_put(&rotation, "example.com", "new")->is_made = true;
	rotation_put(&rotation, "example.com", "new")->from = ROTATION_WAITS;
	rotation_put(&rotation, "example.com", "old")->until = NOW;
	assert_int_equal(rotation_write(&rotation), 0);
	assert_true(rotation_read(&again, folder, &why) && again.count == 2);
	assert_true(rotation_find(&again, "example.com", "NEW")->is_made);
	assert_true(rotation_find(&again, "example.com", "new")->from == ROTATION_WAITS);
	assert_true(rotation_find(&again, "example.com", "old")->until == NOW);
	assert_null(rotation_find(&again, "example.org", "old"));
	rotation_drop(&again, rotation_find(&again, "example.com", "new"));
	assert_true(again.count == 1 && rotation_find(&again, "example.com", "old"));
	rotation_finish(&again);
	snprintf(path, sizeof path, "%s/rotation", folder);
	file = fopen(path, "a");
	fputs("example.com ../x made 0 0\n", file);
	fclose(file);
	assert_false(rotation_read(&again, folder, &why));
	assert_non_null(strstr(why, "DOMAIN SELECTOR"));
	rotation_finish(&again);
	rotation_finish(&rotation);
	unlink(path);
	rmdir(folder);
}

/* Two keys of one algorithm, one after the other, and one of another: over every answer of DNS, and
 * on each side of the change. */
static void a_rotation_has_no_gap(void **state)
{
	struct key keys[3] = { { .algorithm = KEY_RSA, .until = NOW },
			       { .algorithm = KEY_RSA, .from = NOW },
			       { .algorithm = KEY_ED25519 } };
	struct life items[3] = { { .due = 0 } };
	const struct signer signer = { .keys = keys, .key_count = 3 };
	struct lives lives = { .signer = &signer, .items = items, .keep_ms = 7 * (int64_t)DAY };

	(void)state;
	for (int run = 0; run < 2 * 2 * 8; run++) {
		bool after = run & 1, unknown;
		bool serves[3] = { run & 4, run & 8, run & 16 };
		size_t out[KEYS_A_DOMAIN], count, rsa = 0;

		lives.published = run & 2;
		for (size_t i = 0; i < 3; i++)
			atomic_store(&items[i].record,
				     serves[i] ? DKIM_RECORD_SAME : DKIM_RECORD_NONE);
		count = lives_signing(&lives, 0, 3, after ? NOW : NOW - 1, out, &unknown);
		assert_false(unknown);
		for (size_t i = 0; i < count; i++) {
			assert_true(!lives.published || serves[out[i]]);
			rsa += keys[out[i]].algorithm == KEY_RSA;
		}
		if (!lives.published)
			assert_int_equal(count, 2);
		assert_true(rsa <= 1);
		if (lives.published && after)
			assert_int_equal(rsa,
					 serves[0] ||
						 serves[1]); /* the old one until the new one may */
		if (lives.published && !after)
			assert_int_equal(rsa, serves[0]);
	}
	assert_int_equal(life_stage(&lives, 0, NOW - 1), STAGE_ACTIVE);
	assert_int_equal(life_stage(&lives, 0, NOW), STAGE_RETIRING);
	assert_int_equal(life_stage(&lives, 0, NOW + 7 * (int64_t)DAY), STAGE_RETIRED);
	assert_int_equal(life_stage(&lives, 1, NOW), STAGE_ACTIVE);
	atomic_store(&items[1].record, DKIM_RECORD_SAME);
	assert_int_equal(life_stage(&lives, 1, NOW - 1), STAGE_VERIFIED);
	atomic_store(&items[1].record, DKIM_RECORD_OTHER);
	assert_int_equal(life_stage(&lives, 1, NOW - 1), STAGE_PREPUBLISHED);
}

/* --- the module --- */

static const char *key_file(struct testkit *kit, unsigned which)
{
	const char *path = testkit_file(kit, "key.pem", NULL);
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(PEM_write_PrivateKey(file, ed25519_key(which), NULL, NULL, 0, NULL, NULL),
			 1);
	fclose(file);
	assert_int_equal(chmod(path, 0600), 0);
	return path;
}

static struct testkit *kit_of(const char *const *options)
{
	struct testkit *kit = testkit_create(gw_module_v1);
	testkit_option(kit, "keys[0].domain", "example.com");
	testkit_option(kit, "keys[0].selector", "s1");
	testkit_option(kit, "keys[0].key", key_file(kit, 0));
	for (; options && options[0]; options += 2)
		testkit_option(kit, options[0], options[1]);
	testkit_set_time(kit, NOW);
	return kit;
}

static enum gw_verdict prepare(struct testkit *kit, bool *is_signed)
{
	struct gw_message *message = testkit_message(kit, NULL, "ann@example.com",
						     HEADER "\r\nhi\r\n");
	struct gw_delivery *delivery;
	enum gw_verdict verdict;
	struct gw_str sent;

	testkit_message_fact(message, GW_MESSAGE_FROM_DOMAIN, "example.com");
	testkit_rcpt(message, "b@example.org");
	delivery = testkit_delivery(message, NULL);
	verdict = testkit_run_prepare(kit, delivery);
	sent = testkit_sent(delivery);
	*is_signed = memmem(sent.ptr, sent.len, "DKIM-Signature:", 15) != NULL;
	return verdict;
}

/* Answers the one question that is asked. */
static void serve(struct testkit *kit, enum gw_dns_status status, const char *text)
{
	testkit_advance(kit, LIFE_TICK_MS);
	assert_int_equal(testkit_questions(kit), 1);
	assert_true(gw_str_eq(testkit_question(kit)->name, gw_str("s1._domainkey.example.com")));
	assert_int_equal(testkit_question(kit)->type, GW_DNS_TXT);
	testkit_run_dns(kit, status, 300, text);
}

static void own_record(char *out, size_t size)
{
	struct key key = { .algorithm = KEY_ED25519, .private = ed25519_key(0) };
	struct text own = { 0 };

	key_record(&key, &own);
	snprintf(out, size, "%.*s", (int)own.len, own.ptr);
	text_finish(&own);
}

static void what_dns_does_not_serve_does_not_sign(void **state)
{
	static const char *const options[] = { "published", "required", NULL };
	struct testkit *kit = kit_of(options);
	char record[300];
	bool is_signed;

	(void)state;
	own_record(record, sizeof record);
	assert_int_equal(testkit_start(kit), 0);
	assert_int_equal(prepare(kit, &is_signed), GW_WAIT);
	serve(kit, GW_DNS_FAILED, "");
	assert_int_equal(prepare(kit, &is_signed), GW_WAIT);
	testkit_advance(kit, 60000);
	testkit_run_dns(kit, GW_DNS_FOUND, 300, record);
	assert_int_equal(prepare(kit, &is_signed), GW_CONTINUE);
	assert_true(is_signed);

	/* it is asked again after the TTL; a failure changes nothing, another key does */
	testkit_advance(kit, 300000);
	testkit_run_dns(kit, GW_DNS_FAILED, 0, "");
	assert_int_equal(prepare(kit, &is_signed), GW_CONTINUE);
	assert_true(is_signed);
	testkit_advance(kit, 60000);
	testkit_run_dns(kit, GW_DNS_FOUND, 300, "v=DKIM1; k=ed25519; p=AAAA");
	assert_int_equal(prepare(kit, &is_signed), GW_CONTINUE);
	assert_false(is_signed);
	assert_true(testkit_has(kit, TESTKIT_EVENT,
				"dkim-key s1._domainkey.example.com is another key in the DNS"));
	testkit_destroy(kit);
}

static void what_dns_said_outlives_a_restart(void **state)
{
	static const char *const options[] = { "published", "required", NULL };
	struct testkit *kit = kit_of(options);
	char record[300];
	bool is_signed;

	(void)state;
	own_record(record, sizeof record);
	assert_int_equal(testkit_start(kit), 0);
	serve(kit, GW_DNS_FOUND, record);
	assert_int_equal(testkit_restart(kit), 0);
	assert_int_equal(prepare(kit, &is_signed), GW_CONTINUE);
	assert_true(is_signed);

	/* but of another key under the same name nothing is known */
	key_file(kit, 1);
	assert_int_equal(testkit_restart(kit), 0);
	assert_int_equal(prepare(kit, &is_signed), GW_WAIT);
	testkit_destroy(kit);
}

static void unless_asked_for_dns_is_only_told_of(void **state)
{
	struct testkit *kit = kit_of(NULL);
	bool is_signed;

	(void)state;
	assert_int_equal(testkit_start(kit), 0);
	serve(kit, GW_DNS_NO_NAME, "");
	assert_int_equal(prepare(kit, &is_signed), GW_CONTINUE);
	assert_true(is_signed);
	testkit_run_control(kit, "check", false);
	assert_true(
		testkit_has(kit, TESTKIT_REPLY,
			    "\"stage\":\"active\",\"signs\":true,\"dns\":\"is not in the DNS\""));
	testkit_run_control(kit, "check now", false);
	assert_true(testkit_has(kit, TESTKIT_REPLY, "\"again\":[\"dkim\",\"check\",\"asked\"]"));
	testkit_advance(kit, LIFE_TICK_MS);
	assert_int_equal(testkit_questions(kit), 2);
	testkit_destroy(kit);
}

static void is_asked(struct testkit *kit, enum gw_dns_type type, const char *name)
{
	assert_non_null(testkit_question(kit));
	assert_int_equal(testkit_question(kit)->type, type);
	assert_string_equal(testkit_question(kit)->name.ptr, name);
}

static void who_does_not_answer_says_nothing(void **state)
{
	struct authority_answer *got = calloc(1, sizeof *got);

	(void)state;
	authority_ask("127.0.0.1", 1, "s1._domainkey.example.com", got);
	assert_int_equal(got->answer.status, GW_DNS_FAILED);
	assert_string_equal(got->answer.error.ptr, "does not answer");
	authority_ask("no address", 53, "s1._domainkey.example.com", got);
	assert_int_equal(got->answer.status, GW_DNS_FAILED);
	free(got);
}

/* Up to where the zone is cut, and to the addresses of each of its servers; `six` is the one of
 * the only one. */
static void servers_say(const char *six, const char *said)
{
	struct testkit *kit = kit_of(NULL);
	int tries;

	assert_int_equal(testkit_start(kit), 0);
	serve(kit, GW_DNS_NO_NAME, "");
	testkit_run_control(kit, "check now", false);
	testkit_advance(kit, LIFE_TICK_MS);
	testkit_run_dns(kit, GW_DNS_NO_NAME, 60, "");
	is_asked(kit, GW_DNS_NS, "_domainkey.example.com");
	testkit_run_dns(kit, GW_DNS_NONE, 60, "");
	is_asked(kit, GW_DNS_NS, "example.com");
	testkit_run_dns(kit, GW_DNS_FOUND, 60, "ns.example.com");
	is_asked(kit, GW_DNS_A, "ns.example.com");
	testkit_run_dns(kit, GW_DNS_NONE, 60, "");
	is_asked(kit, GW_DNS_AAAA, "ns.example.com");
	testkit_run_dns(kit, *six ? GW_DNS_FOUND : GW_DNS_NONE, 60, six);
	for (tries = 0; tries < 500; tries++) {
		testkit_forget(kit);
		testkit_run_control(kit, "check asked", false);
		if (!testkit_has(kit, TESTKIT_REPLY, "\"again\""))
			break;
		poll(NULL, 0, 10);
	}
	assert_true(testkit_has(kit, TESTKIT_REPLY, said));
	testkit_destroy(kit);
}

/* Of this machine ::1 alone has a name server: nobody, who refuses at once. */
static void servers_of_either_family_are_asked(void **state)
{
	(void)state;
	servers_say("", "\"servers\":\"0 of 1: ns.example.com has no address: not asked\"");
	servers_say("::1", "\"servers\":\"0 of 1: ns.example.com (::1) ");
}

static void days_in_the_wrong_order_are_refused(void **state)
{
	static const char *const wrong[][6] = {
		{ "keys[0].from", "2026-12-01", "keys[0].until", "2026-12-01", NULL },
		{ "keys[0].from", "soon", NULL },
	};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct testkit *kit = kit_of(wrong[i]);

		assert_int_not_equal(testkit_start(kit), 0);
		testkit_destroy(kit);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_record_is_this_key_or_is_not),
		cmocka_unit_test(days_that_are_some),
		cmocka_unit_test(a_command_has_no_gap),
		cmocka_unit_test(what_a_command_said_is_on_disk),
		cmocka_unit_test(a_rotation_has_no_gap),
		cmocka_unit_test(what_dns_does_not_serve_does_not_sign),
		cmocka_unit_test(what_dns_said_outlives_a_restart),
		cmocka_unit_test(unless_asked_for_dns_is_only_told_of),
		cmocka_unit_test(who_does_not_answer_says_nothing),
		cmocka_unit_test(servers_of_either_family_are_asked),
		cmocka_unit_test(days_in_the_wrong_order_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
