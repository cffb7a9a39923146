/* keep_test.c - from the hook to the disk and back: what leaves is kept before it leaves, is found,
 * and comes out octet for octet. */
#include "scene.h"

#define HEADER                                                                                        \
	"From: Ann <ann@example.com>\r\nTo: jane@customer.example\r\nSubject: Grüße, the offer\r\n" \
	"Message-ID: <m1@crm.example>\r\nMIME-Version: 1.0\r\n"
#define MAIL                                                                                       \
	HEADER "Content-Type: multipart/mixed; boundary=b\r\n\r\n"                                 \
	       "--b\r\nContent-Type: text/html; charset=iso-8859-1\r\n"                            \
	       "Content-Transfer-Encoding: quoted-printable\r\n\r\n"                               \
	       "<style>p {color: red}</style><p>the =E4pfel are <b>ripe</b></p>\r\n"               \
	       "--b\r\nContent-Type: application/pdf; name=\"../../offer 7.pdf\"\r\n"              \
	       "Content-Disposition: attachment\r\nContent-Transfer-Encoding: base64\r\n\r\n"      \
	       "aGVsbG8=\r\n--b--\r\n"
#define TRACE "Received: from here by there\r\n"

/* What other modules do to a delivery before it is sealed. */
static struct {
	bool field;
	uint64_t splice[2]; /* 0: none */
} edits;

static enum gw_verdict on_prepare(struct gw_call *call, struct gw_delivery *delivery)
{
	size_t i;

	if (edits.field)
		gw->header_add(call, delivery, 1, gw_str("X-Notice"), gw_str("a \xc3\xa4"));
	for (i = 0; i < 2; i++)
		if (edits.splice[i])
			gw->body_splice(call, delivery, edits.splice[i], 3, gw_str("a notice"));
	return GW_CONTINUE;
}

static const struct gw_module *with_edits(const struct gw_services *services)
{
	static struct gw_module self;

	self = *gw_module_v1(services);
	self.prepare = on_prepare;
	return &self;
}

static int begin(void **state)
{
	(void)state;
	memset(&edits, 0, sizeof edits);
	scene_begin(with_edits);
	return 0;
}

static struct gw_message *message_of(const char *bytes, size_t len)
{
	struct gw_message *message = testkit_message(kit, NULL, "ann@example.com", "x: y\r\n\r\n");

	testkit_message_bytes(message, bytes, len);
	testkit_message_fact(message, GW_MESSAGE_CLIENT, "crm-eu");
	testkit_rcpt(message, "jane@customer.example");
	testkit_rcpt(message, "Secret@Hidden.example");
	return message;
}

static struct gw_delivery *delivery_of(struct gw_message *message)
{
	struct gw_delivery *delivery = testkit_delivery(message, relay);

	testkit_delivery_trace(delivery, TRACE);
	return delivery;
}

/* The octets of `get`, all its parts. */
static struct gw_str get(const char *words)
{
	static char out[8 * 1024 * 1024];
	size_t len = 0, i;
	int64_t at = 0;

	while (at >= 0) {
		char text[200];
		snprintf(text, sizeof text, "get %s --at %lld", words, (long long)at);
		const char *octets = strstr(ask(text), "\"octets\":\"");

		if (!octets)
			fail_msg("%s: %s", words, testkit_line(kit, TESTKIT_PROBLEM, 0));
		octets += 10;
		for (i = 0; octets[i] != '"'; i++) {
			unsigned char c = (unsigned char)octets[i];

			if (c == '\\') {
				c = (unsigned char)octets[++i];
				c = c == 'r' ? '\r' : c == 'n' ? '\n' : c == 't' ? '\t' : c;
				if (c == 'u') {
					c = (unsigned char)strtoul(
						(char[]){ octets[i + 3], octets[i + 4], 0 }, NULL,
						16);
					i += 4;
				}
			} else if (c >= 0xc0) {
				c = (unsigned char)(c << 6 | (octets[++i] & 0x3f));
			}
			out[len++] = (char)c;
		}
		const char *more = strstr(octets + i, "\"more\":");

		at = more ? atoll(more + 7) : -1;
	}
	return gw_str_n(out, len);
}

