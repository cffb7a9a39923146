#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/log_private.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define DAY_MS 86400000

static char folder[] = "/tmp/journal_test.XXXXXX", path[64];

static int set_up(void **state)
{
	strcpy(folder + sizeof(folder) - 7, "XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/gateway.txt", folder);
	return 0;
}

static int tear_down(void **state)
{
	char command[128];

	/* it returns at the end of the thread, whenever a busy machine gets there */
	log_stop(60000);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

static void day_path(int64_t when, char name[96])
{
	char text[CLOCK_RFC3339];

	snprintf(name, 96, "%s/%.10s.log", folder, clock_rfc3339(when, text));
}

/* Appends a line as the log would have done at that time; `tail` is "id=... more". */
static void append(int64_t when, const char *tail)
{
	char name[96], text[CLOCK_RFC3339];
	FILE *file;

	day_path(when, name);
	file = fopen(name, "a");
	assert_non_null(file);
	fprintf(file, "%s info test %s\n", clock_rfc3339(when, text), tail);
	fclose(file);
}

static void append_id(int64_t when, const char *before, uint64_t id, const char *behind)
{
	char tail[256], text[ID_TEXT];

	snprintf(tail, sizeof(tail), "%s%s%s", before, id_format(id, text), behind);
	append(when, tail);
}

struct found {
	size_t count, most;
	char last[LOG_LINE_MAX], all[4096];
};

static int note(void *arg, struct gw_str line)
{
	struct found *found = arg;
	const char *word = strstr(memcpy(found->last, line.ptr, line.len), "count=");

	found->last[line.len] = '\0';
	if (word && word < found->last + line.len && strlen(found->all) < 4000)
		strncat(found->all, word + sizeof("count=") - 1, 1);
	return ++found->count == found->most;
}

static struct found find(uint64_t id)
{
	struct found found = { 0 };

	while (log_journal_read(id, note, &found) != 0)
		/* the disk is slow: nothing was read, it is asked again */
		assert_int_equal(errno, ETIMEDOUT);
	return found;
}

static uint64_t make_id(int64_t when)
{
	struct id_maker maker = { .maker = 1 };

	return id_next(&maker, when);
}

static void start(enum log_level level, unsigned days)
{
	assert_int_equal(log_start(path, folder, level, days), 0);
}

static void log_step(uint64_t id, int n, enum log_level level)
{
	struct log_line *line = log_open_module(level, "step");

	log_id(line, id);
	log_int(line, KEY_COUNT, n);
	log_close(line);
}

static void lines_of_a_message_are_read_as_soon_as_they_are_closed(void **state)
{
	uint64_t id = make_id(clock_wall());
	struct found found;

	start(LOG_LEVEL_INFO, 0);
	for (int n = 1; n < 6; n++) {
		log_step(id, n, LOG_LEVEL_INFO);
		log_step(id + 1, 9, LOG_LEVEL_INFO);
		found = find(id);
		assert_int_equal(found.count, n);
	}
	assert_string_equal(found.all, "12345");
}

static void the_journal_keeps_what_the_log_is_too_quiet_for(void **state)
{
	uint64_t id = make_id(clock_wall());

	start(LOG_LEVEL_ERROR, 0);
	log_step(id, 1, LOG_LEVEL_INFO);
	log_step(id, 2, LOG_LEVEL_DEBUG);
	log_step(id, 3, LOG_LEVEL_ERROR);
	assert_string_equal(find(id).all, "13");
}

static void lines_without_an_id_are_not_kept(void **state)
{
	char name[96];

	start(LOG_LEVEL_INFO, 0);
	log_say(EVENT_STARTED, "x");
	find(1);
	day_path(clock_wall(), name);
	assert_int_not_equal(access(name, F_OK), 0);
}

static void an_id_is_found_as_a_whole_word_of_its_key(void **state)
{
	int64_t now = clock_wall();
	uint64_t id = make_id(now);

	append_id(now, "id=", id, " count=1");
	append_id(now, "id=", id, "X count=x");
	append_id(now, "xid=", id, " count=x");
	append_id(now, "id=0000000000001 text=\"a \\\" id=", id, " b\" count=x");
	append_id(now, "id=0000000000001 parent=", id, " count=2");
	append_id(now, "id=0000000000001 text=\"quoted id\" parent=", id, " count=3");
	append_id(now, "count=4 id=", id, "");
	append_id(now, "count=x ID=", id, "");
	start(LOG_LEVEL_INFO, 0);
	assert_string_equal(find(id).all, "1234");
}

static void a_line_that_names_it_in_a_text_first_is_found(void **state)
{
	int64_t now = clock_wall();
	uint64_t id = make_id(now);
	char before[64], text[ID_TEXT];

	snprintf(before, sizeof(before), "text=\"id=%s\" count=1 id=", id_format(id, text));
	append_id(now, before, id, "");
	start(LOG_LEVEL_INFO, 0);
	assert_string_equal(find(id).all, "1");
}

static void reading_goes_on_through_later_days(void **state)
{
	int64_t now = clock_wall(), made = now - 3 * DAY_MS;
	uint64_t id = make_id(made);

	append_id(made - DAY_MS, "id=", id, " count=x"); /* before it was made: not looked at */
	append_id(made, "id=", id, " count=1");
	append_id(made + DAY_MS, "id=", id, " count=2");
	append_id(now - 1000, "id=", id, " count=3");
	start(LOG_LEVEL_INFO, 0);
	log_step(id, 4, LOG_LEVEL_INFO);
	assert_string_equal(find(id).all, "1234");
}

static void the_start_is_found_in_a_large_file(void **state)
{
	int64_t noon = (clock_wall() / DAY_MS - 1) * DAY_MS + DAY_MS / 2;
	uint64_t ids[3] = { make_id(noon - 20000000), make_id(noon), make_id(noon + 20000000) };
	char name[96], text[CLOCK_RFC3339], id[ID_TEXT];
	FILE *file;

	day_path(noon, name);
	file = fopen(name, "a");
	assert_non_null(file);
	for (int64_t at = noon - 21000000; at <= noon + 21000000; at += 1000) {
		fprintf(file, "%s info test id=%s count=0\n", clock_rfc3339(at, text),
			id_format(make_id(at) + 1, id));
		for (int i = 0; i < 3; i++)
			if (id_time(ids[i]) == at)
				fprintf(file, "%s info test id=%s count=%d\n", text,
					id_format(ids[i], id), i + 1);
	}
	fclose(file);
	start(LOG_LEVEL_INFO, 0);
	assert_string_equal(find(ids[0]).all, "1");
	assert_string_equal(find(ids[1]).all, "2");
	assert_string_equal(find(ids[2]).all, "3");
	assert_int_equal(find(make_id(noon + 1)).count, 0);
}

static void reading_stops_when_told(void **state)
{
	uint64_t id = make_id(clock_wall());
	struct found found = { .most = 2 };

	start(LOG_LEVEL_INFO, 0);
	for (int n = 1; n < 6; n++)
		log_step(id, n, LOG_LEVEL_INFO);
	assert_int_equal(log_journal_read(id, note, &found), 0);
	assert_string_equal(found.all, "12");
}

static void old_days_are_removed_and_nothing_else(void **state)
{
	static const char *const others[] = { "2001-01-01.txt", "2001-01-0x.log", "notes" };
	int64_t now = clock_wall();
	char name[96];

	for (int day = 0; day < 6; day++)
		append(now - day * DAY_MS, "id=0000000000001 count=1");
	for (size_t i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "%s/%s", folder, others[i]);
		fclose(fopen(name, "w"));
	}
	start(LOG_LEVEL_INFO, 3);
	for (int day = 0; day < 6; day++) {
		day_path(now - day * DAY_MS, name);
		assert_int_equal(access(name, F_OK) == 0, day <= 3);
	}
	for (size_t i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "%s/%s", folder, others[i]);
		assert_int_equal(access(name, F_OK), 0);
	}
}

