#include "ctl/again.h"
#include "ctl/clean.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_MOST 8192
#define AFTER_LEAST 100 /* ms: a module that says nothing is not asked without a pause */
#define AFTER_MOST 60000

bool again_wanted(const json_t *answer)
{
	return json_array_size(json_object_get(answer, "again")) > 0;
}

bool again_is_name(const json_t *answer)
{
	static const char *const others[] = { "text", "rows", "data", "prompt", "after" };

	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		if (json_object_get(answer, others[i]))
			return false;
	return again_wanted(answer);
}

/* What was typed and is not asked with yet: several lines may come at once. */
struct typing {
	char octets[LINE_MOST];
	size_t len;
	bool ended;
};

/* Takes the first line that is whole off; at the end of the input, or where a line fills all the
 * room, what there is. */
static bool take_line(struct typing *typing, char line[LINE_MOST])
{
	char *end = memchr(typing->octets, '\n', typing->len);
	bool whole = typing->ended || typing->len == LINE_MOST - 1;
	size_t len = end ? (size_t)(end - typing->octets) : typing->len,
	       taken = end ? len + 1 : len;

	if (!end && (!whole || !len))
		return false;
	memcpy(line, typing->octets, len);
	line[len] = '\0';
	line[strcspn(line, "\r")] = '\0';
	typing->len -= taken;
	memmove(typing->octets, typing->octets + taken, typing->len);
	return true;
}

/* Waits that long at most for more of it. */
static void read_more(struct typing *typing, int ms)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	ssize_t got;

	if (typing->ended) {
		usleep((useconds_t)ms * 1000);
		return;
	}
	if (poll(&input, 1, ms) <= 0)
		return;
	got = read(STDIN_FILENO, typing->octets + typing->len, LINE_MOST - 1 - typing->len);
	if (got > 0)
		typing->len += (size_t)got;
	else if (got == 0 || errno != EINTR)
		typing->ended = true;
}

/* One line, once it is there; false: there is none yet, or never will be. */
static bool typed(char line[LINE_MOST], int ms)
{
	static struct typing typing;
	bool any = take_line(&typing, line);

	if (!any) {
		read_more(&typing, ms);
		any = take_line(&typing, line);
	}
	return any && line[0] != '\0';
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

	after = after < AFTER_LEAST ? AFTER_LEAST : after > AFTER_MOST ? AFTER_MOST : after;
	fflush(stdout);
	if (!prompt) {
		const json_t *files = json_object_get(answer, "files");
		bool more = json_array_size(json_object_get(files, "parts")) > 0;
		usleep(more || again_is_name(answer) ? 0 : (useconds_t)after * 1000);
		return words;
	}
	say_prompt(prompt, json_object_get(answer, "text") != NULL);
	if (typed(line, after))
		json_array_append_new(words, json_string(line));
	return words;
}
