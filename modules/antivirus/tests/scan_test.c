/* scan_test.c - a scan from the hook to its verdict, with a clamd whose every octet the test says.
 */
#include <gateway/testkit.h>

#include <event2/event.h>
#include <poll.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#define MAIL "From: a@example.com\r\n\r\nhello\r\n"
#define VERSION(number) "ClamAV 1.4.6/" number "/Mon Nov 23 10:00:00 2026"

struct scene {
	struct testkit *kit;
	struct event_base *base;
	int listener;
};

static int listen_at(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(listen(fd, 10), 0);
	return fd;
}

static struct scene scene_of(const char *timeout, const char *clamds)
{
	struct scene scene = { .kit = testkit_create(gw_module_v1), .base = event_base_new() };
	char names[600];

	scene.listener = listen_at(testkit_file(scene.kit, "clamd", NULL));
	snprintf(names, sizeof names, "%s %s", clamds, testkit_file(scene.kit, "clamd", NULL));
	testkit_set_event_base(scene.kit, scene.base);
	testkit_option(scene.kit, "clamd", names);
	testkit_option(scene.kit, "timeout", timeout);
	testkit_option(scene.kit, "connections", "1");
	testkit_option(scene.kit, "queue", "1");
	assert_int_equal(testkit_start(scene.kit), 0);
	return scene;
}

static void finish(struct scene *scene)
{
	testkit_destroy(scene->kit);
	event_base_free(scene->base);
	close(scene->listener);
}

static void turn(const struct scene *scene)
{
	event_base_loop(scene->base, EVLOOP_NONBLOCK);
}

/* Turns the loop until `fd` has something to read. */
static void until_readable(const struct scene *scene, int fd)
{
	struct pollfd poll_fd = { fd, POLLIN, 0 };
	int rounds;

	for (rounds = 0; rounds < 5000; rounds++) {
		turn(scene);
		if (poll(&poll_fd, 1, 1) == 1)
			return;
	}
	fail_msg("nobody says anything");
}

/* What the module says on its next connection, up to the NUL, with the octet that brings the file.
 */
static int accept_command(const struct scene *scene, const char *command)
{
	char got[20] = "";
	size_t len = 0;
	int fd;

	until_readable(scene, scene->listener);
	fd = accept(scene->listener, NULL, NULL);
	assert_true(fd >= 0);
	while (len == 0 || got[len - 1] != '\0') {
		until_readable(scene, fd);
		assert_int_equal(recv(fd, got + len, 1, 0), 1);
		len++;
	}
	assert_string_equal(got, command);
	return fd;
}

/* The file that was handed over has the message. */
static void take_file(const struct scene *scene, int fd)
{
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr head;
	} control;
	char octet, text[100] = "";
	struct iovec data = { &octet, 1 };
	struct msghdr message = { .msg_iov = &data,
				  .msg_iovlen = 1,
				  .msg_control = control.room,
				  .msg_controllen = sizeof control.room };
	int file;

	until_readable(scene, fd);
	assert_int_equal(recvmsg(fd, &message, 0), 1);
	assert_int_equal(control.head.cmsg_type, SCM_RIGHTS);
	memcpy(&file, CMSG_DATA(&control.head), sizeof file);
	assert_int_equal(pread(file, text, sizeof text - 1, 0), strlen(MAIL));
	assert_string_equal(text, MAIL);
	close(file);
}

static int accept_scan(const struct scene *scene)
{
	int fd = accept_command(scene, "zFILDES");

	take_file(scene, fd);
	return fd;
}

static void say(const struct scene *scene, int fd, const char *octets, size_t len)
{
	if (len)
		assert_int_equal(send(fd, octets, len, 0), len);
	turn(scene);
}

static struct gw_message *begin(const struct scene *scene)
{
	struct gw_message *message = testkit_message(scene->kit, NULL, "a@example.com", MAIL);

	assert_int_equal(testkit_run_message(scene->kit, message), GW_PENDING);
	return message;
}

static enum gw_verdict end(const struct scene *scene)
{
	int rounds;

	for (rounds = 0; rounds < 5000; rounds++) {
		enum gw_verdict verdict;

		turn(scene);
		verdict = testkit_resume(scene->kit, 1);
		if (verdict != GW_PENDING)
			return verdict;
	}
	fail_msg("no verdict");
	return GW_FAILED;
}

static const char answer[] = "fd[7]: OK";

static void an_answer_in_two_parts_is_one(void **state)
{
	struct scene scene = scene_of("60s", "");
	size_t split;

	for (split = 1; split < sizeof answer; split++) {
		struct gw_message *message = begin(&scene);
		int fd = accept_scan(&scene);

		say(&scene, fd, answer, split);
		assert_int_equal(testkit_resume(scene.kit, 0), GW_PENDING);
		say(&scene, fd, answer + split, sizeof answer - split);
		assert_int_equal(end(&scene), GW_CONTINUE);
		assert_string_equal(testkit_note(message, "antivirus.result"), "clean");
		close(fd);
	}
	assert_int_equal(testkit_metric(scene.kit, "clean"), sizeof answer - 1);
	finish(&scene);
}

