/* corpus_test.c - a folder of bounces of others, where BOUNCE_CORPUS names one: what is made of
 * each, for score.py to compare. Without it there is nothing to do. */
#include "mails.h"

#include <setjmp.h>

#include <cmocka.h>

#include <dirent.h>

static void classify_file(struct testkit *kit, const char *folder, const char *name)
{
	char path[4096], *bytes;
	size_t len;

	snprintf(path, sizeof path, "%s/%s", folder, name);
	bytes = mail_bytes(path, &len);
	printf("MAIL %s %s\n", name, mail_classify(kit, bytes, len));
	free(bytes);
}

static void each_is_classified(void **state)
{
	const char *folder = getenv("BOUNCE_CORPUS");
	struct testkit *kit;
	struct dirent *entry;
	DIR *files;

	(void)state;
	if (!folder)
		skip();
	kit = testkit_create(gw_module_v1);
	testkit_fragment(kit, SHIPPED);
	assert_int_equal(testkit_start(kit), 0);
	files = opendir(folder);
	while (files && (entry = readdir(files)))
		if (strstr(entry->d_name, ".eml"))
			classify_file(kit, folder, entry->d_name);
	closedir(files);
	testkit_destroy(kit);
}

/* --- forms.txt: "#### NAME: KIND REASON RECIPIENT [STATUS], ..." or "none", then the mail --- */

static struct gw_str member(const struct gw_json_value *row, const char *name)
{
	return gw->json_value_string(gw->json_member(row, name));
}

/* What was found, in the words of an expectation; the status only where that has one. */
static void show_rows(const char *answer, const char *expected, char *out, size_t size)
{
	struct gw_json_value *json = gw->json_read(gw_str(answer), NULL, 0);
	const struct gw_json_value *rows = gw->json_member(json, "rows"), *row;
	bool with_status = strpbrk(expected, "245") && strstr(expected, ".");
	size_t i, len = 0;

	for (i = 0; (row = gw->json_item(rows, i)) != NULL && len < size; i++)
		len += (size_t)snprintf(out + len, size - len, "%s%s %s %s%s%s", i ? ", " : "",
					member(row, "kind").ptr, member(row, "reason").ptr,
					member(row, "recipient").ptr, with_status ? " " : "",
					with_status ? member(row, "status").ptr : "");
	if (strncmp(out, "unknown", 7) == 0)
		snprintf(out, size, "none");
	gw->json_free(json);
}

static bool has_status(const char *expected)
{
	const char *last = strrchr(expected, ' ');

	return last && last[1] >= '2' && last[1] <= '5' && last[2] == '.';
}

static bool is_understood(struct testkit *kit, char *mail)
{
	char *expected = strstr(mail, ": "), *bytes = strchr(mail, '\n'), found[1024] = "";
	const char *answer;

	if (!expected || !bytes)
		return false;
	*bytes++ = '\0';
	expected += 2;
	answer = mail_classify(kit, bytes, strlen(bytes));
	show_rows(answer, has_status(expected) ? "5." : "", found, sizeof found);
	if (strcmp(found, expected) == 0)
		return true;
	printf("%s\n  but found: %s\n  %s\n", mail, found, answer);
	return false;
}

static void each_form_of_others_is_understood(void **state)
{
	struct testkit *kit = testkit_create(gw_module_v1);
	char *bytes, *mail, *next;
	size_t len, wrong = 0;

	(void)state;
	testkit_fragment(kit, SHIPPED);
	assert_int_equal(testkit_start(kit), 0);
	bytes = mail_bytes(TEST_FOLDER "/forms.txt", &len);
	for (mail = bytes; mail; mail = next) {
		next = strstr(mail, "\n#### ");
		if (next)
			*next++ = '\0';
		wrong += !is_understood(kit, mail);
	}
	free(bytes);
	testkit_destroy(kit);
	assert_int_equal(wrong, 0);
}

/* --- replies.txt --- */

/* "KIND REASON"; false: not what the line expects. */
static bool reply_found(struct testkit *kit, const char *line, char found[100])
{
	const char *arrow = strstr(line, " => ");
	struct gw_json_value *json;
	const struct gw_json_value *row;
	struct gw_str words[3] = { GW_STR("classify"), gw_str_n(line, 3),
				   gw_str_n(line + 4, (size_t)(arrow - line - 4)) };
	char code[4], text[1000];
	struct gw_command command = { .size = sizeof command, .words = { words, 3 } };

	snprintf(code, sizeof code, "%.*s", GW_STR_ARGS(words[1]));
	snprintf(text, sizeof text, "%.*s", GW_STR_ARGS(words[2]));
	words[1] = gw_str(code);
	words[2] = gw_str(text);
	testkit_forget(kit);
	testkit_run_control_command(kit, &command);
	json = gw->json_read(gw_str(testkit_line(kit, TESTKIT_REPLY, 0)), NULL, 0);
	row = gw->json_item(gw->json_member(json, "rows"), 0);
	snprintf(found, 100, "%s %s", member(row, "kind").ptr, member(row, "reason").ptr);
	gw->json_free(json);
	return strcmp(found, arrow + 4) == 0;
}

