/* suite.h - the open test suite of SPF, in lines: spf-suite/convert.py says how they read. */
#ifndef DOMAINS_TEST_SUITE_H
#define DOMAINS_TEST_SUITE_H

#include "../../common/spf.h"

#include <stdio.h>
#include <stdlib.h>

#define SUITE_RECORDS 1024
#define SUITE_RESULTS 4

struct suite_record {
	struct gw_str name, type, data;
};

struct suite_test {
	struct gw_str name, helo, host, from;
	struct gw_str results[SUITE_RESULTS], explanations[SUITE_RESULTS];
	size_t result_count, explanation_count;
};

/* A group as far as it was read: its zone comes before its tests. */
struct suite {
	char *text, *rest;
	struct gw_str group;
	struct suite_record records[SUITE_RECORDS];
	size_t record_count;
	struct suite_test test;
};

/* The lines of the file, `text` the caller's to free; false: it cannot be read. */
static inline bool suite_open(struct suite *suite, const char *path)
{
	FILE *file = fopen(path, "r");
	size_t room = 1 << 20, size;

	*suite = (struct suite){ .text = malloc(room) };
	suite->rest = suite->text;
	size = file && suite->text ? fread(suite->text, 1, room - 1, file) : 0;
	if (size)
		suite->text[size] = '\0';
	if (file)
		fclose(file);
	return size != 0;
}

/* "\xNN" becomes its octet, where the text stands. */
static inline struct gw_str suite_octets(char *text)
{
	char *out = text, *in = text;
	unsigned octet;

	while (*in) {
		if (in[0] == '\\' && sscanf(in + 1, "x%2x", &octet) == 1) {
			*out++ = (char)octet;
			in += 4;
		} else {
			*out++ = *in++;
		}
	}
	return gw_str_n(text, (size_t)(out - text));
}

static inline void suite_words(struct suite_test *test, char *text)
{
	char *word, *save = NULL;

	for (word = strtok_r(text, " ", &save); word && test->result_count < SUITE_RESULTS;
	     word = strtok_r(NULL, " ", &save))
		test->results[test->result_count++] = gw_str(word);
}

/* One line of a test; false: it is none. */
static inline bool suite_test_line(struct suite_test *test, const char *word, char *data)
{
	if (strcmp(word, "helo") == 0)
		test->helo = suite_octets(data);
	else if (strcmp(word, "host") == 0)
		test->host = suite_octets(data);
	else if (strcmp(word, "from") == 0)
		test->from = suite_octets(data);
	else if (strcmp(word, "expect") == 0)
		suite_words(test, data);
	else if (strcmp(word, "explain") == 0)
		test->explanations[test->explanation_count++] = suite_octets(data);
	else
		return false;
	return true;
}

static inline void suite_record_line(struct suite *suite, const char *word, char *data,
				     struct gw_str *name)
{
	if (strcmp(word, "group") == 0) {
		suite->group = gw_str(data);
		suite->record_count = 0;
	} else if (strcmp(word, "name") == 0) {
		*name = suite_octets(data);
	} else if (word[0] != '#' && word[0] && suite->record_count < SUITE_RECORDS) {
		suite->records[suite->record_count++] = (struct suite_record){ *name, gw_str(word),
									       suite_octets(data) };
	}
}

/* The next test, its group's zone in `records`; false: there are no more. */
static inline bool suite_next(struct suite *suite)
{
	struct gw_str name = gw_str("");
	bool in_test = false;

	suite->test = (struct suite_test){ .from = gw_str(""), .helo = gw_str("") };
	while (*suite->rest) {
		char *line = suite->rest, *end = strchrnul(line, '\n'), *data;
		bool begins = strncmp(line, "test ", 5) == 0;

		if (in_test && (begins || *line == '\n'))
			return true;
		suite->rest = *end ? end + 1 : end;
		*end = '\0';
		data = strchrnul(line, ' ');
		if (*data)
			*data++ = '\0';
		if (begins) {
			suite->test.name = gw_str(data);
			in_test = true;
		} else if (!in_test || !suite_test_line(&suite->test, line, data)) {
			suite_record_line(suite, line, data, &name);
		}
	}
	return in_test;
}

