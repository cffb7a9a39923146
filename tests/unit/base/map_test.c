#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/map.h"

#include <stdio.h>

struct by_id {
	uint64_t id;
	bool seen;
};

struct by_name {
	struct gw_str name;
	char text[24];
};

#define MANY 20000

static struct by_id ids[MANY];
static struct by_name names[MANY];

static void an_empty_map_has_nothing(void **state)
{
	struct id_map map;
	size_t at = 0;

	id_map_init(&map);
	assert_null(id_map_get(&map, 1));
	assert_null(id_map_take(&map, 1));
	assert_null(id_map_next(&map, &at));
	id_map_finish(&map);
}

static void ids_are_found_until_they_are_taken(void **state)
{
	struct id_map map;

	id_map_init(&map);
	for (size_t i = 0; i < MANY; i++) {
		ids[i].id = (i + 1) << 23;
		assert_int_equal(id_map_put(&map, &ids[i]), 0);
	}
	assert_int_equal(map.count, MANY);
	for (size_t i = 0; i < MANY; i += 2)
		assert_ptr_equal(id_map_take(&map, ids[i].id), &ids[i]);
	for (size_t i = 0; i < MANY; i++)
		assert_ptr_equal(id_map_get(&map, ids[i].id), i % 2 ? &ids[i] : NULL);
	assert_int_equal(map.count, MANY / 2);
	assert_null(id_map_take(&map, ids[0].id));
	id_map_finish(&map);
}

static void putting_a_key_again_replaces_it(void **state)
{
	struct by_id a = { .id = 5 }, b = { .id = 5 };
	struct id_map map;

	id_map_init(&map);
	id_map_put(&map, &a);
	id_map_put(&map, &b);
	assert_int_equal(map.count, 1);
	assert_ptr_equal(id_map_get(&map, 5), &b);
	id_map_finish(&map);
}

static void every_entry_is_met_once_and_may_be_taken(void **state)
{
	struct id_map map;
	struct by_id *entry;
	size_t at = 0, met = 0;

	id_map_init(&map);
	for (size_t i = 0; i < 1000; i++) {
		ids[i] = (struct by_id){ .id = i + 1 };
		id_map_put(&map, &ids[i]);
	}
	for (; (entry = id_map_next(&map, &at)); met++) {
		assert_false(entry->seen);
		entry->seen = true;
		assert_ptr_equal(id_map_take(&map, entry->id), entry);
	}
	assert_int_equal(met, 1000);
	assert_int_equal(map.count, 0);
	id_map_finish(&map);
}

static void a_map_that_lives_long_stays_small(void **state)
{
	struct id_map map;

	id_map_init(&map);
	for (size_t i = 0; i < 200000; i++) {
		struct by_id *entry = &ids[i % 64];
		if (i >= 64)
			assert_ptr_equal(id_map_take(&map, entry->id), entry);
		entry->id = i + 1;
		assert_int_equal(id_map_put(&map, entry), 0);
	}
	assert_int_equal(map.count, 64);
	assert_true(map.capacity <= 256);
	id_map_finish(&map);
}

static void names_are_found_by_their_bytes(void **state)
{
	struct by_name nul = { .name = { "a\0b", 3 } }, empty = { .name = { "", 0 } };
	struct str_map map;
	size_t at = 0, met = 0;

	str_map_init(&map);
	assert_null(str_map_get(&map, gw_str("x")));
	for (size_t i = 0; i < MANY; i++) {
		names[i].name = gw_str_n(names[i].text,
					 (size_t)snprintf(names[i].text, sizeof(names[i].text),
							  "host%zu.example", i));
		assert_int_equal(str_map_put(&map, &names[i]), 0);
	}
	assert_int_equal(str_map_put(&map, &nul), 0);
	assert_int_equal(str_map_put(&map, &empty), 0);
	assert_ptr_equal(str_map_get(&map, gw_str_n("a\0b", 3)), &nul);
	assert_ptr_equal(str_map_get(&map, gw_str("")), &empty);
	assert_null(str_map_get(&map, gw_str("a")));
	assert_null(str_map_get(&map, gw_str("Host1.example")));
	for (size_t i = 0; i < MANY; i += 3)
		assert_ptr_equal(str_map_take(&map, names[i].name), &names[i]);
	for (size_t i = 0; i < MANY; i++)
		assert_ptr_equal(str_map_get(&map, names[i].name), i % 3 ? &names[i] : NULL);
	while (str_map_next(&map, &at))
		met++;
	assert_int_equal(met, map.count);
	str_map_finish(&map);
}

static void a_name_put_again_is_replaced(void **state)
{
	struct by_name a = { .name = GW_STR("same") }, b = { .name = GW_STR("same") };
	struct str_map map;

	str_map_init(&map);
	str_map_put(&map, &a);
	str_map_put(&map, &b);
	assert_int_equal(map.count, 1);
	assert_ptr_equal(str_map_take(&map, gw_str("same")), &b);
	assert_null(str_map_get(&map, gw_str("same")));
	str_map_finish(&map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_map_has_nothing),
		cmocka_unit_test(ids_are_found_until_they_are_taken),
		cmocka_unit_test(putting_a_key_again_replaces_it),
		cmocka_unit_test(every_entry_is_met_once_and_may_be_taken),
		cmocka_unit_test(a_map_that_lives_long_stays_small),
		cmocka_unit_test(names_are_found_by_their_bytes),
		cmocka_unit_test(a_name_put_again_is_replaced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