static void add_step(struct log_journal *journal, int64_t when, int n)
{
	char line[96], text[CLOCK_RFC3339];
	int len = snprintf(line, sizeof(line), "%s info step id=0000000000001 count=%d\n",
			   clock_rfc3339(when, text), n);

	log_journal_add(journal, line, (size_t)len);
}

static void a_line_goes_to_the_file_of_its_day(void **state)
{
	int64_t now = clock_wall(), old = now - 5 * DAY_MS;
	struct log_journal journal;
	char name[96];

	assert_int_equal(log_journal_init(&journal, folder, 2), 0);
	add_step(&journal, old, 1);
	add_step(&journal, now - DAY_MS, 2);
	day_path(old, name);
	assert_int_not_equal(access(name, F_OK), 0); /* too old when a later day began */
	add_step(&journal, now, 3);
	add_step(&journal, now - DAY_MS, 4);
	log_journal_flush(&journal);
	assert_int_equal(journal.sink.error, 0);
	log_journal_finish(&journal);
	for (int day = 0; day < 2; day++) {
		char line[96] = "";
		int lines = 0;
		FILE *file;
		day_path(now - day * DAY_MS, name);
		file = fopen(name, "r");
		assert_non_null(file);
		for (; fgets(line, sizeof(line), file); lines++)
			assert_non_null(strstr(line, lines ? " count=4\n"
						     : day ? " count=2\n"
							   : " count=3\n"));
		fclose(file);
		assert_int_equal(lines, day ? 2 : 1);
	}
}