static void assert_same(struct gw_str got, struct gw_str wanted)
{
	assert_int_equal(got.len, wanted.len);
	assert_memory_equal(got.ptr, wanted.ptr, wanted.len);
}

/* --- the tests --- */

/* Held until it is on disk; then found by everything it is made of, and out it comes as it went. */
static void test_a_mail_is_kept_and_found(void **state)
{
	static const struct {
		const char *words;
		size_t hits;
	} searches[] = {
		{ "--sender ann@example.com", 1 },
		{ "--sender ANN@EXAMPLE.COM", 1 },
		{ "--sender @example.com", 1 },
		{ "--sender jane@customer.example", 0 },
		{ "--recipient secret@hidden.example", 1 },
		{ "--recipient @hidden.example --client crm-eu", 1 },
		{ "--person jane@customer.example", 1 },
		{ "--person nobody@customer.example", 0 },
		{ "--subject GRUßE", 1 },
		{ "--subject ripe", 0 },
		{ "--words ripe", 1 },
		{ "--words apfel", 1 },
		{ "--words color", 0 },
		{ "--words offer", 1 },
		{ "--attachment offer", 1 },
		{ "--attachment ripe", 0 },
		{ "--message-id m1@crm.example", 1 },
		{ "--message-id <m1@crm.example>", 1 },
		{ "--message-id m2@crm.example", 0 },
		{ "--client crm-eu", 1 },
		{ "--client crm-us", 0 },
		{ "--relay out --since 2026-01-01 --until 2026-01-01", 1 },
		{ "--since 2026-01-02", 0 },
		{ "--until 2025-12-31", 0 },
		{ "--words \" --sender ann@example.com", 0 },
		{ "--words ripe*", 1 },
	};
	struct gw_message *message;
	struct gw_delivery *delivery;
	size_t i;

	(void)state;
	assert_int_equal(testkit_start(kit), 0);
	message = message_of(MAIL, strlen(MAIL));
	delivery = delivery_of(message);
	assert_int_equal(testkit_run_sealed(kit, delivery), GW_PENDING);
	assert_null(testkit_note(message, "archive.object"));
	assert_int_equal(testkit_resume(kit, WAIT_MS), GW_CONTINUE);
	assert_int_equal(strlen(testkit_note(message, "archive.object")), 64);
	assert_true(testkit_has(kit, TESTKIT_REASON, "archived as "));
	until_found();
	for (i = 0; i < sizeof searches / sizeof searches[0]; i++)
		if (hits(searches[i].words) != searches[i].hits)
			fail_msg("%s: not %zu", searches[i].words, searches[i].hits);
	assert_same(get(id_of(message)), testkit_sent(delivery));
	char words[100];
	snprintf(words, sizeof words, "%s --arrived", id_of(message));
	assert_same(get(words), gw_str(MAIL));
	assert_same(get(testkit_note(message, "archive.object")), testkit_sent(delivery));
}

static char *letters(size_t len)
{
	char *text = malloc(len + 200);
	uint64_t noise = 88172645463325252u;
	size_t at = (size_t)sprintf(text, HEADER "\r\n");

	for (; at < len; at++) {
		noise ^= noise << 13;
		noise ^= noise >> 7;
		noise ^= noise << 17;
		text[at] = at % 77 == 75   ? '\r'
			   : at % 77 == 76 ? '\n'
					   : "0123456789abcdef"[noise % 16];
	}
	strcpy(text + at, "\r\n");
	return text;
}

static size_t archive_size(void)
{
	struct stat status;
	char path[1100];

	snprintf(path, sizeof path, "%s/2026-01/2026-01-01.0.gwa",
		 testkit_file(kit, "archive", NULL));
	return stat(path, &status) == 0 ? (size_t)status.st_size : 0;
}

/* Small and large, whole and edited everywhere: both forms come out, and the second costs little:
 * the letters, of four bits each, are there once. */