static inline bool suite_has(const struct gw_str *list, size_t count, struct gw_str text)
{
	size_t i;

	for (i = 0; i < count && !gw_str_eq(list[i], text); i++)
		;
	return i < count;
}

/* What SPF came to is what the test wants, else it is printed. "DEFAULT" is what a receiver says
 * where the domain says nothing. */
static inline bool suite_holds(const struct suite *suite, const struct spf *spf)
{
	const struct suite_test *test = &suite->test;
	const char *result = spf_results[spf_result(spf)], *words = spf_explanation(spf);
	bool holds;

	words = words[0] ? words : "DEFAULT";
	holds = suite_has(test->results, test->result_count, gw_str(result)) &&
		(test->explanation_count == 0 ||
		 suite_has(test->explanations, test->explanation_count, gw_str(words)));
	if (!holds)
		printf("%.*s, %.*s: %s (%s; %s)\n", GW_STR_ARGS(suite->group),
		       GW_STR_ARGS(test->name), result, spf_why(spf), words);
	return holds;
}

static inline enum gw_dns_type suite_type(struct gw_str type)
{
	static const struct {
		const char *name;
		enum gw_dns_type type;
	} types[] = { { "A", GW_DNS_A },
		      { "AAAA", GW_DNS_AAAA },
		      { "MX", GW_DNS_MX },
		      { "PTR", GW_DNS_PTR },
		      { "TXT", GW_DNS_TXT } };
	size_t i;

	for (i = 0; i < sizeof types / sizeof *types; i++)
		if (gw_str_eq(type, gw_str(types[i].name)))
			return types[i].type;
	return 0;
}

static inline bool suite_same_name(struct gw_str a, struct gw_str b)
{
	a.len -= a.len && a.ptr[a.len - 1] == '.';
	b.len -= b.len && b.ptr[b.len - 1] == '.';
	return gw_str_ieq(a, b);
}

/* An MX is "PREFERENCE HOST". */
static inline struct gw_str suite_data(const struct suite_record *record)
{
	struct gw_str data = record->data;
	size_t blank = gw_str_find(data, ' ');

	if (suite_type(record->type) == GW_DNS_MX)
		data = blank < data.len ? gw_str_from(data, blank + 1) : gw_str("");
	if (suite_type(record->type) != GW_DNS_TXT)
		data.len -= data.len && data.ptr[data.len - 1] == '.';
	return data;
}

/* What the group's zone answers; `items` has room for all records. Aliases are followed. */
static inline void suite_answer(const struct suite *suite, const struct gw_dns_question *question,
				struct gw_dns_answer *answer, struct gw_str *items, unsigned depth)
{
	bool silent = depth > 8, there = false;
	size_t i, count = 0;

	for (i = 0; i < suite->record_count && !silent; i++) {
		const struct suite_record *record = &suite->records[i];
		struct gw_dns_question next = *question;

		if (!suite_same_name(record->name, question->name))
			continue;
		there = true;
		if (gw_str_eq(record->type, gw_str("CNAME"))) {
			next.name = record->data;
			suite_answer(suite, &next, answer, items, depth + 1);
			return;
		}
		silent = gw_str_eq(record->type, gw_str("TIMEOUT")) ||
			 (suite_type(record->type) == question->type &&
			  gw_str_eq(record->data, gw_str("TIMEOUT")));
		if (suite_type(record->type) == question->type)
			items[count++] = suite_data(record);
	}
	*answer = (struct gw_dns_answer){ .size = sizeof *answer, .ttl = 300, .error = gw_str("") };
	answer->records = (struct gw_list){ items, silent ? 0 : count };
	answer->status = silent  ? GW_DNS_FAILED
			 : count ? GW_DNS_FOUND
			 : there ? GW_DNS_NONE
				 : GW_DNS_NO_NAME;
}

#endif
