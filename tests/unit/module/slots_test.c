/* A file of slots is read after a process ended between any two of its stores, and after a disk
 * brought back part of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "module/state_slots.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE 64
#define FIRST_SIZE (1 << 20)

static char folder[] = "/tmp/slots-XXXXXX";
static char path[100];
static const struct gw_str name = GW_STR("quota\x1frelay/day");

/* --- what a file has --- */

struct seen {
	size_t count;
	int64_t value; /* of the counter `name` in its newest period; -1: it is not there */
	struct slot_place place;
	struct state_period periods[PERIODS];
};

static int see(void *arg, struct gw_str key, struct slot_place place,
	       const struct state_period *periods)
{
	struct seen *seen = arg;

	seen->count++;
	if (!gw_str_eq(key, name))
		return 0;
	seen->value = periods[0].value;
	seen->place = place;
	memcpy(seen->periods, periods, sizeof(seen->periods));
	return 0;
}

static struct seen look(struct state_slots *slots, long spoiled)
{
	struct seen seen = { .value = -1 };
	long result = slots_each(slots, see, &seen);

	if (spoiled >= 0)
		assert_int_equal(result, spoiled);
	return seen;
}

static void open_slots(struct state_slots *slots)
{
	char why[200] = "";

	slots_init(slots);
	if (slots_open(slots, path, why, sizeof(why)) < 0)
		fail_msg("%s", why);
}

static void put(struct state_slots *slots, struct slot_place *place, int64_t period, int64_t value)
{
	struct state_period periods[PERIODS] = { { period, value, true },
						 { period - 1, 1000, true } };

	assert_true(slots_put(slots, place, name, periods));
}

/* A file with the counter at 7, after 5 and 6. */
static void make_file(void)
{
	struct slot_place place = { 0 };
	struct state_slots slots;

	unlink(path);
	open_slots(&slots);
	look(&slots, 0);
	for (int value = 5; value <= 7; value++)
		put(&slots, &place, 20000, value);
	slots_close(&slots, false);
}

/* --- in good times --- */

static void values_are_there_again(void **state)
{
	struct state_slots slots;

	make_file();
	open_slots(&slots);
	struct seen seen = look(&slots, 0);
	assert_int_equal(seen.count, 1);
	assert_int_equal(seen.value, 7);
	assert_int_equal(seen.periods[0].period, 20000);
	assert_int_equal(seen.periods[1].period, 19999);
	assert_int_equal(seen.periods[1].value, 1000);
	put(&slots, &seen.place, 20000, 8);
	put(&slots, &seen.place, 20001, 1);
	assert_int_equal(look(&slots, 0).periods[0].period, 20001);
	assert_int_equal(look(&slots, 0).value, 1);
	slots_close(&slots, true);
	assert_int_equal(access(path, F_OK), -1);
}

static void the_boot_is_remembered(void **state)
{
	struct state_slots slots;

	make_file();
	open_slots(&slots);
	assert_int_equal(slots_boot(&slots), 0);
	slots_boot_set(&slots, 4711);
	slots_close(&slots, false);
	open_slots(&slots);
	assert_int_equal(slots_boot(&slots), 4711);
	assert_int_equal(look(&slots, 0).value, 7);
	slots_close(&slots, true);
}

static struct gw_str nth_name(char *buffer, int nth)
{
	int len = snprintf(buffer, STATE_KEY_MAX, "%d", nth);

	memset(buffer + len, '.', (size_t)(nth * 37 % 900)); /* slots of all lengths */
	return gw_str_n(buffer, (size_t)(len + nth * 37 % 900));
}

static int check_nth(void *arg, struct gw_str key, struct slot_place place,
		     const struct state_period *periods)
{
	int nth = atoi(key.ptr);
	char buffer[STATE_KEY_MAX];

	assert_true(gw_str_eq(key, nth_name(buffer, nth)));
	assert_int_equal(periods[0].value, nth * 2);
	assert_false(periods[1].used);
	++*(int *)arg;
	return 0;
}

