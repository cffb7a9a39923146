/* fragment.h - gives a kit the rules as they are shipped, so that the tests are about those. */
#ifndef BOUNCE_TESTS_FRAGMENT_H
#define BOUNCE_TESTS_FRAGMENT_H

#include <gateway/testkit.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

static inline char *fragment_file(const char *name, size_t *len)
{
	char *text = calloc(1, 1 << 20);
	FILE *file = fopen(name, "r");

	if (!file || !text)
		abort();
	*len = fread(text, 1, (1 << 20) - 1, file);
	fclose(file);
	return text;
}

/* Comments and line ends become blanks. */
static inline void fragment_strip(char *text)
{
	bool quoted = false, comment = false;

	for (; *text; text++) {
		quoted ^= !comment && *text == '"';
		comment = (comment && *text != '\n') || (!quoted && *text == '#');
		if (comment || *text == '\n')
			*text = ' ';
	}
}

/* `["a b", "c"]` becomes `"a b" "c"`, and `"a"` becomes `a`: as testkit_option() wants it. */
static inline void fragment_value(char *value)
{
	bool list = *value == '[', quoted = false;
	char *to = value;

	for (; *value; value++) {
		quoted ^= *value == '"';
		if (list ? quoted || !strchr("[],", *value) : *value != '"')
			*to++ = *value;
	}
	*to = '\0';
}

static inline void fragment_row(struct testkit *kit, size_t nth, char *row)
{
	char key[64], *word, *end;

	while ((word = strsep(&row, "=")) && row) {
		while (isspace((unsigned char)*word))
			word++;
		word[strcspn(word, " ")] = '\0';
		snprintf(key, sizeof key, "rules[%zu].%s", nth, word);
		row += strspn(row, " ");
		for (end = row; *end != ';'; end++)
			if (*end == '"')
				end = strchr(end + 1, '"');
		*end = '\0';
		fragment_value(row);
		testkit_option(kit, key, row);
		row = end + 1;
	}
}

/* The number of rows. */
static inline size_t fragment_rules(struct testkit *kit)
{
	size_t len, count = 0;
	char *text = fragment_file(TEST_FOLDER "/../../../conf.d/75-bounce.conf", &len), *at, *end;

	fragment_strip(text);
	for (at = strchr(strstr(text, "rules"), '('); (at = strchr(at, '{')) != NULL;
	     at = end + 1) {
		end = strchr(at, '}');
		*end = '\0';
		fragment_row(kit, count++, at + 1);
	}
	free(text);
	return count;
}

/* What `gatewayctl bounce classify < bytes` answers. */
static inline const char *fragment_classify(struct testkit *kit, const char *bytes, size_t len)
{
	struct gw_str word = GW_STR("classify");
	struct gw_command command = { .size = sizeof command,
				      .words = { &word, 1 },
				      .input = { bytes, len } };

	testkit_forget(kit);
	testkit_run_control_command(kit, &command);
	return testkit_line(kit, TESTKIT_REPLY, 0);
}

#endif