static void closed_within_its_answer_it_has_not_scanned(void **state)
{
	struct scene scene = scene_of("60s", "");
	size_t len;

	for (len = 0; len < sizeof answer; len++) {
		struct gw_message *message = begin(&scene);
		int fd = accept_scan(&scene);

		say(&scene, fd, answer, len);
		close(fd);
		assert_int_equal(end(&scene), GW_TEMPFAIL);
		assert_int_equal(testkit_answer(scene.kit)->code, 451);
		assert_string_equal(testkit_note(message, "antivirus.result"), "failed");
		assert_string_equal(testkit_note(message, "antivirus.fault"),
				    "closed before its answer ended");
	}
	assert_int_equal(testkit_metric(scene.kit, "clean"), 0);
	finish(&scene);
}

static void what_is_late_is_not_scanned(void **state)
{
	struct scene scene = scene_of("100ms", "");
	int fd;

	begin(&scene);
	fd = accept_scan(&scene);
	say(&scene, fd, answer, sizeof answer - 1);
	assert_int_equal(end(&scene), GW_TEMPFAIL);
	assert_true(testkit_has(scene.kit, TESTKIT_REASON, "no answer in time"));
	assert_true(testkit_has(scene.kit, TESTKIT_EVENT, "unscanned not scanned: "));
	close(fd);
	finish(&scene);
}

static void one_at_once_one_waits_the_third_comes_again(void **state)
{
	struct scene scene = scene_of("60s", "");
	struct gw_message *third;
	int first, second;

	begin(&scene);
	first = accept_scan(&scene);
	begin(&scene);
	turn(&scene);
	third = testkit_message(scene.kit, NULL, "a@example.com", MAIL);
	assert_int_equal(testkit_run_message(scene.kit, third), GW_TEMPFAIL);
	assert_true(testkit_has(scene.kit, TESTKIT_REASON, "too many wait"));
	assert_int_equal(poll(&(struct pollfd){ scene.listener, POLLIN, 0 }, 1, 0), 0);
	say(&scene, first, answer, sizeof answer);
	assert_int_equal(end(&scene), GW_CONTINUE);
	second = accept_scan(&scene);
	say(&scene, second, "fd[8]: A.Virus FOUND", sizeof "fd[8]: A.Virus FOUND");
	assert_int_equal(end(&scene), GW_REJECT);
	assert_string_equal(testkit_answer(scene.kit)->text, "antivirus: virus found: A.Virus");
	assert_int_equal(testkit_answer(scene.kit)->code, 554);
	close(first);
	close(second);
	finish(&scene);
}

static void what_is_held_says_why(void **state)
{
	struct scene scene = scene_of("60s", "");
	struct gw_message *message = begin(&scene);
	int fd = accept_scan(&scene);

	say(&scene, fd, "fd[8]: Heuristics.Encrypted.Zip FOUND",
	    sizeof "fd[8]: Heuristics.Encrypted.Zip FOUND");
	assert_int_equal(end(&scene), GW_HOLD);
	assert_string_equal(testkit_answer(scene.kit)->text,
			    "antivirus: encrypted content: Heuristics.Encrypted.Zip");
	assert_string_equal(testkit_note(message, "antivirus.signature"),
			    "Heuristics.Encrypted.Zip");
	close(fd);
	finish(&scene);
}

static void who_leaves_makes_room(void **state)
{
	struct scene scene = scene_of("60s", "");
	struct gw_message *message = begin(&scene);
	int first = accept_scan(&scene), second;
	char octet;

	begin(&scene);
	turn(&scene);
	testkit_drop(scene.kit, message);
	second = accept_scan(&scene);
	assert_int_equal(recv(first, &octet, 1, 0), 0);
	testkit_drop(scene.kit, NULL);
	turn(&scene);
	assert_int_equal(recv(second, &octet, 1, 0), 0);
	close(first);
	close(second);
	finish(&scene);
}

static void the_next_clamd_is_asked(void **state)
{
	struct scene scene = scene_of("60s", "/nowhere/clamd");
	int fd;

	begin(&scene);
	fd = accept_scan(&scene);
	say(&scene, fd, answer, sizeof answer);
	assert_int_equal(end(&scene), GW_CONTINUE);
	close(fd);
	testkit_run_status(scene.kit);
	assert_true(testkit_has(scene.kit, TESTKIT_STATUS,
				"/nowhere/clamd: down: No such file or directory"));
	testkit_advance(scene.kit, 20000);
	testkit_advance(scene.kit, 20000);
	assert_int_equal(testkit_lines(scene.kit, TESTKIT_EVENT), 1);
	assert_true(testkit_has(scene.kit, TESTKIT_EVENT,
				"scanner-down scanner /nowhere/clamd is down: No such file"));
	finish(&scene);
}

