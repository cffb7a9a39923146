/* search_test.c - whatever is asked, and whichever of the conditions leads: a search gives the
 * mails that all of them fit, the newest first. Each answer is held to a look at every mail. */
#include "index.h"
#include "words.h"

#include <gateway/module.h>
#include <gateway/testkit.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define MAILS 300
#define MAILS_IN_JANUARY 149
#define NEW_YEAR INT64_C(1767225600000)
#define HOUR INT64_C(3600000)

static struct index *index_of_all;
static const char *folder;

/* Who, what and when of the nth mail: some of everything stands often, some seldom, some never. Its
 * time may be hours before that of the mail before it. */
struct facts {
	char id[16], sender[40], author[40], rcpts[2][40], client[8], type[8], relay[8],
		subject[40], word[16], message_id[16];
	int64_t time;
};

static struct facts facts_of(int nth)
{
	struct facts facts = { .time = NEW_YEAR + (int64_t)nth * 5 * HOUR - nth % 3 * 7 * HOUR };

	snprintf(facts.id, sizeof facts.id, "I%d", nth);
	snprintf(facts.sender, sizeof facts.sender, "s%d@d%d.example", nth % 7, nth % 2);
	snprintf(facts.author, sizeof facts.author, "a%d@d%d.example", nth % 5, nth % 4 / 2);
	snprintf(facts.rcpts[0], 40, "r%d@e%d.example", nth % 11, nth % 3);
	snprintf(facts.rcpts[1], 40, "x%d@e%d.example", nth % 50, nth % 3);
	snprintf(facts.client, sizeof facts.client, "c%d", nth % 4);
	snprintf(facts.type, sizeof facts.type, "t%d", nth % 3);
	snprintf(facts.relay, sizeof facts.relay, "%s", nth % 40 ? "out" : "other");
	snprintf(facts.subject, sizeof facts.subject, "case%d offer", nth % 25);
	snprintf(facts.word, sizeof facts.word, "%s", nth % 30 ? "often" : "seldom");
	snprintf(facts.message_id, sizeof facts.message_id, "m%d@h", nth);
	return facts;
}

static void add(struct index *index, int nth, const char *later)
{
	struct facts facts = facts_of(nth);
	const char *const rcpts[] = { facts.rcpts[0], facts.rcpts[1], NULL };
	struct words words = { .subject = facts.subject,
			       .message_id = facts.message_id,
			       .text = g_string_new(facts.word),
			       .pieces = g_ptr_array_new(),
			       .authors = g_ptr_array_new() };
	struct indexed_mail mail = { .id = facts.id,
				     .time = facts.time,
				     .sender = facts.sender,
				     .client = facts.client,
				     .login = "",
				     .type = facts.type,
				     .peer = "",
				     .sha256 = "",
				     .rcpts = rcpts,
				     .words = &words,
				     .place.at = (uint64_t)nth };
	struct indexed_left left = {
		.id = facts.id, .relay = facts.relay, .return_path = "", .sha256 = ""
	};
	int again;

	snprintf(mail.place.name, sizeof mail.place.name, "%s-01.0",
		 nth < MAILS_IN_JANUARY ? "2026-01" : later);
	left.place = mail.place;
	g_ptr_array_add(words.authors, facts.author);
	assert_true(index_mail(index, &mail));
	for (again = 0; again < 2; again++) {
		left.place.at = (uint64_t)(MAILS * (again + 1) + nth);
		assert_true(index_left(index, &left));
	}
	assert_true(index_end(index, mail.place.name, (uint64_t)nth + 1));
	g_string_free(words.text, TRUE);
	g_ptr_array_unref(words.pieces);
	g_ptr_array_unref(words.authors);
}

/* `later`: the month of those that are not of January. */
static void make(const char *later)
{
	struct index *index;
	int nth;

	assert_int_equal(g_mkdir_with_parents(folder, 0700), 0);
	index = index_open(folder, true);
	for (nth = 0; nth < MAILS; nth++)
		add(index, nth, later);
	index_close(index);
	index_of_all = index_open(folder, false);
}

static int begin(void **state)
{
	struct testkit *kit = *state = testkit_create(gw_module_v1);

	folder = testkit_file(kit, "archive", NULL);
	make("2026-02");
	return 0;
}

static int end(void **state)
{
	index_close(index_of_all);
	testkit_destroy(*state);
	return 0;
}

/* --- what is asked, and a look at a mail --- */

static bool is_in(const char *address, const char *asked)
{
	return *asked == '@' ? g_str_has_suffix(address, asked) : strcmp(address, asked) == 0;
}

static bool got(const struct facts *facts, const char *asked)
{
	return is_in(facts->rcpts[0], asked) || is_in(facts->rcpts[1], asked);
}

static bool wrote(const struct facts *facts, const char *asked)
{
	return is_in(facts->sender, asked) || is_in(facts->author, asked);
}

