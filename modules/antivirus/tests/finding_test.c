/* finding_test.c - nothing is clean but what clamd says in exactly its two ways. */
#include "cache.h"
#include "finding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct finding read_of(struct gw_str answer)
{
	struct finding finding;

	finding_read(&finding, answer);
	return finding;
}

static void each_answer_is_what_it_says(void **state)
{
	static const struct {
		const char *answer;
		enum scan scan;
		const char *words; /* NULL: any */
	} rows[] = {
		{ "stream: OK", SCAN_CLEAN, "clean" },
		{ "fd[12]: OK", SCAN_CLEAN, "clean" },
		{ "stream: Eicar-Test FOUND", SCAN_INFECTED, "Eicar-Test" },
		{ "fd[9]: Win.X-1(md5:7) FOUND", SCAN_INFECTED, "Win.X-1(md5:7)" },
		{ "fd[9]: a\r\nb\xff FOUND", SCAN_INFECTED, "a??b?" },
		{ "stream: Heuristics.Encrypted.Zip FOUND", SCAN_ENCRYPTED,
		  "Heuristics.Encrypted.Zip" },
		{ "stream: Heuristics.Limits.Exceeded.MaxFileSize FOUND", SCAN_OVERSIZE, NULL },
		{ "INSTREAM size limit exceeded. ERROR", SCAN_OVERSIZE, NULL },
		{ "stream: Can't allocate memory ERROR", SCAN_FAILED,
		  "clamd says: Can't allocate memory ERROR" },
		{ "stream: ok", SCAN_FAILED, NULL },
		{ "stream: OK ", SCAN_FAILED, NULL },
		{ "stream:  OK", SCAN_FAILED, NULL },
		{ "stream: OK\n", SCAN_FAILED, NULL },
		{ "stream: OK ERROR", SCAN_FAILED, NULL },
		{ "stream:  FOUND", SCAN_FAILED, NULL },
		{ "stream: FOUND", SCAN_FAILED, NULL },
		{ "fd[]: OK", SCAN_FAILED, NULL },
		{ "fd[-1]: OK", SCAN_FAILED, NULL },
		{ "fd[1x]: OK", SCAN_FAILED, NULL },
		{ "fd[1]", SCAN_FAILED, NULL },
		{ "1: stream: OK", SCAN_FAILED, NULL },
		{ "OK", SCAN_FAILED, NULL },
		{ "", SCAN_FAILED, NULL },
		{ "UNKNOWN COMMAND", SCAN_FAILED, NULL },
	};
	size_t i;

	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct finding finding = read_of(gw_str(rows[i].answer));

		if (finding.scan != rows[i].scan)
			fail_msg("%s: %d", rows[i].answer, finding.scan);
		if (rows[i].words)
			assert_string_equal(finding.words, rows[i].words);
	}
}

static void a_part_of_a_good_answer_is_never_clean(void **state)
{
	struct gw_str whole = GW_STR("fd[12]: OK");
	size_t len;

	for (len = 0; len < whole.len; len++) {
		assert_int_equal(read_of(gw_str_n(whole.ptr, len)).scan, SCAN_FAILED);
		assert_int_equal(read_of(gw_str_from(whole, len + 1)).scan, SCAN_FAILED);
	}
	assert_int_equal(read_of(gw_str_n("stream: OK\0", 11)).scan, SCAN_FAILED);
	assert_int_equal(read_of(gw_str_n("stream:\0OK", 10)).scan, SCAN_FAILED);
}

static void long_words_are_cut(void **state)
{
	char answer[1000];

	snprintf(answer, sizeof answer, "stream: %0900d FOUND", 7);
	assert_int_equal(read_of(gw_str(answer)).scan, SCAN_INFECTED);
	assert_int_equal(strlen(read_of(gw_str(answer)).words), 159);
}

/* --- the cache --- */

static const unsigned char *hash(unsigned char number)
{
	static unsigned char hashes[256][HASH_SIZE];

	hashes[number][31] = number; /* all of them in one bucket */
	return hashes[number];
}

static bool knows(struct cache *cache, unsigned char number, int64_t now)
{
	struct finding finding;

	return cache_find(cache, hash(number), now, 100, &finding) &&
	       finding.words[0] == 'a' + number;
}

static void put(struct cache *cache, unsigned char number, int64_t now)
{
	struct finding finding;

	finding_set(&finding, SCAN_CLEAN, "%c", 'a' + number);
	cache_put(cache, hash(number), now, &finding);
}

static void the_cache_is_bounded_and_forgets_what_is_old(void **state)
{
	struct cache *cache = cache_create(2);

	put(cache, 0, 0);
	put(cache, 1, 0);
	assert_true(knows(cache, 0, 100));
	put(cache, 2, 50);
	assert_false(knows(cache, 1, 50)); /* was used less lately than 0 */
	assert_true(knows(cache, 0, 100));
	assert_false(knows(cache, 0, 101));
	assert_true(knows(cache, 2, 101));
	assert_int_equal(cache_count(cache), 1);
	cache_drop(cache);
	assert_false(knows(cache, 2, 101));
	cache_destroy(cache);
	cache = cache_create(0);
	put(cache, 0, 0);
	assert_false(knows(cache, 0, 0));
	cache_destroy(cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_answer_is_what_it_says),
		cmocka_unit_test(a_part_of_a_good_answer_is_never_clean),
		cmocka_unit_test(long_words_are_cut),
		cmocka_unit_test(the_cache_is_bounded_and_forgets_what_is_old),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
