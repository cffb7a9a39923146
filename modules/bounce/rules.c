#include "rules.h"

#include "../common/row_check.h"

#include <ctype.h>
#include <fnmatch.h>
#include <stdio.h>

#include <glib.h>

#define AT(member) offsetof(struct rule, member)
const struct gw_option rule_options[] = {
	{ .key = "reason",
	  .type = GW_OPTION_WORD,
	  .offset = AT(reason),
	  .flags = GW_OPTION_REQUIRED,
	  .words = REASONS,
	  .help = "What it means; its kind follows of that." },
	{ .key = "codes",
	  .type = GW_OPTION_LIST,
	  .offset = AT(codes),
	  .help = "Reply codes: \"550\", \"4??\", \"none\" (there is no code); an empty list: any, or none." },
	{ .key = "status",
	  .type = GW_OPTION_LIST,
	  .offset = AT(status),
	  .help = "Enhanced codes: \"5.7.1\", \"?.2.2\", \"5.7.70?\", \"none\"; an empty list: any, or none." },
	{ .key = "words",
	  .type = GW_OPTION_LIST,
	  .offset = AT(words),
	  .help = "One of these is in the text, in capitals or not, and not in what the mail itself put there; none: any text." },
	GW_OPTIONS_END
};
#undef AT

/* --- codes, where words said nothing --- */

struct code_row {
	const char *pattern;
	enum reason reason;
};

/* The first that fits; RFC 3463, and what Google and Microsoft made of its room. */
static const struct code_row statuses[] = {
	{ "2.*", REASON_DELIVERED },
	{ "?.1.1", REASON_NO_SUCH_USER },
	{ "5.1.0", REASON_NO_SUCH_USER },
	{ "?.1.2", REASON_NO_SUCH_DOMAIN },
	{ "?.1.3", REASON_BAD_ADDRESS },
	{ "?.1.4", REASON_BAD_ADDRESS },
	{ "?.1.6", REASON_MOVED },
	{ "?.1.[78]", REASON_POLICY },
	{ "?.1.10", REASON_NO_SUCH_DOMAIN },
	{ "?.2.1", REASON_INACTIVE },
	{ "?.2.2", REASON_MAILBOX_FULL },
	{ "?.2.3", REASON_TOO_LARGE },
	{ "?.3.4", REASON_TOO_LARGE },
	{ "?.3.*", REASON_SYSTEM },
	{ "?.4.3", REASON_DNS },
	{ "4.4.4", REASON_DNS },
	{ "5.4.4", REASON_NO_SUCH_DOMAIN },
	{ "5.4.1", REASON_RELAY_DENIED },
	{ "?.4.7", REASON_EXPIRED },
	{ "5.4.31[0-2]", REASON_NO_SUCH_DOMAIN },
	{ "?.4.*", REASON_NETWORK },
	{ "?.5.3", REASON_TOO_MANY_RCPT },
	{ "?.5.*", REASON_PROTOCOL },
	{ "?.6.*", REASON_CONTENT },
	{ "?.7.1[01]", REASON_TLS },
	{ "?.7.29", REASON_TLS },
	{ "?.7.13", REASON_INACTIVE },
	{ "?.7.1[78]", REASON_MOVED },
	{ "?.7.2[0-7]", REASON_AUTH_POLICY },
	{ "4.7.28", REASON_RATE },
	{ "4.7.0", REASON_RATE },
	{ "5.7.28", REASON_SPAM },
	{ "?.7.3[0-2]", REASON_AUTH_POLICY },
	{ "?.7.40", REASON_AUTH_POLICY },
	{ "5.7.509", REASON_AUTH_POLICY },
	{ "5.7.515", REASON_AUTH_POLICY },
	{ "5.7.51[13]", REASON_REPUTATION },
	{ "?.7.6[0-9][0-9]", REASON_REPUTATION },
	{ "?.7.7[0-9][0-9]", REASON_REPUTATION },
	{ "?.7.*", REASON_POLICY },
};

static const struct code_row codes[] = {
	{ "421", REASON_SYSTEM },      { "43?", REASON_SYSTEM },
	{ "45[01]", REASON_SYSTEM },   { "452", REASON_MAILBOX_FULL },
	{ "50?", REASON_PROTOCOL },    { "53?", REASON_POLICY },
	{ "551", REASON_MOVED },       { "552", REASON_MAILBOX_FULL },
	{ "553", REASON_BAD_ADDRESS }, { "556", REASON_NO_SUCH_DOMAIN },
	{ "4??", REASON_SYSTEM },
};

static bool find_code(const struct code_row *rows, size_t count, const char *value,
		      struct verdict *verdict, const char *what)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (fnmatch(rows[i].pattern, value, 0) != 0)
			continue;
		verdict->reason = rows[i].reason;
		snprintf(verdict->rule, RULE_SIZE, "%s:%s", what, value);
		return true;
	}
	return false;
}

/* --- rows of the fragment --- */

static bool fits_pattern(struct gw_list patterns, const char *value)
{
	size_t i;

	for (i = 0; i < patterns.count; i++)
		if (fnmatch(patterns.items[i].ptr, value, 0) == 0)
			return true;
	return patterns.count == 0;
}

