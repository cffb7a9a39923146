/* What goes in comes out: after the append, after a restart, latest state, final, abandoned,
 * locked. */
#include "spool_kit.h"

static int setup(void **state)
{
	struct kit *kit = malloc(sizeof(*kit));

	kit_init(kit);
	kit_open(kit);
	*state = kit;
	return kit->spool ? 0 : -1;
}

static int teardown(void **state)
{
	kit_finish(*state);
	free(*state);
	return 0;
}

static const struct size_case {
	uint64_t size;
	uint32_t piece;
} sizes[] = {
	{ 0, 1024 },         { 1, 1024 },          { 1024, 1024 },
	{ 5000, 65536 },     { 70000, 65536 },     { 65536 * 3, 65536 },
	{ 900000, 100000 },  { 1 << 20, 1 << 20 }, { 3 * (1 << 20) + 17, 1 << 20 },
	{ 2500000, 300001 },
};
#define SIZES (sizeof(sizes) / sizeof(*sizes))

static void messages_of_all_sizes_come_back(void **state)
{
	struct kit *kit = *state;

	for (size_t i = 0; i < SIZES; i++)
		kit_message(kit, 100 + i, sizes[i].size, sizes[i].piece);
	for (size_t i = 0; i < SIZES; i++)
		assert_whole(kit, 100 + i);
	for (int round = 0; round < 3; round++) {
		kit_reopen(kit);
		assert_int_equal(kit->found_count, SIZES);
		for (size_t i = 0; i < SIZES; i++) {
			assert_int_equal(kit->found[i], 100 + i);
			assert_whole(kit, 100 + i);
		}
	}
	assert_int_equal(kit_stats(kit).damaged, 0);
}

static void the_last_state_counts(void **state)
{
	struct kit *kit = *state;

	kit_message(kit, 1, 100, 1024);
	kit_message(kit, 2, 100, 1024);
	kit_set_state(kit, 1, "first");
	kit_set_state(kit, 2, "other");
	kit_set_state(kit, 1, "second");
	kit_reopen(kit);
	assert_string_equal(kit_state(kit, 1), "second");
	assert_string_equal(kit_state(kit, 2), "other");
	kit_set_state(kit, 1, "third");
	kit_reopen(kit);
	assert_string_equal(kit_state(kit, 1), "third");
}

static void a_state_with_nul_bytes_is_data(void **state)
{
	struct kit *kit = *state;
	struct waited waited = {
		.append = { .type = SPOOL_STATE, .id = 1, .meta = GW_STR("a\0b\r\nc") }
	};
	struct gw_str envelope, text;
	struct spool_content content;
	struct arena arena;

	kit_message(kit, 1, 10, 1024);
	assert_int_equal(kit_append(kit->spool, &waited), SPOOL_OK);
	kit_reopen(kit);
	arena_init(&arena, 0);
	assert_int_equal(spool_load(kit->spool, 1, &arena, &envelope, &text, &content), 0);
	assert_int_equal(text.len, 6);
	assert_memory_equal(text.ptr, "a\0b\r\nc", 6);
	arena_finish(&arena);
}

static void a_final_message_is_gone(void **state)
{
	struct kit *kit = *state;

	kit_message(kit, 1, 100, 1024);
	kit_message(kit, 2, 200000, 65536);
	kit_message(kit, 3, 100, 1024);
	kit_final(kit, 1);
	kit_final(kit, 2);
	assert_int_equal(kit_load(kit->spool, 1), LOADED_REFUSED);
	kit_reopen(kit);
	assert_int_equal(kit->found_count, 1);
	assert_whole(kit, 3);
	assert_int_equal(kit_load(kit->spool, 2), LOADED_REFUSED);
}

static void appends_without_an_answer_are_copied_and_written(void **state)
{
	struct kit *kit = *state;
	char text[16] = "given";
	struct spool_append append = { .type = SPOOL_STATE, .id = 1, .meta = gw_str(text) };
	struct spool_append final = { .type = SPOOL_FINAL, .id = 2 };

	kit_message(kit, 1, 100, 1024);
	kit_message(kit, 2, 100, 1024);
	spool_append(kit->spool, &append);
	spool_append(kit->spool, &final);
	memset(text, 'x', sizeof(text));
	memset(&append, 0, sizeof(append));
	kit_reopen(kit);
	assert_int_equal(kit->found_count, 1);
	assert_string_equal(kit_state(kit, 1), "given");
}

static void many_at_once_share_syncs(void **state)
{
	static struct waited waited[500];
	struct kit *kit = *state;
	struct spool_stats before = kit_stats(kit), after;

	for (size_t i = 0; i < 500; i++) {
		waited[i] = (struct waited){ .append = { .type = SPOOL_MESSAGE,
							 .id = i + 1,
							 .durable = true,
							 .meta = GW_STR("e") } };
		waited_start(kit->spool, &waited[i]);
	}
	for (size_t i = 0; i < 500; i++)
		assert_int_equal(waited_end(&waited[i]), SPOOL_OK);
	after = kit_stats(kit);
	assert_int_equal(after.appends - before.appends, 500);
	assert_true(after.syncs - before.syncs < 400);
	kit_reopen(kit);
	assert_int_equal(kit->found_count, 500);
}

