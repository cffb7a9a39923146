/* Space comes back: segments without need go, those kept by a few messages are compacted, and
 * nothing that is over comes again. */
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

static bool exists(struct kit *kit, uint32_t number)
{
	bool there;

	spool_wake_janitor(kit->spool);
	pthread_mutex_lock(&kit->spool->lock);
	there = segment_exists(&kit->spool->segments, number);
	pthread_mutex_unlock(&kit->spool->lock);
	return there;
}

static void fill(struct kit *kit, uint64_t from, uint64_t to, uint64_t size)
{
	for (uint64_t id = from; id < to; id++)
		kit_message(kit, id, size, 100000);
}

static void a_segment_whose_messages_are_final_goes(void **state)
{
	struct kit *kit = *state;

	fill(kit, 1, 60, 50000);
	assert_true(exists(kit, 1));
	for (uint64_t id = 1; id < 60; id++)
		kit_final(kit, id);
	wait_for(!exists(kit, 1) && !exists(kit, 2));
	kit_reopen(kit);
	assert_int_equal(kit->found_count, 0);
}

static void extents_that_are_abandoned_give_their_space_back(void **state)
{
	struct kit *kit = *state;
	char *bytes = calloc(1, 100000);
	struct spool_extent extents[30];

	for (int i = 0; i < 30; i++) {
		struct waited waited = {
			.append = { .type = SPOOL_EXTENT, .id = 5, .data = { bytes, 100000 } }
		};
		assert_int_equal(kit_append(kit->spool, &waited), SPOOL_OK);
		extents[i] = waited.append.extent;
	}
	usleep(50000);
	assert_true(exists(kit, 1));
	spool_abandon(kit->spool, 5, extents, 30);
	wait_for(!exists(kit, 1) && !exists(kit, 2));
	free(bytes);
}

static void a_few_old_messages_do_not_keep_a_segment(void **state)
{
	struct kit *kit = *state;

	kit_message(kit, 1, 1000, 2000);
	kit_message(kit, 2, 30000, 10000);
	kit_set_state(kit, 1, "deferred");
	fill(kit, 10, 60, 50000);
	for (uint64_t id = 10; id < 60; id++)
		kit_final(kit, id);
	wait_for(!exists(kit, 1));
	assert_true(kit_stats(kit).compacted > 0);
	assert_whole(kit, 1);
	assert_whole(kit, 2);
	kit_reopen(kit);
	assert_int_equal(kit->found_count, 2);
	assert_string_equal(kit_state(kit, 1), "deferred");
	assert_whole(kit, 1);
	assert_whole(kit, 2);
	kit_final(kit, 1);
	kit_reopen(kit);
	assert_false(kit_has(kit, 1));
	assert_whole(kit, 2);
}

/* What a delivery took before compaction is found where it went. */
static void content_taken_before_a_move_can_still_be_read(void **state)
{
	struct kit *kit = *state;
	struct spool_content content = { .spool = kit->spool, .id = 2, .size = 35000 };
	struct sent sent;

	assert_int_equal(kit_send(kit->spool, 2, 35000, 10000, &sent), SPOOL_OK);
	content.extents = sent.extents;
	content.extent_count = sent.count;
	content.tail_at = sent.tail;
	assert_true(content_is(&content, 2));
	fill(kit, 10, 60, 50000);
	for (uint64_t id = 10; id < 60; id++)
		kit_final(kit, id);
	wait_for(!exists(kit, 1));
	assert_true(content_is(&content, 2));
	assert_int_equal(spool_verify(&content), 0);
}

static void a_loaded_message_can_be_read_after_it_is_final(void **state)
{
	struct kit *kit = *state;
	struct gw_str envelope, text;
	struct spool_content content;
	struct arena arena;

	kit_message(kit, 2, 35000, 10000);
	arena_init(&arena, 0);
	assert_int_equal(spool_load(kit->spool, 2, &arena, &envelope, &text, &content), 0);
	kit_final(kit, 2);
	fill(kit, 10, 60, 50000);
	for (uint64_t id = 10; id < 60; id++)
		kit_final(kit, id);
	wait_for(!exists(kit, 1));
	assert_true(content_is(&content, 2));
	arena_finish(&arena);
	pthread_mutex_lock(&kit->spool->lock);
	assert_null(segment_find(&kit->spool->segments, 1));
	pthread_mutex_unlock(&kit->spool->lock);
}

/* The FINAL of a message in an older segment must outlive that segment. */
static void a_final_stays_as_long_as_what_it_closes(void **state)
{
	struct kit *kit = *state;

	fill(kit, 1, 8, 100000); /* segment 1, most of it stays */
	fill(kit, 10, 30, 100000);
	kit_final(kit, 3);
	fill(kit, 40, 70, 100000);
	for (uint64_t id = 10; id < 70; id++)
		if (id < 30 || id >= 40)
			kit_final(kit, id);
	wait_for(!exists(kit, 3) && !exists(kit, 4));
	assert_true(exists(kit, 1));
	kit_reopen(kit);
	assert_int_equal(kit->found_count, 6);
	assert_false(kit_has(kit, 3));
}