static void the_file_grows(void **state)
{
	enum { COUNTERS = 4000 };
	static struct slot_place places[COUNTERS];
	struct state_slots slots;
	char buffer[STATE_KEY_MAX];
	int count = 0;

	unlink(path);
	memset(places, 0, sizeof(places));
	open_slots(&slots);
	for (int round = 1; round <= 2; round++)
		for (int i = 0; i < COUNTERS; i++) {
			struct state_period periods[PERIODS] = { { 5, i * round, true } };
			assert_true(slots_put(&slots, &places[i], nth_name(buffer, i), periods));
		}
	assert_true(slots.lines * LINE >= 2 * FIRST_SIZE);
	slots_close(&slots, false);
	open_slots(&slots);
	assert_int_equal(slots_each(&slots, check_nth, &count), 0);
	assert_int_equal(count, COUNTERS);
	slots_close(&slots, true);
}

static void without_a_file_nothing_is_put(void **state)
{
	struct slot_place place = { 0 };
	struct state_period periods[PERIODS] = { { 1, 1, true } };
	struct state_slots slots;

	slots_init(&slots);
	assert_false(slots_put(&slots, &place, name, periods));
	assert_int_equal(place.line, 0);
	slots_close(&slots, true);
}

/* --- a disk without room --- */

static void allow_bytes(rlim_t most)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = most;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void what_has_a_slot_counts_on_when_the_disk_is_full(void **state)
{
	struct state_period periods[PERIODS] = { { 1, 1, true } };
	struct slot_place first = { 0 }, other = { 0 };
	struct state_slots slots;

	unlink(path);
	allow_bytes(FIRST_SIZE);
	open_slots(&slots);
	put(&slots, &first, 1, 1);
	while (slots_put(&slots, &other, gw_str("other"), periods))
		other.line = 0;
	assert_int_equal(other.line, 0);
	assert_true(slots.full);
	put(&slots, &first, 1, 2);
	assert_int_equal(look(&slots, 0).value, 2);
	allow_bytes(RLIM_INFINITY);
	assert_false(slots_put(&slots, &other, gw_str("other"), periods)); /* nobody tries again */
	slots.full = false;
	assert_true(slots_put(&slots, &other, gw_str("other"), periods));
	slots_close(&slots, true);
}

static void no_room_for_a_file_is_told(void **state)
{
	struct state_slots slots;
	char why[200];

	unlink(path);
	allow_bytes(FIRST_SIZE / 2);
	slots_init(&slots);
	assert_int_equal(slots_open(&slots, path, why, sizeof(why)), -1);
	assert_string_equal(why, "File too large");
	assert_null(slots.map);
	allow_bytes(RLIM_INFINITY);
}

/* --- ended between two stores --- */

/* The octets of the map that one step changed, in words: what a process writes, in whatever order.
 */
struct step {
	size_t words[64], count;
	const unsigned char *before, *after;
};

#define SMALL 16 /* lines that the tests look at */

static struct step step_between(const unsigned char *before, const unsigned char *after)
{
	struct step step = { .before = before, .after = after };

	for (size_t at = 0; at < SMALL * LINE; at += 8)
		if (memcmp(before + at, after + at, 8) != 0) {
			assert_true(step.count < 64);
			step.words[step.count++] = at;
		}
	return step;
}

/* What is found when only those words got there. */
static struct seen look_after(const struct step *step, struct state_slots *slots, uint64_t which)
{
	size_t lines = slots->lines;

	memcpy(slots->map, step->before, SMALL * LINE);
	for (size_t i = 0; i < step->count; i++)
		if (which >> i & 1)
			memcpy(slots->map + step->words[i], step->after + step->words[i], 8);
	slots->lines = SMALL;
	struct seen seen = look(slots, -1);
	slots->lines = lines;
	return seen;
}

static unsigned char *copy_of(const struct state_slots *slots)
{
	unsigned char *copy = malloc(SMALL * LINE);

	memcpy(copy, slots->map, SMALL * LINE);
	return copy;
}