static bool fits(const struct facts *facts, const struct query *query)
{
	return (!query->sender || wrote(facts, query->sender)) &&
	       (!query->recipient || got(facts, query->recipient)) &&
	       (!query->person || wrote(facts, query->person) || got(facts, query->person)) &&
	       (!query->subject || g_str_has_prefix(facts->subject, query->subject)) &&
	       (!query->words || strcmp(facts->word, query->words) == 0) &&
	       (!query->message_id || strcmp(facts->message_id, query->message_id) == 0) &&
	       (!query->client || strcmp(facts->client, query->client) == 0) &&
	       (!query->type || strcmp(facts->type, query->type) == 0) &&
	       (!query->relay || strcmp(facts->relay, query->relay) == 0) &&
	       (!query->id || strcmp(facts->id, query->id) == 0) &&
	       (!query->since || facts->time >= query->since) &&
	       (!query->until || facts->time < query->until);
}

static const struct query conditions[] = {
	{ .sender = "s3@d1.example" },
	{ .sender = "@d0.example" },
	{ .sender = "a4@d1.example" },
	{ .sender = "nobody@d0.example" },
	{ .recipient = "r5@e2.example" },
	{ .recipient = "@e1.example" },
	{ .person = "x7@e1.example" },
	{ .person = "@e0.example" },
	{ .subject = "case7" },
	{ .words = "often" },
	{ .words = "seldom" },
	{ .client = "c1" },
	{ .type = "t2" },
	{ .relay = "out" },
	{ .relay = "other" },
	{ .message_id = "m77@h" },
	{ .id = "I200" },
	{ .since = NEW_YEAR + 100 * HOUR, .until = NEW_YEAR + 150 * HOUR },
	{ .since = NEW_YEAR + 600 * HOUR, .until = NEW_YEAR + 900 * HOUR },
	{ .since = NEW_YEAR - 100 * HOUR },
	{ .until = NEW_YEAR + 400 * HOUR },
};
#define CONDITIONS (sizeof conditions / sizeof *conditions)

static struct query both(const struct query *one, const struct query *two)
{
	struct query query = *one;
#define TAKE(member) query.member = two->member ? two->member : query.member
	TAKE(sender);
	TAKE(recipient);
	TAKE(person);
	TAKE(subject);
	TAKE(words);
	TAKE(client);
	TAKE(type);
	TAKE(relay);
	TAKE(message_id);
	TAKE(id);
	TAKE(since);
	TAKE(until);
	return query;
}

/* --- the answer --- */

struct answer {
	char ids[MAILS][16];
	char last[32];
	int64_t count;
};

static void take(void *arg, const struct hit *hit)
{
	struct answer *answer = arg;

	assert_in_range(answer->count, 0, MAILS - 1);
	snprintf(answer->ids[answer->count++], 16, "%s", hit->id);
	snprintf(answer->last, sizeof answer->last, "%s", hit->number);
}

/* All of it, in pages. */
static void search(struct query query, int64_t page, struct answer *answer)
{
	int64_t before = -1;

	answer->count = 0;
	query.limit = page;
	while (answer->count != before) {
		before = answer->count;
		assert_true(index_search(index_of_all, &query, take, answer));
		query.before = answer->last;
	}
}

static void check(struct query query, int64_t page, size_t one, size_t two)
{
	struct answer answer;
	int64_t at = 0;
	int nth;

	search(query, page, &answer);
	for (nth = MAILS; nth-- > 0;) {
		struct facts facts = facts_of(nth);

		if (!fits(&facts, &query))
			continue;
		if (at >= answer.count || strcmp(answer.ids[at], facts.id) != 0)
			fail_msg("%zu and %zu: hit %d is %s, not %s", one, two, (int)at,
				 at < answer.count ? answer.ids[at] : "none", facts.id);
		at++;
	}
	assert_int_equal(answer.count, at);
}

static void every_two_conditions(void **state)
{
	size_t one, two;

	(void)state;
	for (one = 0; one < CONDITIONS; one++)
		for (two = one; two < CONDITIONS; two++)
			check(both(&conditions[one], &conditions[two]), 37, one, two);
}

static void every_three_conditions(void **state)
{
	size_t one, two, three;

	(void)state;
	for (one = 0; one < CONDITIONS; one += 2)
		for (two = one + 3; two < CONDITIONS; two += 3)
			for (three = two + 1; three < CONDITIONS; three += 2) {
				struct query query = both(&conditions[one], &conditions[two]);

				check(both(&query, &conditions[three]), MAILS, one * 100 + two,
				      three);
			}
}

static void nothing_is_asked(void **state)
{
	const struct query all = { NULL };

	(void)state;
	check(all, 100, 0, 0);
}

/* As the writer leaves it for a moment: a file that has no tables yet. */
static void a_month_that_is_being_made_is_none_yet(void **state)
{
	const struct query all = { NULL };
	char *path = g_build_filename(folder, "index", "2031-01.db", NULL);

	(void)state;
	assert_true(g_file_set_contents(path, "", 0, NULL));
	check(all, 100, 0, 0);
	assert_int_equal(unlink(path), 0);
	g_free(path);
}

