#include "ctl/again.h"
#include "ctl/clean.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_MOST 8192

bool again_wanted(const json_t *answer)
{
	return json_array_size(json_object_get(answer, "again")) > 0;
}

/* One line, once it is there; false: there is none yet, or never will be. */
static bool typed(char line[LINE_MOST], int ms)
{
	static bool ended;
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };

	line[0] = '\0';
	if (ended || poll(&input, 1, ms) <= 0) {
		if (ended)
			usleep((useconds_t)ms * 1000);
		return false;
	}
	ended = !fgets(line, LINE_MOST, stdin);
	line[strcspn(line, "\r\n")] = '\0';
	return line[0] != '\0';
}

/* Said once, not with each look for an answer. */
static void say_prompt(const char *prompt, bool anew)
{
	static bool said;

	if ((said && !anew) || !isatty(STDIN_FILENO))
		return;
	said = true;
	char *words = strdup(prompt);
	if (!words)
		return;
	clean(words);
	fputs(words, stderr);
	free(words);
}

json_t *again_words(const json_t *answer)
{
	const char *prompt = json_string_value(json_object_get(answer, "prompt"));
	int after = (int)json_integer_value(json_object_get(answer, "after"));
	json_t *words = json_deep_copy(json_object_get(answer, "again"));
	char line[LINE_MOST];

	after = after < 0 ? 0 : after > 60000 ? 60000 : after;
	fflush(stdout);
	if (!prompt) {
		usleep((useconds_t)after * 1000);
		return words;
	}
	say_prompt(prompt, json_object_get(answer, "text") != NULL);
	if (typed(line, after))
		json_array_append_new(words, json_string(line));
	return words;
}
