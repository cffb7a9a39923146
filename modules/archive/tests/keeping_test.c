/* keeping_test.c - what may go and what may not, and the proof that nothing else was touched. */
#include "scene.h"

#include "export.h"

#include <fcntl.h>

#define DAY INT64_C(86400000)
#define NOON INT64_C(1767268800000) /* 2026-01-01 12:00 UTC */
#define FILE_NAME "2026-01/2026-01-01.0.gwa"

static int begin(void **state)
{
	(void)state;
	scene_begin(gw_module_v1);
	testkit_option(kit, "rules[0].type", "mass");
	testkit_option(kit, "rules[0].keep", "10");
	return 0;
}

/* The ID of a mail that was kept, and delivered. */
static const char *send(const char *rcpt, const char *type)
{
	struct gw_message *message = testkit_message(kit, NULL, "ann@example.com",
						     "Subject: one\r\n\r\nwords of wisdom\r\n");
	struct gw_outcome outcome = { .size = sizeof outcome, .status = GW_DELIVERED, .code = 250 };
	struct gw_result result = { .size = sizeof result, .outcome = &outcome };
	struct gw_delivery *delivery;

	testkit_message_fact(message, GW_MESSAGE_TYPE, type);
	result.rcpt = testkit_rcpt(message, rcpt);
	delivery = testkit_delivery(message, relay);
	assert_int_equal(leave(delivery), GW_CONTINUE);
	testkit_run_result(kit, delivery, &result);
	return id_of(message);
}

/* Everything that was handed over is on disk, and found. */
static void settle(void)
{
	send("last@elsewhere.example", "x");
	until_found();
}

static void assert_verifies(const char *said)
{
	const char *answer = ask("verify");

	if (!strstr(answer, said))
		fail_msg("not \"%s\": %s", said, answer);
}

static char *path_of(const char *name)
{
	static char path[1200];

	snprintf(path, sizeof path, "%s/%s", testkit_file(kit, "archive", NULL), name);
	return path;
}

static GByteArray *octets_of(const char *name)
{
	gchar *octets;
	gsize len;

	assert_true(g_file_get_contents(path_of(name), &octets, &len, NULL));
	return g_byte_array_new_take((guint8 *)octets, len);
}

static void put_octets(const char *name, const GByteArray *octets)
{
	int file = open(path_of(name), O_WRONLY | O_TRUNC);

	assert_true(file >= 0 && write(file, octets->data, octets->len) == (ssize_t)octets->len);
	close(file);
}

/* --- the tests --- */

/* A flipped octet, wherever it is, is told with its object; so is one that was taken out or put in.
 */
static void test_changes_are_named(void **state)
{
	GByteArray *file, *other;
	struct record record;
	uint64_t first, second;
	int descriptor;
	size_t at;
	char id[32];

	(void)state;
	assert_int_equal(testkit_start(kit), 0);
	snprintf(id, sizeof id, "%s", send("jane@customer.example", "x"));
	settle();
	assert_verifies("0 faults");
	file = octets_of(FILE_NAME);
	descriptor = open(path_of(FILE_NAME), O_RDONLY);
	assert_int_equal(record_read(descriptor, 0, &record), 1);
	first = record_size(&record);
	assert_int_equal(record_read(descriptor, first, &record), 1);
	second = record_size(&record);
	close(descriptor);
	for (at = 0; at < file->len; at += at < first ? 7 : 31) {
		const char *answer;

		file->data[at] ^= 1;
		put_octets(FILE_NAME, file);
		file->data[at] ^= 1;
		answer = ask("verify");
		if (strstr(answer, " 0 faults"))
			fail_msg("%zu of %u: nothing is seen", at, file->len);
		if (at >= RECORD_HEAD && at < first &&
		    (!strstr(answer, "\"2026-01-01.0:0") || !strstr(answer, ": it was changed")))
			fail_msg("%zu: %s", at, answer);
	}
	other = g_byte_array_new();
	g_byte_array_append(other, file->data + first, file->len - (guint)first);
	put_octets(FILE_NAME, other);
	assert_verifies("its object 1 is not there");
	g_byte_array_prepend(other, file->data, (guint)first);
	g_byte_array_prepend(other, file->data + first, (guint)second);
	put_octets(FILE_NAME, other);
	assert_verifies("2026-01-01.0:");
	g_byte_array_set_size(other, 0);
	put_octets(FILE_NAME, other);
	assert_verifies("the end is not there");
	put_octets(FILE_NAME, file);
	assert_verifies("0 faults");
	g_byte_array_unref(file);
	g_byte_array_unref(other);
}

/* A person's mail is gone, also the mail that others had with her; the proof stands. A hold forbids
 * it. */
static void test_a_person_is_forgotten(void **state)
{
	char id[32], words[64];

	(void)state;
	assert_int_equal(testkit_start(kit), 0);
	snprintf(id, sizeof id, "%s", send("jane@customer.example", "x"));
	send("joe@customer.example", "mass");
	settle();
	assert_int_equal(hits("--words wisdom"), 3);
	ask("hold case-7 --recipient jane@customer.example");
	assert_non_null(strstr(ask("holds"), "--recipient jane@customer.example"));
	assert_non_null(strstr(ask("forget Jane@customer.example"), "the hold case-7 forbids it"));
	assert_non_null(strstr(ask("forget ann@example.com"), "the hold case-7 forbids it"));
	assert_int_equal(hits("--words wisdom"), 3);
	ask("unhold case-7");
	assert_non_null(strstr(ask("forget jane@customer.example"), "1 mails are gone"));
	assert_int_equal(hits("--words wisdom"), 2);
	assert_int_equal(hits("--person jane@customer.example"), 0);
	snprintf(words, sizeof words, "get %s", id);
	ask(words);
	assert_true(testkit_has(kit, TESTKIT_PROBLEM, "there is no such mail"));
	assert_verifies("0 faults");
	assert_verifies("the keys of 3 destroyed");
	assert_int_equal(testkit_restart(kit), 0);
	until_found();
	assert_int_equal(hits("--words wisdom"), 2);
}