static void what_is_not_durable_is_synced_within_a_second(void **state)
{
	struct kit *kit = *state;
	uint64_t syncs;

	kit_message(kit, 1, 100, 1024);
	syncs = kit_stats(kit).syncs;
	kit_set_state(kit, 1, "x");
	assert_int_equal(kit_stats(kit).syncs, syncs);
	wait_for(kit_stats(kit).syncs == syncs + 1);
}

static void pieces_come_from_memory_and_from_the_log(void **state)
{
	struct kit *kit = *state;
	struct sent sent;
	struct spool_content content = { .spool = kit->spool, .id = 7, .size = 2500 };
	struct gw_str piece;
	char scratch[4096], tail[500], want[2500];

	assert_int_equal(kit_send(kit->spool, 7, 2500, 1000, &sent), SPOOL_OK);
	kit_fill(7, 0, want, sizeof(want));
	kit_fill(7, 2000, tail, sizeof(tail));
	content.extents = sent.extents;
	content.extent_count = sent.count;
	content.tail = gw_str_n(tail, sizeof(tail));
	assert_int_equal(spool_piece(&content, 0, scratch, sizeof(scratch), &piece), 1000);
	assert_ptr_equal(piece.ptr, scratch);
	assert_int_equal(spool_piece(&content, 2100, scratch, sizeof(scratch), &piece), 400);
	assert_ptr_equal(piece.ptr, tail + 100);
	assert_int_equal(spool_piece(&content, 2500, scratch, sizeof(scratch), &piece), 0);
	assert_int_equal(spool_verify(&content), 0);
	for (uint64_t at = 0; at < 2500; at += 37) {
		assert_int_equal(spool_read(&content, at, scratch, 600),
				 2500 - at < 600 ? 2500 - at : 600);
		assert_memory_equal(scratch, want + at, 2500 - at < 600 ? 2500 - at : 600);
	}
}

static void a_second_opener_is_told_the_first_ones_pid(void **state)
{
	struct kit *kit = *state;
	struct problems problems;
	char text[256], pid[24];

	problems_init(&problems);
	assert_null(spool_open(&kit->options, NULL, NULL, &problems));
	assert_int_equal(problems.errors, 1);
	snprintf(pid, sizeof(pid), "process %ld", (long)getpid());
	assert_non_null(strstr(problem_format(problems.first, text, sizeof(text)), pid));
	problems_finish(&problems);
	assert_int_equal(spool_check(kit->path, stderr), -1);
}

static void only_the_owner_may_look(void **state)
{
	struct kit *kit = *state;
	char path[KIT_PATH * 2];
	struct stat st;

	assert_int_equal(stat(kit->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	snprintf(path, sizeof(path), "%s/0000000001.seg", kit->path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void a_missing_parent_is_a_problem(void **state)
{
	struct kit *kit = *state;
	struct spool_options options = kit->options;
	struct problems problems;

	options.path = "/nonexistent/spool";
	problems_init(&problems);
	assert_null(spool_open(&options, NULL, NULL, &problems));
	assert_int_equal(problems.errors, 1);
	problems_finish(&problems);
}

static void foreign_files_are_left_alone_and_strange_segments_set_aside(void **state)
{
	struct kit *kit = *state;
	char path[KIT_PATH * 2];
	size_t warnings;

	kit_message(kit, 1, 100, 1024);
	kit_close(kit);
	snprintf(path, sizeof(path), "%s/README", kit->path);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	snprintf(path, sizeof(path), "%s/0000000900.seg", kit->path);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	warnings = kit->problems.warnings;
	kit_open(kit);
	assert_non_null(kit->spool);
	assert_int_equal(kit->problems.warnings - warnings, 2);
	kit_message(kit, 2, 100, 1024);
	kit_reopen(kit);
	assert_int_equal(kit->found_count, 2);
	assert_int_equal(access(path, F_OK), 0);
	snprintf(path, sizeof(path), "%s/0000000901.seg", kit->path);
	assert_int_equal(access(path, F_OK), 0);
}

static void room_is_refused_below_the_bounds(void **state)
{
	struct kit *kit = *state;

	assert_int_equal(spool_room(kit->spool, 1000), SPOOL_OK);
	assert_int_equal(spool_room(kit->spool, INT64_MAX / 2), SPOOL_FULL);
	kit->options.min_free = INT64_MAX / 2;
	kit_reopen(kit);
	assert_int_equal(spool_room(kit->spool, 1000), SPOOL_FULL);
	kit->options.min_free = 0;
	kit->options.min_free_inodes = INT64_MAX;
	kit_reopen(kit);
	assert_int_equal(spool_room(kit->spool, 1000), SPOOL_FULL);
}

#define with_spool(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_spool(messages_of_all_sizes_come_back),
		with_spool(the_last_state_counts),
		with_spool(a_state_with_nul_bytes_is_data),
		with_spool(a_final_message_is_gone),
		with_spool(appends_without_an_answer_are_copied_and_written),
		with_spool(many_at_once_share_syncs),
		with_spool(what_is_not_durable_is_synced_within_a_second),
		with_spool(pieces_come_from_memory_and_from_the_log),
		with_spool(a_second_opener_is_told_the_first_ones_pid),
		with_spool(only_the_owner_may_look),
		with_spool(a_missing_parent_is_a_problem),
		with_spool(foreign_files_are_left_alone_and_strange_segments_set_aside),
		with_spool(room_is_refused_below_the_bounds),
	};
	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
