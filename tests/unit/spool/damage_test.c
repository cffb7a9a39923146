/* Damage in the middle of the log: what was altered is never given out as good, all else is found,
 * and a person is told. */
#include "damage_kit.h"

#define MESSAGES 60
#define ROUNDS 120

static unsigned seed = 20261123;
static size_t random_below(size_t bound)
{
	return bound ? (size_t)rand_r(&seed) % bound : 0;
}

static uint64_t size_of(uint64_t id)
{
	return id % 7 == 0 ? 150000 : id * 517 % 30000;
}

/* Several segments, all but the last described by the next one's SEAL. */
static void write_log(struct kit *kit)
{
	kit_open(kit);
	for (uint64_t id = 1; id <= MESSAGES; id++) {
		kit_message(kit, id, size_of(id), 40000);
		kit_set_state(kit, id, "tried");
	}
	kit_reopen(kit);
	kit_message(kit, 1000, 10, 1024);
	kit_close(kit);
}

static struct kit *start(struct images *images)
{
	struct kit *kit = malloc(sizeof(*kit));

	kit_init(kit);
	write_log(kit);
	images_load(kit, images);
	assert_true(images->count >= 3);
	return kit;
}

static void end(struct kit *kit, struct images *images)
{
	images_free(images);
	kit_finish(kit);
	free(kit);
}

static size_t count_whole(struct kit *kit)
{
	size_t whole = 0;

	for (uint64_t id = 1; id <= MESSAGES; id++) {
		enum loaded loaded = kit_load(kit->spool, id);
		assert_int_not_equal(loaded, LOADED_ALTERED);
		whole += loaded == LOADED_GOOD;
	}
	return whole;
}

/* One flipped bit lies in one record, which belongs to one message. */
static void a_flipped_bit_costs_one_message_at_most(void **state)
{
	struct images images;
	struct kit *kit = start(&images);

	for (int round = 0; round < ROUNDS; round++) {
		struct image *image = &images.item[random_below(images.count - 1)];
		size_t at = random_below(image->size), bit = random_below(8);

		image->bytes[at] ^= (char)(1 << bit);
		images_store(kit, &images);
		image->bytes[at] ^= (char)(1 << bit);
		kit_open(kit);
		assert_non_null(kit->spool);
		assert_true(count_whole(kit) >= MESSAGES - 1);
		kit_close(kit);
	}
	end(kit, &images);
}

static void random_garbage_never_comes_out(void **state)
{
	struct images images;
	struct kit *kit = start(&images);

	for (int round = 0; round < ROUNDS / 4; round++) {
		struct image *image = &images.item[random_below(images.count - 1)];
		size_t at = random_below(image->size), len = random_below(5000);
		char *saved = malloc(image->size);

		memcpy(saved, image->bytes, image->size);
		for (size_t i = at; i < at + len && i < image->size; i++)
			image->bytes[i] = (char)random_below(256);
		images_store(kit, &images);
		memcpy(image->bytes, saved, image->size);
		free(saved);
		kit_open(kit);
		assert_non_null(kit->spool);
		assert_true(count_whole(kit) >= MESSAGES - 12);
		kit_close(kit);
	}
	end(kit, &images);
}

static size_t count_files(const struct kit *kit, const char *folder)
{
	char path[KIT_PATH * 2];
	struct dirent *item;
	size_t count = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/%s", kit->path, folder);
	dir = opendir(path);
	while (dir && (item = readdir(dir)))
		count += item->d_name[0] != '.';
	if (dir)
		closedir(dir);
	return count;
}

/* The envelope of message 2 is spoilt: its MESSAGE is copied aside, once, however often the spool
 * is opened. */
static void a_damaged_record_is_set_aside_once(void **state)
{
	struct images images;
	struct kit *kit = start(&images);
	char *envelope = memmem(images.item[0].bytes, images.item[0].size, "envelope-2-", 11);
	char text[4096] = "";
	FILE *out;

	assert_non_null(envelope);
	*envelope = 'E';
	images_store(kit, &images);
	out = fmemopen(text, sizeof(text), "w");
	assert_int_equal(spool_check(kit->path, out), -1);
	fclose(out);
	for (int i = 0; i < 3; i++) {
		kit_open(kit);
		assert_int_equal(kit_stats(kit).damaged, 1);
		assert_int_equal(count_whole(kit), MESSAGES - 1);
		assert_false(kit_has(kit, 2));
		kit_close(kit);
		assert_int_equal(count_files(kit, "quarantine"), 1);
	}
	out = fmemopen(text, sizeof(text), "w");
	assert_int_equal(spool_check(kit->path, out), 1);
	fclose(out);
	assert_non_null(strstr(text, "damaged: segment 1, offset "));
	assert_non_null(strstr(text, "0000000000002"));
	assert_non_null(strstr(text, "60 messages queued, 1 damaged"));
	end(kit, &images);
}

/* Content is not read at recovery, but before it is sent. */
static void damaged_content_is_found_before_it_is_sent(void **state)
{
	struct images images;
	struct kit *kit = start(&images);
	char want[16], *content;

	kit_fill(3, 1000, want, sizeof(want));
	content = memmem(images.item[0].bytes, images.item[0].size, want, sizeof(want));
	assert_non_null(content);
	content[5] ^= 1;
	images_store(kit, &images);
	kit_open(kit);
	assert_true(kit_has(kit, 3));
	assert_int_equal(kit_load(kit->spool, 3), LOADED_REFUSED);
	assert_int_equal(kit_stats(kit).damaged, 1);
	assert_int_equal(count_whole(kit), MESSAGES - 1);
	end(kit, &images);
}

static void a_segment_that_was_cut_is_told(void **state)
{
	static const size_t keep[] = { 0, 17, 100, 4096, 300000 };
	struct images images;
	struct kit *kit = start(&images);

	for (size_t i = 0; i < sizeof(keep) / sizeof(*keep); i++) {
		size_t size = images.item[1].size;

		images.item[1].size = keep[i];
		images_store(kit, &images);
		images.item[1].size = size;
		kit_open(kit);
		assert_non_null(kit->spool);
		assert_true(kit_stats(kit).damaged > 0);
		assert_true(count_whole(kit) >= 15);
		assert_whole(kit, 1000);
		kit_close(kit);
	}
	end(kit, &images);
}

/* The same octets at another place are no record. */
static void a_segment_under_another_name_holds_nothing(void **state)
{
	struct images images;
	struct kit *kit = start(&images);

	snprintf(images.item[0].name, sizeof(images.item[0].name), "0000000077.seg");
	images_store(kit, &images);
	kit_open(kit);
	assert_non_null(kit->spool);
	assert_false(kit_has(kit, 1));
	assert_whole(kit, 1000);
	end(kit, &images);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flipped_bit_costs_one_message_at_most),
		cmocka_unit_test(random_garbage_never_comes_out),
		cmocka_unit_test(a_damaged_record_is_set_aside_once),
		cmocka_unit_test(damaged_content_is_found_before_it_is_sent),
		cmocka_unit_test(a_segment_that_was_cut_is_told),
		cmocka_unit_test(a_segment_under_another_name_holds_nothing),
	};
	log_set_level((enum log_level)(LOG_LEVEL_ERROR + 1));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
