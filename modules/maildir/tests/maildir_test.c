/* maildir_test.c - what is on disk after a delivery, and what is told when the disk refuses. */
#include <gateway/testkit.h>

#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define BYTES "Subject: x\r\n\r\nline\r\n.dot and a last line without an end"

struct scene {
	struct testkit *kit;
	struct gw_relay *relay;
	struct gw_message *message;
	struct gw_rcpt *first, *second;
	struct gw_delivery *delivery;
};

static struct scene scene_of(const char *split, const char *trace)
{
	struct scene scene = { .kit = testkit_create(gw_module_v1) };

	scene.relay = testkit_relay(scene.kit, "local");
	testkit_relay_option(scene.relay, "maildir", "STATE/mail");
	testkit_option(scene.kit, "split", split);
	testkit_option(scene.kit, "trace", trace);
	scene.message = testkit_message(scene.kit, NULL, "sender@example.com", BYTES);
	scene.first = testkit_rcpt(scene.message, "One@example.net");
	scene.second = testkit_rcpt(scene.message, "../two/x@example.net");
	scene.delivery = testkit_delivery(scene.message, scene.relay);
	assert_int_equal(testkit_start(scene.kit), 0);
	return scene;
}

static size_t count_in(struct testkit *kit, const char *folder, char *last, size_t room)
{
	const char *path = testkit_file(kit, folder, NULL);
	struct dirent *entry;
	size_t count = 0;
	DIR *dir = opendir(path);

	if (!dir)
		return 0;
	while ((entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.') {
			count++;
			snprintf(last, room, "%s/%s", path, entry->d_name);
		}
	closedir(dir);
	return count;
}

static size_t letters(struct testkit *kit, const char *folder)
{
	char last[1024];

	return count_in(kit, folder, last, sizeof last);
}

/* The one letter in a folder's new/. */
static const char *letter(struct testkit *kit, const char *folder)
{
	static char text[4096];
	char path[1024] = "";
	size_t len;
	FILE *file;

	assert_int_equal(count_in(kit, folder, path, sizeof path), 1);
	file = fopen(path, "r");
	assert_non_null(file);
	len = fread(text, 1, sizeof text - 1, file);
	text[len] = '\0';
	fclose(file);
	return text;
}

static void assert_outcome(const struct scene *scene, struct gw_rcpt *rcpt, enum gw_status status,
			   int code, int detail)
{
	const struct gw_outcome *outcome = testkit_outcome(scene->delivery, rcpt);

	assert_non_null(outcome);
	assert_int_equal(outcome->status, status);
	assert_int_equal(outcome->code, code);
	assert_int_equal(outcome->enhanced[0], code / 100);
	assert_int_equal(outcome->enhanced[2], detail);
	assert_string_equal(outcome->host.ptr, "maildir");
}

static void one_letter_for_all_with_the_envelope_in_front(void **state)
{
	struct scene scene = scene_of("none", "true");

	assert_int_equal(testkit_run_deliver(scene.kit, scene.delivery, scene.relay), GW_ACCEPT);
	assert_string_equal(letter(scene.kit, "mail/new"),
			    "Return-Path: <sender@example.com>\r\nDelivered-To: One@example.net\r\n"
			    "Delivered-To: ../two/x@example.net\r\n" BYTES);
	assert_int_equal(letters(scene.kit, "mail/tmp"), 0);
	assert_outcome(&scene, scene.first, GW_DELIVERED, 250, 0);
	assert_outcome(&scene, scene.second, GW_DELIVERED, 250, 0);
	testkit_destroy(scene.kit);
}

static void without_trace_the_octets_are_those_that_go_out(void **state)
{
	struct scene scene = scene_of("none", "false");
	char path[1024] = "";

	testkit_delivery_trace(scene.delivery, "Received: by gateway\r\n");
	assert_int_equal(testkit_run_deliver(scene.kit, scene.delivery, scene.relay), GW_ACCEPT);
	assert_string_equal(letter(scene.kit, "mail/new"), "Received: by gateway\r\n" BYTES);
	count_in(scene.kit, "mail/new", path, sizeof path);
	assert_int_equal(atoi(strstr(path, ",S=") + 3),
			 (int)strlen("Received: by gateway\r\n" BYTES));
	testkit_destroy(scene.kit);
}

static void a_large_message_is_whole(void **state)
{
	struct scene scene = scene_of("none", "false");
	size_t size = 200 * 1024 + 7;
	char *bytes = malloc(size), path[1024] = "";
	struct stat file;

	memset(bytes, 'x', size);
	memcpy(bytes, "A: b\r\n\r\n", 8);
	testkit_message_bytes(scene.message, bytes, size);
	assert_int_equal(testkit_run_deliver(scene.kit, scene.delivery, scene.relay), GW_ACCEPT);
	assert_int_equal(count_in(scene.kit, "mail/new", path, sizeof path), 1);
	assert_int_equal(stat(path, &file), 0);
	assert_int_equal(file.st_size, size);
	assert_int_equal(file.st_mode & 0777, 0600);
	free(bytes);
	testkit_destroy(scene.kit);
}

static void a_folder_for_each_recipient_stays_inside(void **state)
{
	struct scene scene = scene_of("recipient", "true");
	struct stat folder;

	assert_int_equal(testkit_run_deliver(scene.kit, scene.delivery, scene.relay), GW_ACCEPT);
	assert_string_equal(
		letter(scene.kit, "mail/one@example.net/new"),
		"Return-Path: <sender@example.com>\r\nDelivered-To: One@example.net\r\n" BYTES);
	assert_string_equal(
		letter(scene.kit, "mail/%2E.%2Ftwo%2Fx@example.net/new"),
		"Return-Path: <sender@example.com>\r\nDelivered-To: ../two/x@example.net\r\n" BYTES);
	assert_int_equal(stat(testkit_file(scene.kit, "mail/one@example.net", NULL), &folder), 0);
	assert_int_equal(folder.st_mode & 0777, 0700);
	testkit_destroy(scene.kit);
}

static void every_delivery_has_a_name_of_its_own(void **state)
{
	struct scene scene = scene_of("none", "true");
	int i;

	for (i = 0; i < 20; i++)
		assert_int_equal(testkit_run_deliver(scene.kit, scene.delivery, scene.relay),
				 GW_ACCEPT);
	assert_int_equal(letters(scene.kit, "mail/new"), 20);
	testkit_destroy(scene.kit);
}

static void other_relays_are_not_its_own(void **state)
{
	struct testkit *kit = testkit_create(gw_module_v1);
	struct gw_relay *relay = testkit_relay(kit, "far");
	struct gw_message *message = testkit_message(kit, NULL, "a@example.com", BYTES);

	assert_int_equal(testkit_start(kit), 0);
	assert_int_equal(testkit_run_deliver(kit, testkit_delivery(message, relay), relay),
			 GW_CONTINUE);
	testkit_destroy(kit);
}

static void a_folder_that_cannot_be_made_defers(void **state)
{
	struct scene scene = scene_of("recipient", "true");

	testkit_file(scene.kit, "mail", "a file where the folder should be");
	assert_int_equal(testkit_run_deliver(scene.kit, scene.delivery, scene.relay), GW_ACCEPT);
	assert_outcome(&scene, scene.first, GW_DEFERRED, 451, 0);
	assert_non_null(
		strstr(testkit_outcome(scene.delivery, scene.first)->text.ptr, "Not a directory"));
	testkit_destroy(scene.kit);
}

static void a_message_that_cannot_be_read_whole_defers_and_leaves_nothing(void **state)
{
	struct scene scene = scene_of("none", "true");

	testkit_fail(scene.kit, "delivery_read", 1);
	assert_int_equal(testkit_run_deliver(scene.kit, scene.delivery, scene.relay), GW_ACCEPT);
	assert_outcome(&scene, scene.first, GW_DEFERRED, 451, 0);
	testkit_delivery_fact(scene.delivery, GW_DELIVERY_SIZE, "100000");
	assert_int_equal(testkit_run_deliver(scene.kit, scene.delivery, scene.relay), GW_ACCEPT);
	assert_outcome(&scene, scene.second, GW_DEFERRED, 451, 0);
	assert_int_equal(letters(scene.kit, "mail/new") + letters(scene.kit, "mail/tmp"), 0);
	testkit_destroy(scene.kit);
}

/* A file size limit stands in for a disk that refuses in the middle: the first part is written, the
 * rest is not. */
static void a_disk_that_refuses_in_the_middle_leaves_nothing(void **state)
{
	struct scene scene = scene_of("none", "true");
	struct rlimit before, small;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	signal(SIGXFSZ, SIG_IGN);
	small = (struct rlimit){ 40, before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(testkit_run_deliver(scene.kit, scene.delivery, scene.relay), GW_ACCEPT);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_outcome(&scene, scene.first, GW_DEFERRED, 451, 0);
	assert_int_equal(letters(scene.kit, "mail/new") + letters(scene.kit, "mail/tmp"), 0);
	testkit_destroy(scene.kit);
}

static void a_delivery_that_is_dropped_frees_its_job(void **state)
{
	struct scene scene = scene_of("none", "true");

	testkit_set_offload(scene.kit, TESTKIT_LATER);
	assert_int_equal(testkit_run_deliver(scene.kit, scene.delivery, scene.relay), GW_PENDING);
	testkit_drop(scene.kit, scene.delivery);
	testkit_fail(scene.kit, "offload", 1);
	assert_int_equal(testkit_run_deliver(scene.kit, scene.delivery, scene.relay), GW_FAILED);
	testkit_destroy(scene.kit);
}

static void check_finds_a_folder_that_cannot_be_used(void **state)
{
	struct scene scene = scene_of("none", "true");

	testkit_run_check(scene.kit);
	assert_int_equal(testkit_lines(scene.kit, TESTKIT_PROBLEM), 0);
	testkit_file(scene.kit, "mail", "a file");
	testkit_run_check(scene.kit);
	assert_true(testkit_has(scene.kit, TESTKIT_PROBLEM,
				"error: relay local: maildir: relay local: cannot write to"));
	testkit_destroy(scene.kit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_letter_for_all_with_the_envelope_in_front),
		cmocka_unit_test(without_trace_the_octets_are_those_that_go_out),
		cmocka_unit_test(a_large_message_is_whole),
		cmocka_unit_test(a_folder_for_each_recipient_stays_inside),
		cmocka_unit_test(every_delivery_has_a_name_of_its_own),
		cmocka_unit_test(other_relays_are_not_its_own),
		cmocka_unit_test(a_folder_that_cannot_be_made_defers),
		cmocka_unit_test(a_message_that_cannot_be_read_whole_defers_and_leaves_nothing),
		cmocka_unit_test(a_disk_that_refuses_in_the_middle_leaves_nothing),
		cmocka_unit_test(a_delivery_that_is_dropped_frees_its_job),
		cmocka_unit_test(check_finds_a_folder_that_cannot_be_used),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