static void spoil(struct kit *kit, uint32_t number, uint32_t offset)
{
	char path[KIT_PATH * 2], octet;
	int fd;

	snprintf(path, sizeof(path), "%s/%010u.seg", kit->path, number);
	fd = open(path, O_RDWR);
	assert_int_equal(pread(fd, &octet, 1, offset), 1);
	octet ^= 1;
	assert_int_equal(pwrite(fd, &octet, 1, offset), 1);
	close(fd);
}

static bool is_kept(struct kit *kit, uint32_t number)
{
	const struct segment *segment;
	bool kept;

	spool_wake_janitor(kit->spool);
	pthread_mutex_lock(&kit->spool->lock);
	segment = segment_find(&kit->spool->segments, number);
	kept = segment && segment->kept;
	pthread_mutex_unlock(&kit->spool->lock);
	return kept;
}

/* Two sparse segments; what the first keeps is damaged at `at` octets of its record. */
static void damage_and_wait(struct kit *kit, int at)
{
	struct sent first;
	uint32_t second;

	assert_int_equal(kit_send(kit->spool, 1, 3000, 10000, &first), SPOOL_OK);
	fill(kit, 10, 60, 50000);
	assert_int_equal(kit_send(kit->spool, 2, 3000, 10000, &first), SPOOL_OK);
	second = first.tail.segment;
	fill(kit, 60, 110, 50000);
	spoil(kit, 1,
	      (uint32_t)((int)(SEGMENT_HEADER + RECORD_HEAD + seal_size(0) + RECORD_HEAD) + at));
	for (uint64_t id = 10; id < 110; id++)
		kit_final(kit, id);
	wait_for(is_kept(kit, 1));
	wait_for(!exists(kit, second));
	assert_true(exists(kit, 1));
	assert_whole(kit, 2);
	assert_int_equal(kit_load(kit->spool, 1), LOADED_REFUSED);
}

static void damaged_content_keeps_its_own_segment_alone(void **state)
{
	damage_and_wait(*state, 500);
}

static void a_damaged_envelope_keeps_its_own_segment_alone(void **state)
{
	damage_and_wait(*state, 20);
}

static void a_damaged_head_keeps_its_own_segment_alone(void **state)
{
	damage_and_wait(*state, -10);
}

/* --- against a model --- */

#define MODEL 400
struct model {
	bool queued;
	unsigned state;
};

static unsigned seed = 7;
static unsigned random_below(unsigned bound)
{
	return (unsigned)rand_r(&seed) % bound;
}

static void act(struct kit *kit, struct model *model, uint64_t *next)
{
	uint64_t id = 1 + random_below((unsigned)*next);
	char text[24];

	if (random_below(3) == 0 && *next < MODEL) {
		id = (*next)++;
		kit_message(kit, id, random_below(4) ? random_below(20000) : random_below(120000),
			    30000);
		model[id] = (struct model){ .queued = true };
	} else if (id < *next && model[id].queued && random_below(3)) {
		snprintf(text, sizeof(text), "%u", ++model[id].state);
		kit_set_state(kit, id, text);
	} else if (id < *next && model[id].queued) {
		kit_final(kit, id);
		model[id].queued = false;
	}
}

static void compare(struct kit *kit, const struct model *model)
{
	char text[24];

	for (uint64_t id = 1; id < MODEL; id++) {
		assert_int_equal(kit_has(kit, id), model[id].queued);
		if (!model[id].queued)
			continue;
		assert_whole(kit, id);
		snprintf(text, sizeof(text), "%u", model[id].state);
		assert_string_equal(kit_state(kit, id), model[id].state ? text : "");
	}
}

static void a_long_life_equals_the_model(void **state)
{
	struct kit *kit = *state;
	struct model model[MODEL] = { { 0 } };
	uint64_t next = 1;

	for (int round = 0; round < 12; round++) {
		for (int i = 0; i < 150; i++) {
			act(kit, model, &next);
			if (i % 10 == 0)
				spool_wake_janitor(kit->spool);
		}
		kit_reopen(kit);
		compare(kit, model);
		assert_int_equal(kit_stats(kit).damaged, 0);
	}
}

#define with_spool(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_spool(a_segment_whose_messages_are_final_goes),
		with_spool(extents_that_are_abandoned_give_their_space_back),
		with_spool(a_few_old_messages_do_not_keep_a_segment),
		with_spool(content_taken_before_a_move_can_still_be_read),
		with_spool(a_loaded_message_can_be_read_after_it_is_final),
		with_spool(damaged_content_keeps_its_own_segment_alone),
		with_spool(a_damaged_envelope_keeps_its_own_segment_alone),
		with_spool(a_damaged_head_keeps_its_own_segment_alone),
		with_spool(a_final_stays_as_long_as_what_it_closes),
		with_spool(a_long_life_equals_the_model),
	};
	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
