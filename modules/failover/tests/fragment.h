/* fragment.h - gives a kit the table of replies as it is shipped, so that the tests are about that
 * one. */
#ifndef FAILOVER_TESTS_FRAGMENT_H
#define FAILOVER_TESTS_FRAGMENT_H

#include <gateway/testkit.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

static inline char *fragment_read(void)
{
	char *text = calloc(1, 65536);
	FILE *file;

	file = fopen(TEST_FOLDER "/../../../conf.d/65-failover.conf", "r");
	if (!file || !text || fread(text, 1, 65535, file) == 0)
		abort();
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
		snprintf(key, sizeof key, "replies[%zu].%s", nth, word);
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
static inline size_t fragment_replies(struct testkit *kit)
{
	char *text = fragment_read(), *at = text, *end;
	size_t count = 0;

	fragment_strip(text);
	for (at = strchr(strstr(text, "replies"), '('); (at = strchr(at, '{')) != NULL;
	     at = end + 1) {
		end = strchr(at, '}');
		*end = '\0';
		fragment_row(kit, count++, at + 1);
	}
	free(text);
	return count;
}

#endif