/* More recipients than a description of 256 KiB has room for. */
static void test_many_recipients_hide_no_mail(void **state)
{
	struct gw_message *message;
	char address[420], id[32], words[64];

	(void)state;
	assert_int_equal(testkit_start(kit), 0);
	message = testkit_message(kit, NULL, "ann@example.com",
				  "Subject: many\r\n\r\nwords of many\r\n");
	testkit_rcpt(message, "first@elsewhere.example");
	for (int i = 0; i < 900; i++) {
		snprintf(address, sizeof address, "\"a\\\"]%0380d\"@elsewhere.example", i);
		testkit_rcpt(message, address);
	}
	testkit_rcpt(message, "last@nowhere.example");
	assert_int_equal(leave(testkit_delivery(message, relay)), GW_CONTINUE);
	snprintf(id, sizeof id, "%s", id_of(message));
	settle();
	assert_int_equal(hits("--words many"), 1);
	assert_int_equal(hits("--recipient first@elsewhere.example"), 1);
	assert_int_equal(hits("--recipient last@nowhere.example"), 1);
	snprintf(words, sizeof words, "show %s", id);
	assert_non_null(strstr(ask(words), "first@elsewhere.example"));
	snprintf(words, sizeof words, "get %s", id);
	assert_non_null(strstr(ask(words), "Subject: many"));
	assert_verifies("0 faults");
}

/* As a clock goes: one that jumps is not believed. */
static void pass(int64_t ms)
{
	const int64_t step = 3500000;

	for (; ms > 0; ms -= step) {
		testkit_advance(kit, ms < step ? ms : step);
		testkit_run_tick(kit);
	}
}

/* These days pass in no time: whoever has a clock of his own, as the kernel has, would not believe
 * them. */
static void believe_it(void)
{
	int rounds;

	assert_non_null(strstr(ask("expire --now"), "in a moment"));
	for (rounds = 0; rounds < 2000; rounds++) {
		testkit_forget(kit);
		testkit_run_status(kit);
		if (!testkit_has(kit, TESTKIT_STATUS, "expiry: waits"))
			return;
		usleep(5000);
	}
	fail_msg("it is never believed");
}

/* Not before its time, by nobody; after it by itself, but for what is held. Then its file goes too.
 */
static void test_time_is_over(void **state)
{
	char id[32], words[64];
	int rounds;

	(void)state;
	assert_int_equal(testkit_start(kit), 0);
	snprintf(id, sizeof id, "%s", send("joe@customer.example", "mass"));
	until_found();
	testkit_run_tick(kit);
	snprintf(words, sizeof words, "rm %s", id);
	assert_non_null(strstr(ask(words), "is not removed"));
	pass(9 * DAY);
	send("last@elsewhere.example", "x");
	testkit_forget(kit);
	testkit_run_tick(kit);
	assert_true(testkit_has(kit, TESTKIT_LOG, "the archive of 2026-01-01 ends with batch "));
	until_found();
	believe_it();
	assert_non_null(strstr(ask(words), "is not removed"));
	assert_int_equal(hits("--type mass"), 1);
	ask("hold case-8 --type mass");
	pass(2 * DAY);
	believe_it();
	settle();
	assert_non_null(strstr(ask(words), "the hold case-8 forbids it"));
	assert_int_equal(hits("--type mass"), 1);
	ask("unhold case-8");
	pass(DAY);
	believe_it();
	for (rounds = 0; rounds < 2000 && access(path_of(FILE_NAME), F_OK) == 0; rounds++)
		usleep(10000);
	assert_int_equal(access(path_of(FILE_NAME), F_OK), -1);
	assert_int_equal(hits("--type mass"), 0);
	assert_int_equal(hits("--words wisdom"), 2);
	settle();
	assert_true(testkit_has(kit, TESTKIT_STATUS, "removed: 1 mails"));
	assert_verifies("0 faults");
}

static void test_names_are_safe(void **state)
{
	static const struct {
		const char *name, *safe;
	} cases[] = { { "offer.pdf", "offer.pdf" },
		      { "../../etc/passwd", "passwd" },
		      { "C:\\windows\\evil.exe", "evil.exe" },
		      { "..", "_." },
		      { ".bashrc", "_bashrc" },
		      { "-rf", "_rf" },
		      { "a\x1b[31m\n\x7f.txt", "a_[31m__.txt" },
		      { "  ", "attachment-7" },
		      { "", "attachment-7" },
		      { "folder/", "attachment-7" },
		      { "Grüße <1>.txt", "Grüße _1_.txt" } };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char *safe = export_safe_name(cases[i].name, 7);

		assert_string_equal(safe, cases[i].safe);
		g_free(safe);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_changes_are_named, begin, end),
		cmocka_unit_test_setup_teardown(test_a_person_is_forgotten, begin, end),
		cmocka_unit_test_setup_teardown(test_many_recipients_hide_no_mail, begin, end),
		cmocka_unit_test_setup_teardown(test_time_is_over, begin, end),
		cmocka_unit_test(test_names_are_safe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
