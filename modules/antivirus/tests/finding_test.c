/* finding_test.c - nothing is clean but what clamd says in exactly its two ways. */
#include "cache.h"
#include "finding.h"
#include "protocol.h"

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
	cache_put(cache, hash(number), now, cache_drops(cache), &finding);
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
	assert_false(knows(cache, 2, 49)); /* the clock was set back */
	assert_int_equal(cache_count(cache), 0);
	cache_destroy(cache);
	cache = cache_create(0);
	put(cache, 0, 0);
	assert_false(knows(cache, 0, 0));
	cache_destroy(cache);
}

/* What a scan found that began before it forgot comes too late, whoever made it forget meanwhile.
 */
static void the_cache_takes_nothing_that_it_would_have_forgotten(void **state)
{
	struct cache *cache = cache_create(2);
	uint64_t before = cache_drops(cache);
	struct finding finding;

	put(cache, 0, 0);
	cache_drop(cache);
	assert_false(knows(cache, 0, 0));
	finding_set(&finding, SCAN_CLEAN, "a");
	cache_put(cache, hash(0), 0, before, &finding);
	assert_false(knows(cache, 0, 0));
	put(cache, 0, 0);
	assert_true(knows(cache, 0, 0));
	cache_destroy(cache);
}

static void an_icap_service_is_clean_with_204_only(void **state)
{
#define STATUS(status) "ICAP/1.0 " status "\r\nISTag: \"1\""
#define FOUND(value) STATUS("200 OK") "\r\nx-infection-found: " value
	static const struct {
		const char *answer;
		enum scan scan;
		const char *words;
	} rows[] = {
		{ STATUS("204 No Content"), SCAN_CLEAN, "clean" },
		{ STATUS("200 OK"), SCAN_FAILED,
		  "the scanner changed the message and does not say why" },
		{ FOUND("Type=0; Resolution=2; Threat=EICAR Test;"), SCAN_INFECTED, "EICAR Test" },
		{ FOUND("Type=0;Resolution=1;threat= a ; Threat=b"), SCAN_INFECTED, "a" },
		{ FOUND("Type=2; Resolution=0; Threat=Zip bomb;"), SCAN_ENCRYPTED, "Zip bomb" },
		{ FOUND("Type=0; Threat=Heuristics.Encrypted.Zip"), SCAN_ENCRYPTED,
		  "Heuristics.Encrypted.Zip" },
		{ FOUND(""), SCAN_INFECTED, "unnamed" },
		{ FOUND(";;=;Threat=;"), SCAN_INFECTED, "unnamed" },
		{ STATUS("204 No Content") "\r\nX-Infection-Found: Type=0; Threat=x", SCAN_INFECTED,
		  "x" },
		{ FOUND("Type=2; Threat=Zip;\r\nX-Infection-Found: Type=2; Threat=Rar"),
		  SCAN_ENCRYPTED, "Zip" },
		{ FOUND("Type=2; Threat=Zip;\r\nX-Infection-Found: Type=0; Threat=EICAR"),
		  SCAN_INFECTED, "EICAR" },
		{ STATUS("204 No Content") "\r\nX-Infection-Found : Type=0; Threat=x",
		  SCAN_INFECTED, "x" },
		{ STATUS("204 No Content") "\r\nEncapsulated: null-body=0", SCAN_CLEAN, "clean" },
		{ STATUS("204 No Content") "\r\nEncapsulated: res-hdr=0, res-body=20", SCAN_FAILED,
		  NULL },
		{ STATUS("200 OK") "\r\nX-Virus-ID:  Win.Y ", SCAN_INFECTED, "Win.Y" },
		{ STATUS("200 OK") "\r\nX-Violations-Found: 1", SCAN_INFECTED, "unnamed" },
		{ STATUS("404 Service not found"), SCAN_FAILED,
		  "the scanner says: ICAP/1.0 404 Service not found" },
		{ STATUS("100 Continue"), SCAN_FAILED, NULL },
		{ "HTTP/1.1 204 No Content", SCAN_FAILED, NULL },
		{ "ICAP/1.0 2040", SCAN_FAILED, NULL },
		{ "ICAP/1.0 20", SCAN_FAILED, NULL },
		{ "X-Infection", SCAN_FAILED, NULL },
		{ "", SCAN_FAILED, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct finding finding;

		protocol_icap.read(&finding, gw_str(rows[i].answer));
		if (finding.scan != rows[i].scan)
			fail_msg("%s: %d %s", rows[i].answer, finding.scan, finding.words);
		if (rows[i].words)
			assert_string_equal(finding.words, rows[i].words);
	}
}

static void an_answer_is_whole_where_its_protocol_says_so(void **state)
{
	static const struct {
		const struct protocol *protocol;
		const char *in;
		size_t len;
		enum whole whole;
		size_t text;
	} rows[] = {
		{ &protocol_clamd, "stream: OK", 10, WHOLE_NOT_YET, 0 },
		{ &protocol_clamd, "stream: OK", 11, WHOLE_YET, 10 },
		{ &protocol_clamd, "stream: OK\0x", 12, WHOLE_NEVER, 0 },
		{ &protocol_icap, "ICAP/1.0 204 x\r\n\r", 17, WHOLE_NOT_YET, 0 },
		{ &protocol_icap, "ICAP/1.0 204 x\r\n\r\n", 18, WHOLE_YET, 14 },
		{ &protocol_icap, "ICAP/1.0 200 x\r\n\r\npage", 22, WHOLE_YET, 14 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct gw_str text = { NULL, 0 };

		assert_int_equal(rows[i].protocol->whole(rows[i].in, rows[i].len, &text),
				 rows[i].whole);
		if (rows[i].whole == WHOLE_YET)
			assert_int_equal(text.len, rows[i].text);
	}
}

static void a_service_tells_its_signatures_by_its_tag(void **state)
{
	static const char good[] = "ICAP/1.0 200 OK\r\nMethods: REQMOD, RESPMOD\r\nISTag: \"A-1\"";
	struct gw_str tag = protocol_icap.version(gw_str(good));

	(void)state;
	assert_true(gw_str_eq(tag, gw_str("\"A-1\"")));
	assert_int_not_equal(protocol_icap.signatures("\"A-1\""),
			     protocol_icap.signatures("\"A-2\""));
	assert_int_equal(protocol_icap.signatures("ICAP"), 0);
	assert_int_equal(protocol_icap.signatures(""), 0);
	assert_null(protocol_icap.version(gw_str("ICAP/1.0 200 OK\r\nMethods: REQMOD")).ptr);
	assert_null(protocol_icap.version(gw_str("ICAP/1.0 404 x\r\nMethods: RESPMOD")).ptr);
	assert_null(protocol_icap.version(gw_str("ClamAV 1.4")).ptr);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_answer_is_what_it_says),
		cmocka_unit_test(an_icap_service_is_clean_with_204_only),
		cmocka_unit_test(an_answer_is_whole_where_its_protocol_says_so),
		cmocka_unit_test(a_service_tells_its_signatures_by_its_tag),
		cmocka_unit_test(a_part_of_a_good_answer_is_never_clean),
		cmocka_unit_test(long_words_are_cut),
		cmocka_unit_test(the_cache_is_bounded_and_forgets_what_is_old),
		cmocka_unit_test(the_cache_takes_nothing_that_it_would_have_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