/* Nobody knows what is in it: a search says so, and what came of a mail waits for it. */
static void a_month_that_cannot_be_opened_is_not_left_out(void **state)
{
	const struct query later = { .since = NEW_YEAR + 24 * 31 * 24 * HOUR, .limit = 100 };
	const struct query all = { .limit = MAILS };
	const char *where = testkit_file(*state, "damaged", NULL);
	char damage[5000];
	struct indexed_left left = { .id = "I0", .relay = "out", .return_path = "", .sha256 = "" };
	char *path = g_build_filename(where, "index", "2026-02.db", NULL);
	struct answer answer = { .count = 0 };
	struct index *index;

	memset(damage, 'x', sizeof damage);
	assert_int_equal(g_mkdir_with_parents(where, 0700), 0);
	index = index_open(where, true);
	assert_true(g_file_set_contents(path, damage, sizeof damage, NULL));
	assert_false(index_search(index, &all, take, &answer));
	assert_true(index_search(index, &later, take, &answer));
	snprintf(left.place.name, sizeof left.place.name, "2026-03-01.0");
	assert_false(index_left(index, &left));
	assert_int_equal(unlink(path), 0);
	assert_true(index_left(index, &left));
	index_close(index);
	index = index_open(where, false);
	assert_true(g_file_set_contents(path, damage, sizeof damage, NULL));
	assert_false(index_search(index, &all, take, &answer));
	assert_true(index_search(index, &later, take, &answer));
	index_close(index);
	g_free(path);
}

static void add_text(struct index *index, const char *id, const char *text)
{
	static const char *const nobody[] = { NULL };
	char nothing[] = "";
	struct words words = { .subject = nothing,
			       .message_id = nothing,
			       .text = g_string_new(text),
			       .pieces = g_ptr_array_new(),
			       .authors = g_ptr_array_new() };
	struct indexed_mail mail = { .id = id,
				     .time = NEW_YEAR,
				     .sender = "",
				     .client = "",
				     .login = "",
				     .type = "",
				     .peer = "",
				     .sha256 = "",
				     .rcpts = nobody,
				     .words = &words,
				     .place.name = "2026-01-01.0" };

	assert_true(index_mail(index, &mail));
	g_string_free(words.text, TRUE);
	g_ptr_array_unref(words.pieces);
	g_ptr_array_unref(words.authors);
}

/* Vowels that are marks, above a letter or behind it, and accents of their own. */
static void words_of_many_scripts_are_found(void **state)
{
	static const char *const texts[] = { "हिन्दी",
					     "สวัสดี",
					     "e\u0301te\u0301 noir",
					     "שָׁלוֹם",
					     "مَرْحَبًا",
					     "தமிழ்",
					     "Żółw łódź",
					     "ti\u1ebfng Vi\u1ec7t",
					     "𞤀𞤣𞤤𞤢𞤥 x" };
	const char *where = testkit_file(*state, "scripts", NULL);
	struct index *index;
	size_t i;

	assert_int_equal(g_mkdir_with_parents(where, 0700), 0);
	index = index_open(where, true);
	for (i = 0; i < G_N_ELEMENTS(texts); i++)
		add_text(index, texts[i], texts[i]);
	assert_true(index_end(index, "2026-01-01.0", 1));
	for (i = 0; i < G_N_ELEMENTS(texts); i++) {
		const struct query query = { .words = texts[i], .limit = MAILS };
		struct answer answer = { .count = 0 };

		if (!index_search(index, &query, take, &answer) || answer.count != 1)
			fail_msg("%s: %d", texts[i], (int)answer.count);
	}
	index_close(index);
}

/* Of a clock that was ahead once, or of a disk that was away for days. */
static void a_month_has_mail_that_is_older_than_its_name(void **state)
{
	const struct query asked[] = { { .until = NEW_YEAR + 400 * HOUR },
				       { .since = NEW_YEAR + 600 * HOUR,
					 .until = NEW_YEAR + 900 * HOUR },
				       { .since = NEW_YEAR + 2000 * HOUR } };
	const char *in_order = folder;
	size_t i;

	index_close(index_of_all);
	folder = testkit_file(*state, "ahead", NULL);
	make("2099-02");
	for (i = 0; i < sizeof asked / sizeof *asked; i++)
		check(asked[i], 100, i, i);
	index_close(index_of_all);
	folder = in_order;
	index_of_all = index_open(folder, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_two_conditions),
		cmocka_unit_test(every_three_conditions),
		cmocka_unit_test(nothing_is_asked),
		cmocka_unit_test(a_month_that_is_being_made_is_none_yet),
		cmocka_unit_test(a_month_that_cannot_be_opened_is_not_left_out),
		cmocka_unit_test(words_of_many_scripts_are_found),
		cmocka_unit_test(a_month_has_mail_that_is_older_than_its_name),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