static void test_what_differs_is_kept(void **state)
{
	static const size_t sizes[] = { 500, 100000, 2000000 };
	size_t i, edit;

	(void)state;
	testkit_option(kit, "key_file", testkit_file(kit, "wrap.key", NULL));
	assert_int_equal(testkit_start(kit), 0);
	for (i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
		for (edit = 0; edit < 4; edit++) {
			char *text = letters(sizes[i]), words[100];
			size_t before = archive_size();
			struct gw_message *message = message_of(text, strlen(text));
			struct gw_delivery *delivery = delivery_of(message);

			edits.field = edit == 1;
			edits.splice[0] = edit > 1 ? 40 : 0;
			edits.splice[1] = edit > 2 ? sizes[i] - 400 : 0;
			assert_int_equal(testkit_run_prepare(kit, delivery), GW_CONTINUE);
			assert_int_equal(leave(delivery), GW_CONTINUE);
			until_found();
			assert_in_range(archive_size() - before, 1, 3000 + sizes[i] * 5 / 8);
			assert_same(get(id_of(message)), testkit_sent(delivery));
			snprintf(words, sizeof words, "%s --arrived", id_of(message));
			assert_same(get(words), gw_str(text));
			free(text);
		}
}

/* The disk does not take it: a file stands where the month's folder should be. */
static void break_disk(void)
{
	char path[1100];

	mkdir(testkit_file(kit, "archive", NULL), 0700);
	snprintf(path, sizeof path, "%s/2026-01", testkit_file(kit, "archive", NULL));
	assert_true(g_file_set_contents(path, "", 0, NULL));
}

static void mend_disk(void)
{
	char path[1100];
	int rounds;

	snprintf(path, sizeof path, "%s/2026-01", testkit_file(kit, "archive", NULL));
	assert_int_equal(unlink(path), 0);
	for (rounds = 0; rounds < 2000 && !testkit_lines(kit, TESTKIT_NOTIFIED); rounds++) {
		testkit_run_tick(kit);
		usleep(10000);
	}
	assert_string_equal(testkit_line(kit, TESTKIT_NOTIFIED, 0), "disk 18446744073709551615");
}

/* It failed without having been tried anywhere: its report does not wait for the disk. */
static void bounce(const char *rcpt)
{
	struct gw_message *message = message_of(MAIL, strlen(MAIL));
	struct gw_outcome outcome = { .size = sizeof outcome, .status = GW_BOUNCED, .code = 550 };
	struct gw_result result = { .size = sizeof result, .outcome = &outcome };
	enum gw_verdict verdict;

	result.rcpt = testkit_rcpt(message, rcpt);
	verdict = testkit_run_bounce(kit, message, &result);
	if (verdict == GW_PENDING)
		verdict = testkit_resume(kit, WAIT_MS);
	assert_int_equal(verdict, GW_CONTINUE);
}

static const char *problem_of(const char *words)
{
	ask(words);
	return testkit_lines(kit, TESTKIT_PROBLEM) ? testkit_line(kit, TESTKIT_PROBLEM, 0) : "";
}

/* Each page says where the next one begins, and the last that it is the last. */
static void test_pages(void **state)
{
	char words[100] = "search --limit 2";
	const char *at;
	size_t i, pages = 0;

	(void)state;
	assert_int_equal(testkit_start(kit), 0);
	for (i = 0; i < 5; i++) {
		struct gw_message *message = message_of(MAIL, strlen(MAIL));
		assert_int_equal(leave(delivery_of(message)), GW_CONTINUE);
	}
	until_found();
	while ((at = strstr(ask(words), "\"before\":\"")) != NULL && ++pages < 10) {
		assert_non_null(strstr(testkit_line(kit, TESTKIT_REPLY, 0), "--before 2026-01/"));
		snprintf(words, sizeof words, "search --limit 2 --before %.*s",
			 (int)strcspn(at + 10, "\""), at + 10);
	}
	assert_int_equal(pages, 2);
	assert_int_equal(hits(words + 7), 1);
	assert_int_equal(hits("--limit 5"), 5);
	assert_null(strstr(ask("search --limit 5"), "\"before\""));
	assert_non_null(strstr(problem_of("search --before 5"), "as 2026-11/5"));
	assert_non_null(strstr(problem_of("search --before foo"), "as 2026-11/5"));
	assert_non_null(strstr(problem_of("search --limit foo"), "from 1 to 1000"));
	assert_non_null(strstr(problem_of("search --limit 1001"), "from 1 to 1000"));
	assert_non_null(strstr(problem_of("search --since 5"), "a day is"));
}

/* What is done while the archive cannot be written, and that all of it is there in the end. */
static void test_disk_trouble(void **state)
{
	static const struct {
		const char *on_error;
		enum gw_verdict leaves, comes;
	} cases[] = {
		{ "tempfail", GW_WAIT, GW_TEMPFAIL },
		{ "wait", GW_WAIT, GW_CONTINUE },
		{ "continue", GW_CONTINUE, GW_CONTINUE },
	};
	size_t i;

	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct gw_message *message;

		begin(state);
		break_disk();
		testkit_option(kit, "on_error", cases[i].on_error);
		assert_int_equal(testkit_start(kit), 0);
		message = message_of(MAIL, strlen(MAIL));
		assert_int_equal(testkit_run_message(kit, message), GW_CONTINUE);
		assert_int_equal(leave(delivery_of(message)), cases[i].leaves);
		assert_null(testkit_note(message, "archive.object"));
		if (cases[i].leaves == GW_WAIT) {
			assert_string_equal(testkit_answer(kit)->wait_on, "disk");
			assert_true(testkit_answer(kit)->wait_until > 0);
		}
		testkit_run_tick(kit);
		assert_true(testkit_has(kit, TESTKIT_EVENT, "archive-down "));
		testkit_run_status(kit);
		assert_true(testkit_has(kit, TESTKIT_STATUS, "cannot be written: "));
		message = message_of(MAIL, strlen(MAIL));
		assert_int_equal(testkit_run_message(kit, message), cases[i].comes);
		if (cases[i].comes == GW_TEMPFAIL)
			assert_int_equal(testkit_answer(kit)->code, 451);
		bounce("broken@elsewhere.example");
		mend_disk();
		assert_true(testkit_has(kit, TESTKIT_EVENT, "archive-up "));
		assert_int_equal(testkit_run_message(kit, message), GW_CONTINUE);
		assert_int_equal(leave(delivery_of(message)), GW_CONTINUE);
		until_found();
		assert_int_equal(hits("--words ripe"), cases[i].leaves == GW_WAIT ? 2 : 3);
		assert_int_equal(hits("--recipient broken@elsewhere.example"), 1);
		assert_non_null(strstr(ask("search --recipient broken@elsewhere.example"),
				       "\"status\":\"bounced\""));
		if (i + 1 < sizeof cases / sizeof cases[0])
			end(state);
	}
}

