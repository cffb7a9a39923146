#include "ctl/request.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX (48 * 1024) /* the gateway wants short questions: a header is what it looks at */

/* The text of a file, what JSON cannot carry replaced; "-" is the input. */
static json_t *file_text(const char *name)
{
	char text[FILE_MAX];
	FILE *file = strcmp(name, "-") == 0 ? stdin : fopen(name, "r");
	if (!file) {
		fprintf(stderr, "gatewayctl: %s: %s\n", name, strerror(errno));
		return NULL;
	}
	size_t len = fread(text, 1, sizeof(text), file);
	if (file != stdin)
		fclose(file);
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] > 0x7e || !text[i])
			text[i] = '?';
	return json_stringn(text, len);
}

/* What is no UTF-8 cannot be sent, and no word of the gateway's has such octets. */
static json_t *clean_word(char *word)
{
	json_t *json = json_string(word);
	if (json)
		return json;
	for (char *at = word; *at; at++)
		*at = (unsigned char)*at > 0x7e ? '?' : *at;
	return json_string(word);
}

/* What follows --eml is a file here, not where the gateway runs. */
static json_t *word_of(char **words, size_t nth)
{
	bool file = nth > 0 && strcmp(words[nth - 1], "--eml") == 0;
	return file ? file_text(words[nth]) : clean_word(words[nth]);
}

bool has_person(void)
{
	return isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

json_t *request_make(char **words)
{
	json_t *list = json_array();
	for (size_t i = 0; words[i]; i++)
		if (json_array_append_new(list, word_of(words, i)) != 0) {
			json_decref(list);
			return NULL;
		}
	return json_pack("{s:o, s:b}", "words", list, "ask", (int)has_person());
}