/* Then every client hears that it has to try again, say. */
static void nobody_that_scans_is_wrong(void **state)
{
	struct scene scene = scene_of("60s", "/nowhere/clamd");

	testkit_run_status(scene.kit);
	assert_false(testkit_has(scene.kit, TESTKIT_STATUS, "WRONG: "));
	close(scene.listener);
	unlink(testkit_file(scene.kit, "clamd", NULL));
	begin(&scene);
	assert_int_equal(end(&scene), GW_TEMPFAIL);
	testkit_run_status(scene.kit);
	assert_true(testkit_has(scene.kit, TESTKIT_STATUS, "WRONG: no scanner answers"));
	scene.listener = listen_at(testkit_file(scene.kit, "clamd", NULL));
	finish(&scene);
}

static void say_version(const struct scene *scene, const char *version)
{
	int fd;

	testkit_advance(scene->kit, 20000);
	fd = accept_command(scene, "zVERSION");
	say(scene, fd, version, strlen(version) + 1);
	turn(scene);
	close(fd);
}

/* The engine that scanned may be the old one, however late its answer comes. */
static void what_was_scanned_while_the_signatures_changed_is_not_remembered(void **state)
{
	struct scene scene = scene_of("60s", "");
	struct gw_message *known;
	int fd;

	say_version(&scene, VERSION("1"));
	begin(&scene);
	fd = accept_scan(&scene);
	say_version(&scene, VERSION("2"));
	say(&scene, fd, answer, sizeof answer);
	assert_int_equal(end(&scene), GW_CONTINUE);
	close(fd);
	begin(&scene);
	fd = accept_scan(&scene);
	say(&scene, fd, answer, sizeof answer);
	assert_int_equal(end(&scene), GW_CONTINUE);
	close(fd);
	known = testkit_message(scene.kit, NULL, "a@example.com", MAIL);
	assert_int_equal(testkit_run_message(scene.kit, known), GW_CONTINUE);
	assert_int_equal(testkit_metric(scene.kit, "cached"), 1);
	finish(&scene);
}

static void a_message_that_cannot_be_read_is_not_scanned(void **state)
{
	struct scene scene = scene_of("60s", "");
	struct gw_message *message = testkit_message(scene.kit, NULL, "a@example.com", MAIL);

	testkit_fail(scene.kit, "message_file", 1);
	assert_int_equal(testkit_run_message(scene.kit, message), GW_TEMPFAIL);
	assert_true(testkit_failed(scene.kit));
	assert_true(testkit_has(scene.kit, TESTKIT_REASON, "the message cannot be read"));
	finish(&scene);
}

static void a_question_is_not_scanned(void **state)
{
	struct scene scene = scene_of("60s", "");
	struct gw_message *message = testkit_message(scene.kit, NULL, "a@example.com", MAIL);

	testkit_message_fact(message, GW_MESSAGE_DRY, "1");
	assert_int_equal(testkit_run_message(scene.kit, message), GW_CONTINUE);
	assert_null(testkit_note(message, "antivirus.result"));
	finish(&scene);
}

static void a_clamd_that_comes_up_is_told_once(void **state)
{
	struct scene scene = scene_of("60s", "");

	say_version(&scene, "Apache");
	say_version(&scene, VERSION("1"));
	assert_true(
		testkit_has(scene.kit, TESTKIT_EVENT, "is down: what answers there is no clamd"));
	testkit_forget(scene.kit);
	testkit_advance(scene.kit, 20000);
	assert_int_equal(testkit_lines(scene.kit, TESTKIT_EVENT), 1);
	assert_true(testkit_has(scene.kit, TESTKIT_EVENT, "scanner-up scanner "));
	finish(&scene);
}

static void a_name_that_is_no_clamd_is_told_at_the_start(void **state)
{
	static const char *const names[] = { "localhost:3310", "192.0.2.1", "clamd.ctl" };
	size_t i;

	for (i = 0; i < sizeof names / sizeof *names; i++) {
		struct testkit *kit = testkit_create(gw_module_v1);

		testkit_option(kit, "clamd", names[i]);
		assert_int_equal(testkit_start(kit), -1);
		assert_true(testkit_has(kit, TESTKIT_PROBLEM, names[i]));
		testkit_destroy(kit);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_in_two_parts_is_one),
		cmocka_unit_test(closed_within_its_answer_it_has_not_scanned),
		cmocka_unit_test(what_is_late_is_not_scanned),
		cmocka_unit_test(one_at_once_one_waits_the_third_comes_again),
		cmocka_unit_test(what_is_held_says_why),
		cmocka_unit_test(who_leaves_makes_room),
		cmocka_unit_test(the_next_clamd_is_asked),
		cmocka_unit_test(nobody_that_scans_is_wrong),
		cmocka_unit_test(what_was_scanned_while_the_signatures_changed_is_not_remembered),
		cmocka_unit_test(a_message_that_cannot_be_read_is_not_scanned),
		cmocka_unit_test(a_question_is_not_scanned),
		cmocka_unit_test(a_clamd_that_comes_up_is_told_once),
		cmocka_unit_test(a_name_that_is_no_clamd_is_told_at_the_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