/* Something else stands where its key should be. */
static void test_what_could_not_be_opened_is_opened_later(void **state)
{
	const char *path = testkit_file(kit, "sign.key", NULL);
	struct gw_message *message = message_of(MAIL, strlen(MAIL));
	size_t round;

	(void)state;
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(testkit_start(kit), 0);
	assert_int_equal(leave(delivery_of(message)), GW_WAIT);
	assert_string_equal(testkit_answer(kit)->wait_on, "disk");
	testkit_forget(kit);
	for (round = 0; round < 30; round++)
		testkit_run_tick(kit);
	if (testkit_lines(kit, TESTKIT_LOG)) /* it was told at the start */
		fail_msg("%s", testkit_line(kit, TESTKIT_LOG, 0));
	testkit_run_status(kit);
	assert_true(testkit_has(kit, TESTKIT_STATUS, "not open: "));
	assert_int_equal(rmdir(path), 0);
	for (round = 0; round < 30; round++)
		testkit_run_tick(kit);
	assert_true(testkit_has(kit, TESTKIT_LOG, "can be opened"));
	assert_int_equal(leave(delivery_of(message)), GW_CONTINUE);
	until_found();
	assert_int_equal(hits("--words ripe"), 1);
}

/* After a start: each once. */
static void assert_brought(const char *path)
{
	size_t round;

	assert_int_equal(testkit_start(kit), 0);
	for (round = 0; round < 2000 && access(path, F_OK) == 0; round++)
		usleep(10000);
	assert_int_equal(access(path, F_OK), -1);
	/* the file goes before what was in it counts as written */
	for (round = 0; round < 2000 && hits("--recipient jane@customer.example") != 2; round++)
		usleep(10000);
	until_found();
	assert_int_equal(hits("--recipient jane@customer.example"), 2);
	/* what arrived, and what left, of both */
	assert_non_null(strstr(ask("verify"), "4 objects in "));
	assert_non_null(strstr(testkit_line(kit, TESTKIT_REPLY, 0), "0 faults"));
	testkit_forget(kit);
	testkit_run_status(kit);
	assert_false(testkit_has(kit, TESTKIT_STATUS, "spill: "));
}