/* Every mixture of old and new words is either the old or the new value. */
static void a_change_is_seen_whole_or_not_at_all(void **state)
{
	static const struct {
		int64_t period, value;
	} changes[] = { { 20000, 8 }, { 20000, 6 }, { 20001, 1 } };
	struct state_slots slots;

	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		make_file();
		open_slots(&slots);
		struct slot_place place = look(&slots, 0).place;
		unsigned char *before = copy_of(&slots);
		put(&slots, &place, changes[i].period, changes[i].value);
		unsigned char *after = copy_of(&slots);
		struct step step = step_between(before, after);
		uint64_t all = (UINT64_C(1) << step.count) - 1;
		for (uint64_t which = 0; which <= all; which++) {
			struct seen seen = look_after(&step, &slots, which);
			assert_int_equal(seen.value, which == all ? changes[i].value : 7);
			assert_int_equal(seen.periods[0].period,
					 which == all ? changes[i].period : 20000);
		}
		free(before);
		free(after);
		slots_close(&slots, true);
	}
}

/* The first change of another counter: until its last store there is no slot, and the first counter
 * is as it was. */
static void a_slot_is_taken_whole_or_not_at_all(void **state)
{
	struct state_period periods[PERIODS] = { { 3, 33, true } };
	struct slot_place place = { 0 };
	struct state_slots slots;

	make_file();
	open_slots(&slots);
	look(&slots, 0);
	unsigned char *before = copy_of(&slots);
	assert_true(slots_put(&slots, &place, gw_str("quota\x1fother"), periods));
	unsigned char *after = copy_of(&slots);
	struct step step = step_between(before, after);
	uint64_t all = (UINT64_C(1) << step.count) - 1;
	for (uint64_t which = 0; which <= all; which++) {
		struct seen seen = look_after(&step, &slots, which);
		assert_int_equal(seen.value, 7);
		assert_int_equal(seen.count, which == all ? 2 : 1);
	}
	free(before);
	free(after);
	slots_close(&slots, true);
}

/* What a slot that was never finished left behind is not read as part of the one that takes its
 * place. */
static void remains_are_no_slot(void **state)
{
	char buffer[STATE_KEY_MAX];
	struct state_slots slots;

	for (int nth = 0; nth < 24; nth++) {
		struct state_period periods[PERIODS] = { { 20000, 99, true } };
		struct slot_place place = { 0 };
		make_file();
		open_slots(&slots);
		look(&slots, 0);
		assert_true(slots_put(&slots, &place, nth_name(buffer, nth), periods));
		memset(slots.map + (size_t)place.line * LINE, 0, 4); /* its last store */
		slots_close(&slots, false);
		open_slots(&slots);
		assert_int_equal(look(&slots, 0).count, 1);
		place = (struct slot_place){ 0 };
		periods[0].value = 1;
		assert_true(slots_put(&slots, &place, gw_str("short"), periods));
		struct seen seen = look(&slots, 0);
		assert_int_equal(seen.count, 2);
		assert_int_equal(seen.value, 7);
		slots_close(&slots, true);
	}
}

/* --- what a disk brings back --- */

static size_t file_bytes(unsigned char *bytes, size_t size)
{
	FILE *file = fopen(path, "r");
	size_t len = fread(bytes, 1, size, file);

	fclose(file);
	return len;
}

static void write_bytes(const unsigned char *bytes, size_t len)
{
	FILE *file = fopen(path, "w");

	assert_int_equal(fwrite(bytes, 1, len, file), len);
	fclose(file);
}

/* Whatever octet is wrong, the counter has a value that it once had, or none; or the file is
 * refused. */
static void every_wrong_octet_is_seen(void **state)
{
	unsigned char bytes[6 * LINE];
	char why[200];
	size_t refused = 0, older = 0, gone = 0;

	make_file();
	assert_int_equal(file_bytes(bytes, sizeof(bytes)), sizeof(bytes));
	for (size_t at = 0; at < sizeof(bytes); at++) {
		struct state_slots slots;
		bytes[at] ^= 1 << at % 8;
		write_bytes(bytes, sizeof(bytes));
		bytes[at] ^= 1 << at % 8;
		slots_init(&slots);
		if (slots_open(&slots, path, why, sizeof(why)) < 0) {
			assert_true(at < 24);
			assert_string_equal(why, "it is damaged, or no file of this gateway");
			refused++;
			continue;
		}
		int64_t value = look(&slots, -1).value;
		assert_true(value == 7 || value == 6 || value == -1);
		older += value == 6;
		gone += value == -1;
		slots_close(&slots, true);
	}
	assert_int_equal(refused, 16); /* magic, salt, check */
	assert_int_equal(older, 48);   /* a copy */
	assert_int_equal(gone, 12 + name.len);
}