static void a_folder_that_vanished_is_told_with_its_reason(void **state)
{
	struct log_journal journal;
	uint64_t before = log_dropped();

	assert_int_equal(log_journal_init(&journal, folder, 0), 0);
	assert_int_equal(rmdir(folder), 0);
	add_step(&journal, clock_wall(), 1);
	log_journal_flush(&journal);
	assert_int_equal(journal.sink.error, ENOENT);
	assert_int_equal(journal.sink.lost, 1);
	assert_int_equal(log_dropped(), before + 1);
	log_journal_finish(&journal);
}

static void half_a_line_is_not_continued(void **state)
{
	uint64_t id = make_id(clock_wall());
	char name[96];
	FILE *file;

	day_path(clock_wall(), name);
	file = fopen(name, "w");
	fputs("2026-11-23T00:00:00.000Z info torn id=", file);
	fclose(file);
	start(LOG_LEVEL_INFO, 0);
	log_step(id, 1, LOG_LEVEL_INFO);
	assert_memory_equal(strstr(find(id).last, " info "), " info step id=", 14);
}

static void without_a_journal_there_is_nothing_to_read(void **state)
{
	assert_int_equal(log_journal_read(1, note, NULL), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(log_start(path, NULL, LOG_LEVEL_INFO, 0), 0);
	assert_int_equal(log_journal_read(1, note, NULL), -1);
	assert_int_equal(errno, ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			lines_of_a_message_are_read_as_soon_as_they_are_closed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_journal_keeps_what_the_log_is_too_quiet_for,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(lines_without_an_id_are_not_kept, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(an_id_is_found_as_a_whole_word_of_its_key, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_line_that_names_it_in_a_text_first_is_found,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(reading_goes_on_through_later_days, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(the_start_is_found_in_a_large_file, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(reading_stops_when_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(old_days_are_removed_and_nothing_else, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_line_goes_to_the_file_of_its_day, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_folder_that_vanished_is_told_with_its_reason,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(half_a_line_is_not_continued, set_up, tear_down),
		cmocka_unit_test_setup_teardown(without_a_journal_there_is_nothing_to_read, set_up,
						tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