/* What waits on another disk outlives a kill, and is in the archive once. */
static void test_a_spill_outlives_a_kill(void **state)
{
	static const size_t sizes[] = { 100, 3000000 };
	char *spill, *text, path[1100];
	size_t i, round;
	gsize len;

	(void)state;
	begin(state);
	break_disk();
	spill = strdup(testkit_file(kit, "spill", NULL));
	testkit_option(kit, "on_error", "continue");
	testkit_option(kit, "spill", spill);
	assert_int_equal(testkit_start(kit), 0);
	for (i = 0; i < 2; i++) {
		struct gw_message *message;

		text = letters(sizes[i]);
		message = message_of(text, strlen(text));
		assert_int_equal(leave(delivery_of(message)), GW_CONTINUE);
		free(text);
	}
	for (round = 0; round < 2000; round++) {
		testkit_forget(kit);
		testkit_run_status(kit);
		if (testkit_has(kit, TESTKIT_STATUS, "spill: ") &&
		    testkit_has(kit, TESTKIT_STATUS, "waiting: 0 octets"))
			break;
		usleep(10000);
	}
	assert_int_equal(testkit_metric(kit, "late"), 2);
	assert_int_equal(testkit_metric(kit, "missed"), 0);
	/* whatever memory had is gone */
	testkit_stop(kit);
	snprintf(path, sizeof path, "%s/2026-01", testkit_file(kit, "archive", NULL));
	assert_int_equal(unlink(path), 0);
	snprintf(path, sizeof path, "%s/2026-01/2026-01-01.0.gwa", spill);
	assert_true(g_file_get_contents(path, &text, &len, NULL));
	assert_brought(path);
	/* as if it had been cut off before it was taken away there */
	testkit_stop(kit);
	assert_true(g_file_set_contents(path, text, (gssize)len, NULL));
	assert_brought(path);
	g_free(text);
	free(spill);
}

/* The first that meets the disk is a large one, for which that has no room: nobody knew yet. */
static void test_a_large_mail_needs_no_room_there(void **state)
{
	char *text = letters(3000000);
	int with_spill;

	for (with_spill = 0; with_spill < 2; with_spill++) {
		struct gw_message *message;

		if (with_spill)
			end(state);
		begin(state);
		assert_int_equal(symlink("/nowhere", testkit_file(kit, "archive", NULL)), 0);
		testkit_option(kit, "on_error", "continue");
		if (with_spill)
			testkit_option(kit, "spill", testkit_file(kit, "spill", NULL));
		assert_int_equal(testkit_start(kit), 0);
		message = message_of(text, strlen(text));
		assert_int_equal(leave(delivery_of(message)), GW_CONTINUE);
		assert_int_equal(testkit_metric(kit, "late"), 1);
		assert_int_equal(testkit_metric(kit, "missed"), 0);
		assert_int_equal(unlink(testkit_file(kit, "archive", NULL)), 0);
		while (hits("--recipient jane@customer.example") != 1)
			usleep(10000);
	}
	free(text);
}

