/* The index equals a plain array whatever comes and goes, and costs about 48 octets a message. */
#include "spool_kit.h"

#define IDS 50000

static void entries_come_and_go(void **state)
{
	static bool there[IDS + 1];
	struct index index;
	unsigned seed = 3;
	uint64_t count = 0;

	assert_int_equal(index_init(&index), 0);
	for (int i = 0; i < 400000; i++) {
		uint64_t id = 1 + (unsigned)rand_r(&seed) % IDS;
		struct entry *entry = index_find(&index, id);

		assert_int_equal(entry != NULL, there[id]);
		if (entry) {
			assert_int_equal(entry->id, id);
			index_remove(&index, entry);
		} else {
			assert_non_null(index_add(&index, id));
		}
		count += there[id] ? (uint64_t)-1 : 1;
		there[id] = !there[id];
		assert_int_equal(index.count, count);
	}
	for (uint64_t id = 1; id <= IDS; id++)
		assert_int_equal(index_find(&index, id) != NULL, there[id]);
	index_finish(&index);
}

static void a_message_costs_about_48_octets(void **state)
{
	struct index index;
	size_t bytes;

	assert_int_equal(index_init(&index), 0);
	for (uint64_t id = 1; id <= 1000000; id++)
		index_add(&index, id << 20);
	bytes = index.chunk_count * 4096 * sizeof(struct entry) +
		(sizeof(*index.slots) << index.slot_bits);
	assert_true(bytes < 49000000);
	index_finish(&index);
}

static void extents_are_summed_by_segment(void **state)
{
	const struct spool_extent extents[] = {
		{ 1, 0, 8, 0 }, { 1, 56, 9, 0 }, { 2, 64, 100, 0 }, { 1, 300, 1, 0 }
	};
	bool failed;
	struct spans *spans = spans_make(extents, 4, &failed);

	assert_non_null(spans);
	assert_int_equal(spans->count, 2);
	assert_int_equal(spans->span[0].segment, 1);
	assert_int_equal(spans->span[0].extents, 3);
	assert_int_equal(spans->span[0].bytes, 56 + 64 + 56);
	assert_int_equal(spans->span[1].bytes, 152);
	free(spans);
	assert_null(spans_make(extents, 0, &failed));
	assert_false(failed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_come_and_go),
		cmocka_unit_test(a_message_costs_about_48_octets),
		cmocka_unit_test(extents_are_summed_by_segment),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