static bool reply_is_understood(struct testkit *kit, const char *line)
{
	char found[100];

	if (reply_found(kit, line, found))
		return true;
	printf("#### %s\n  but found: %s\n", line, found);
	return false;
}

static struct testkit *started(void)
{
	struct testkit *kit = testkit_create(gw_module_v1);

	testkit_fragment(kit, SHIPPED);
	assert_int_equal(testkit_start(kit), 0);
	return kit;
}

static void each_reply_of_receivers_is_understood(void **state)
{
	struct testkit *kit = testkit_create(gw_module_v1);
	char *bytes, *line, *rest;
	size_t len, wrong = 0;

	(void)state;
	testkit_fragment(kit, SHIPPED);
	assert_int_equal(testkit_start(kit), 0);
	bytes = mail_bytes(TEST_FOLDER "/replies.txt", &len);
	for (line = strtok_r(bytes, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		wrong += *line != '#' && !reply_is_understood(kit, line);
	free(bytes);
	testkit_destroy(kit);
	assert_int_equal(wrong, 0);
}

/* --- unseen_forms.txt, unseen_replies.txt: a share of them has to be right, since rules that were
 * made until each was would say nothing of the next one --- */

struct score {
	size_t all, found, kind, reason, status;
};

/* Of "KIND REASON RECIPIENT [STATUS], ..." these words of each. */
static void words_of(const char *rows, unsigned which, char out[1024])
{
	char copy[1024], *row, *word, *rest, *next;
	size_t nth, len = 0;

	snprintf(copy, sizeof copy, "%s", rows);
	out[0] = '\0';
	for (row = strtok_r(copy, ",", &rest); row; row = strtok_r(NULL, ",", &rest))
		for (nth = 0, word = strtok_r(row, " ", &next); word;
		     nth++, word = strtok_r(NULL, " ", &next))
			if (which & 1u << nth && len < 1000)
				len += (size_t)snprintf(out + len, 1024 - len, "%s ", word);
}

static bool same_words(const char *one, const char *other, unsigned which)
{
	char first[1024], second[1024];

	words_of(one, which, first);
	words_of(other, which, second);
	return strcmp(first, second) == 0;
}

enum { KIND = 1, REASON = 2, RECIPIENT = 4, STATUS = 8 };

static void score_form(struct testkit *kit, char *mail, struct score *score)
{
	char *expected = strstr(mail, ": "), *bytes = strchr(mail, '\n'), found[1024] = "";
	const char *answer;

	*bytes++ = '\0';
	expected += 2;
	answer = mail_classify(kit, bytes, strlen(bytes));
	show_rows(answer, "", found, sizeof found);
	score->all++;
	score->found += same_words(expected, found, RECIPIENT);
	score->kind += same_words(expected, found, KIND | RECIPIENT);
	score->reason += same_words(expected, found, KIND | REASON | RECIPIENT);
	if (!same_words(expected, found, KIND | REASON | RECIPIENT))
		printf("%s\n  but found: %s\n  %s\n", mail, found, answer);
}

static void score_reply(struct testkit *kit, const char *line, struct score *score)
{
	const char *expected = strstr(line, " => ") + 4;
	char found[100];

	reply_found(kit, line, found);
	score->all++;
	score->kind += same_words(expected, found, KIND);
	score->reason += same_words(expected, found, strchr(expected, ' ') ? KIND | REASON : KIND);
	if (!same_words(expected, found, strchr(expected, ' ') ? KIND | REASON : KIND))
		printf("%s\n  but found: %s\n", line, found);
}

static void a_form_that_no_rule_was_made_for_is_understood_mostly(void **state)
{
	struct testkit *kit = started();
	struct score score = { 0 };
	char *bytes, *mail, *next;
	size_t len;

	(void)state;
	bytes = mail_bytes(TEST_FOLDER "/unseen_forms.txt", &len);
	for (mail = bytes; mail; mail = next) {
		next = strstr(mail, "\n#### ");
		if (next)
			*next++ = '\0';
		score_form(kit, mail, &score);
	}
	printf("unseen forms: %zu, found %zu, kind %zu, reason %zu\n", score.all, score.found,
	       score.kind, score.reason);
	free(bytes);
	testkit_destroy(kit);
	assert_true(score.found * 100 >= score.all * 95 && score.kind * 100 >= score.all * 95);
}

/* --- third_forms.txt: systems of many makers and countries. Expectations with a status are reports
 * by RFC 3464, where more is asked for; what is no bounce has to be none, each of them. --- */

enum class { REPORT, FORM, NO_BOUNCE, CLASSES };

static enum class class_of(const char *expected) {
	if (strncmp(expected, "none", 4) == 0 ||
	    strncmp(expected, "info", 4) == 0) return NO_BOUNCE;
	return has_status(expected) ? REPORT : FORM;
}

static void score_third(struct testkit *kit, char *mail, struct score scores[CLASSES])
{
	char *expected = strstr(mail, ": "), *bytes = strchr(mail, '\n'), found[1024] = "";
	struct score *score;
	const char *answer;

	*bytes++ = '\0';
	expected += 2;
	score = &scores[class_of(expected)];
	answer = mail_classify(kit, bytes, strlen(bytes));
	show_rows(answer, has_status(expected) ? "5." : "", found, sizeof found);
	score->all++;
	score->found += same_words(expected, found, RECIPIENT);
	score->kind += same_words(expected, found, KIND | RECIPIENT);
	score->reason += same_words(expected, found, KIND | REASON | RECIPIENT);
	score->status += same_words(expected, found, STATUS | RECIPIENT);
	if (!same_words(expected, found, KIND | REASON | RECIPIENT | STATUS))
		printf("%s\n  but found: %s\n  %s\n", mail, found, answer);
}

static bool is_share(size_t part, const struct score *score, size_t percent)
{
	return part * 100 >= score->all * percent;
}

static void score_file(const char *path, struct score scores[CLASSES])
{
	static const char *const names[CLASSES] = { "reports", "other forms", "no bounces" };
	struct testkit *kit = started();
	char *bytes, *mail, *next;
	size_t len, i;

	bytes = mail_bytes(path, &len);
	for (mail = bytes; mail; mail = next) {
		next = strstr(mail, "\n#### ");
		if (next)
			*next++ = '\0';
		score_third(kit, mail, scores);
	}
	for (i = 0; i < CLASSES; i++)
		printf("%s: %zu, found %zu, kind %zu, reason %zu, status %zu\n", names[i],
		       scores[i].all, scores[i].found, scores[i].kind, scores[i].reason,
		       scores[i].status);
	free(bytes);
	testkit_destroy(kit);
}

static void assert_understood_mostly(const char *path)
{
	struct score scores[CLASSES] = { 0 };

	score_file(path, scores);
	assert_true(is_share(scores[REPORT].found, &scores[REPORT], 99));
	assert_true(is_share(scores[REPORT].status, &scores[REPORT], 97));
	assert_true(is_share(scores[REPORT].kind, &scores[REPORT], 95));
	assert_true(is_share(scores[FORM].found, &scores[FORM], 95));
	assert_true(is_share(scores[FORM].kind, &scores[FORM], 95));
	assert_int_equal(scores[NO_BOUNCE].kind, scores[NO_BOUNCE].all);
}

static void reports_of_other_systems_are_understood_mostly(void **state)
{
	(void)state;
	assert_understood_mostly(TEST_FOLDER "/third_forms.txt");
}

/* As the third, of products of each decade, and words for their refusals that no rule was made for.
 */
static void reports_of_many_products_are_understood_mostly(void **state)
{
	(void)state;
	assert_understood_mostly(TEST_FOLDER "/fourth_forms.txt");
}

static void assert_replies_understood_mostly(const char *path)
{
	struct testkit *kit = started();
	struct score score = { 0 };
	char *bytes, *line, *rest;
	size_t len;

	bytes = mail_bytes(path, &len);
	for (line = strtok_r(bytes, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		if (*line != '#')
			score_reply(kit, line, &score);
	printf("unseen replies: %zu, kind %zu, reason %zu\n", score.all, score.kind, score.reason);
	free(bytes);
	testkit_destroy(kit);
	assert_true(score.kind * 100 >= score.all * 95);
}

static void a_reply_that_no_rule_was_made_for_is_understood_mostly(void **state)
{
	(void)state;
	assert_replies_understood_mostly(TEST_FOLDER "/unseen_replies.txt");
	assert_replies_understood_mostly(TEST_FOLDER "/fourth_replies.txt");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_classified),
		cmocka_unit_test(each_form_of_others_is_understood),
		cmocka_unit_test(each_reply_of_receivers_is_understood),
		cmocka_unit_test(a_form_that_no_rule_was_made_for_is_understood_mostly),
		cmocka_unit_test(a_reply_that_no_rule_was_made_for_is_understood_mostly),
		cmocka_unit_test(reports_of_other_systems_are_understood_mostly),
		cmocka_unit_test(reports_of_many_products_are_understood_mostly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