/* Where nothing can be made is told beforehand; of a copy whose spill fails too it is said where it
 * is, and of one that is gone with the gateway that it is. */
static void test_what_cannot_be_kept_is_told(void **state)
{
	struct gw_message *message = NULL;
	size_t round;

	(void)state;
	begin(state);
	break_disk();
	testkit_option(kit, "on_error", "continue");
	testkit_option(kit, "spill", "/nowhere/spill");
	assert_int_equal(testkit_start(kit), 0);
	assert_true(testkit_has(kit, TESTKIT_PROBLEM,
				"spill /nowhere/spill cannot be written: /nowhere: No such file"));
	assert_false(testkit_has(kit, TESTKIT_PROBLEM, "archive's folder"));
	message = message_of(MAIL, strlen(MAIL));
	assert_int_equal(leave(delivery_of(message)), GW_CONTINUE);
	for (round = 0; round < 2000 && !testkit_has(kit, TESTKIT_STATUS, "the spill fails");
	     round++) {
		usleep(10000);
		testkit_forget(kit);
		testkit_run_status(kit);
	}
	message = message_of(MAIL, strlen(MAIL));
	assert_int_equal(leave(delivery_of(message)), GW_CONTINUE);
	assert_true(testkit_has(kit, TESTKIT_REASON, "waits in memory, since the spill fails"));
	assert_int_equal(testkit_metric(kit, "missed"), 0);
	testkit_stop(kit);
	assert_true(testkit_has(kit, TESTKIT_LOG, "2 mails have left without a copy"));
	testkit_forget(kit);
	testkit_option(kit, "folder", "/nowhere/archive");
	assert_int_equal(testkit_start(kit), 0);
	assert_true(testkit_has(kit, TESTKIT_PROBLEM, "archive's folder /nowhere/archive cannot"));
}

/* With "continue" 64 MiB wait in memory, of small mails as of large ones, and no more. */
static void test_memory_is_bounded(void **state)
{
	static const size_t sizes[] = { 40000, 1200000 };
	size_t i, nth, waiting;

	for (i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		char *text = letters(sizes[i]);

		begin(state);
		break_disk();
		testkit_option(kit, "on_error", "continue");
		assert_int_equal(testkit_start(kit), 0);
		for (nth = 0; nth * sizes[i] < 256 << 20 && !testkit_metric(kit, "missed"); nth++) {
			struct gw_message *message = message_of(text, strlen(text));

			assert_int_equal(leave(delivery_of(message)), GW_CONTINUE);
		}
		assert_int_equal(testkit_metric(kit, "missed"), 1);
		testkit_forget(kit);
		testkit_run_status(kit);
		for (nth = 0; !strstr(testkit_line(kit, TESTKIT_STATUS, nth), "waiting: ");)
			nth++;
		waiting = strtoul(testkit_line(kit, TESTKIT_STATUS, nth) + 9, NULL, 10);
		assert_in_range(waiting, 60 << 20, 64 << 20);
		free(text);
		if (i + 1 < sizeof sizes / sizeof sizes[0])
			end(state);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_mail_is_kept_and_found, begin, end),
		cmocka_unit_test_setup_teardown(test_what_differs_is_kept, begin, end),
		cmocka_unit_test_setup_teardown(test_pages, begin, end),
		cmocka_unit_test_teardown(test_disk_trouble, end),
		cmocka_unit_test_setup_teardown(test_what_could_not_be_opened_is_opened_later,
						begin, end),
		cmocka_unit_test_teardown(test_a_spill_outlives_a_kill, end),
		cmocka_unit_test_teardown(test_a_large_mail_needs_no_room_there, end),
		cmocka_unit_test_teardown(test_what_cannot_be_kept_is_told, end),
		cmocka_unit_test_teardown(test_memory_is_bounded, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