static void a_file_may_be_cut_anywhere(void **state)
{
	unsigned char bytes[6 * LINE];

	make_file();
	file_bytes(bytes, sizeof(bytes));
	for (size_t len = 0; len < sizeof(bytes); len++) {
		struct state_slots slots;
		char why[200];
		write_bytes(bytes, len);
		slots_init(&slots);
		if (slots_open(&slots, path, why, sizeof(why)) < 0) {
			assert_in_range(len, 1, 23);
			continue;
		}
		int64_t value = look(&slots, -1).value;
		assert_true(value == -1 || value == 6 || value == 7);
		slots_close(&slots, true);
	}
}

/* One spoiled slot costs its own counter only. */
static void the_others_are_read(void **state)
{
	struct state_slots slots;
	struct slot_place places[3] = { { 0 } };

	unlink(path);
	open_slots(&slots);
	for (int i = 0; i < 3; i++) {
		struct state_period periods[PERIODS] = { { 1, i, true } };
		assert_true(slots_put(&slots, &places[i],
				      i == 2 ? name : gw_str_n("ab", (size_t)i + 1), periods));
	}
	slots.map[places[1].line * LINE + 5] ^= 1;
	struct seen seen = look(&slots, 1);
	assert_int_equal(seen.count, 2);
	assert_int_equal(seen.value, 2);
	slots_close(&slots, true);
}

/* A slot is one in its own file and place only. */
static void a_slot_from_elsewhere_is_none(void **state)
{
	unsigned char old[6 * LINE], fresh[6 * LINE];
	struct state_slots slots;

	make_file();
	file_bytes(old, sizeof(old));
	make_file();
	file_bytes(fresh, sizeof(fresh));
	memcpy(fresh + LINE, old + LINE, sizeof(fresh) - LINE);
	write_bytes(fresh, sizeof(fresh));
	open_slots(&slots);
	assert_int_equal(look(&slots, 1).count, 0);
	slots_close(&slots, true);
	memset(old + 4 * LINE, 0, 2 * LINE);
	memmove(old + 2 * LINE, old + LINE, 3 * LINE);
	write_bytes(old, sizeof(old));
	open_slots(&slots);
	assert_int_equal(look(&slots, 1).count, 0);
	slots_close(&slots, true);
}

static void what_is_no_file_is_refused(void **state)
{
	struct state_slots slots;
	char why[200];

	unlink(path);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	slots_init(&slots);
	assert_int_equal(slots_open(&slots, path, why, sizeof(why)), -1);
	unlink(path);
	assert_int_equal(mkdir(path, 0700), 0);
	slots_init(&slots);
	assert_int_equal(slots_open(&slots, path, why, sizeof(why)), -1);
	assert_string_equal(why, "Is a directory");
	rmdir(path);
}

static int make_folder(void **state)
{
	if (!mkdtemp(folder))
		return -1;
	signal(SIGXFSZ, SIG_IGN);
	snprintf(path, sizeof(path), "%s/counters", folder);
	return 0;
}

static int remove_folder(void **state)
{
	unlink(path);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_there_again),
		cmocka_unit_test(the_boot_is_remembered),
		cmocka_unit_test(the_file_grows),
		cmocka_unit_test(without_a_file_nothing_is_put),
		cmocka_unit_test(what_has_a_slot_counts_on_when_the_disk_is_full),
		cmocka_unit_test(no_room_for_a_file_is_told),
		cmocka_unit_test(a_change_is_seen_whole_or_not_at_all),
		cmocka_unit_test(a_slot_is_taken_whole_or_not_at_all),
		cmocka_unit_test(remains_are_no_slot),
		cmocka_unit_test(every_wrong_octet_is_seen),
		cmocka_unit_test(a_file_may_be_cut_anywhere),
		cmocka_unit_test(the_others_are_read),
		cmocka_unit_test(a_slot_from_elsewhere_is_none),
		cmocka_unit_test(what_is_no_file_is_refused),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