/* Which two octets stand side by side in a text, in small letters: most words have two that do not,
 * and are not looked for. Several share a bit. */
#define PAIRS 8192
struct pairs {
	uint64_t bits[PAIRS / 64];
};

static unsigned pair_of(char first, char second)
{
	return ((unsigned)g_ascii_tolower(first) * 67 + (unsigned)g_ascii_tolower(second)) % PAIRS;
}

static void pairs_init(struct pairs *pairs, struct gw_str text)
{
	unsigned pair;
	size_t i;

	memset(pairs, 0, sizeof *pairs);
	for (i = 1; i < text.len; i++) {
		pair = pair_of(text.ptr[i - 1], text.ptr[i]);
		pairs->bits[pair / 64] |= UINT64_C(1) << pair % 64;
	}
}

static bool pairs_may_have(const struct pairs *pairs, struct gw_str word)
{
	unsigned pair;
	size_t i;

	for (i = 1; i < word.len; i++) {
		pair = pair_of(word.ptr[i - 1], word.ptr[i]);
		if (!(pairs->bits[pair / 64] >> pair % 64 & 1))
			return false;
	}
	return true;
}

/* All that the rows are held against. */
struct held {
	const struct reply *reply;
	struct pairs pairs;
	char code[12];
};

static const char *first_word(struct gw_list words, const struct held *held)
{
	size_t i;

	for (i = 0; i < words.count; i++)
		if (pairs_may_have(&held->pairs, words.items[i]) &&
		    words_has(held->reply->text, words.items[i].ptr))
			return words.items[i].ptr;
	return NULL;
}

static bool fits(const struct rule *rule, const struct held *held, struct verdict *verdict,
		 size_t nth)
{
	const struct reply *reply = held->reply;
	const char *word = NULL, *status = *reply->status ? reply->status : "none";

	if (!fits_pattern(rule->codes, held->code) || !fits_pattern(rule->status, status) ||
	    (rule->words.count && !(word = first_word(rule->words, held))))
		return false;
	verdict->reason = (enum reason)rule->reason;
	verdict->by_words = word != NULL;
	if (word)
		snprintf(verdict->rule, RULE_SIZE, "text:%s", word);
	else
		snprintf(verdict->rule, RULE_SIZE, "rules[%zu]", nth);
	return true;
}

struct verdict rules_judge(const struct gw_groups *rules, const struct reply *reply)
{
	struct verdict verdict = { .rule = "none" };
	const struct rule *rule = rules->items;
	struct held held = { .reply = reply, .code = "none" };
	size_t i;

	pairs_init(&held.pairs, reply->text);
	if (reply->code)
		snprintf(held.code, sizeof held.code, "%d", reply->code);
	for (i = 0; i < rules->count; i++)
		if (fits(rule + i, &held, &verdict, i))
			return verdict;
	if (!find_code(statuses, sizeof statuses / sizeof *statuses, reply->status, &verdict,
		       "status"))
		find_code(codes, sizeof codes / sizeof *codes, held.code, &verdict, "code");
	return verdict;
}

/* --- checks --- */

static bool is_made_of(struct gw_str text, const char *characters)
{
	return text.len != 0 && !gw_str_has_nul(text) && strspn(text.ptr, characters) == text.len;
}

static bool is_none(struct gw_str text)
{
	return gw_str_eq(text, gw_str("none"));
}

static bool is_code(struct gw_str text)
{
	return is_none(text) ||
	       (is_made_of(text, "0123456789*?") &&
		(text.len == 3 || (text.len < 3 && text.ptr[text.len - 1] == '*')));
}

static bool is_status(struct gw_str text)
{
	return is_none(text) || (is_made_of(text, "0123456789.*?[]-") &&
				 strchr("245?", text.ptr[0]) && gw_str_find(text, '.') != text.len);
}

static bool is_word(struct gw_str text)
{
	return text.len != 0 && !gw_str_has_nul(text);
}

static bool check_rule(struct gw_call *call, size_t nth, const struct rule *rule)
{
	char place[48];

	if (rule->codes.count || rule->status.count || rule->words.count)
		return true;
	snprintf(place, sizeof place, "rules[%zu].reason", nth);
	gw->problem_at(
		call, NULL, place, true,
		"a row without codes, status and words fits everything: give it one of them");
	return false;
}

bool rules_check(struct gw_call *call, const struct gw_groups *rules)
{
	const struct rule *rule = rules->items;
	bool good = true;
	size_t i;

	for (i = 0; i < rules->count; i++, rule++) {
		good &= row_check_list(call, "rules", i, "codes", rule->codes, is_code,
				       "reply code and no pattern of one, as \"550\" or \"4??\"");
		good &= row_check_list(
			call, "rules", i, "status", rule->status, is_status,
			"enhanced code and no pattern of one, as \"5.7.1\" or \"?.2.2\"");
		good &= row_check_list(call, "rules", i, "words", rule->words, is_word, "word");
		good &= check_rule(call, i, rule);
	}
	return good;
}
