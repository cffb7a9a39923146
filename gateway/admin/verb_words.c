/* verb_words.c - what follows a verb: nothing is taken that the verb does not know, and what it
 * knows is what its help says. */
#include "admin/request.h"

#include "conf/option.h"

#include <stdarg.h>

/* --- how it is said --- */

void verb_usage(const struct control_verb *verb, struct buf *usage)
{
	buf_printf(usage, "%s%s%s", verb->name, *verb->arguments ? " " : "", verb->arguments);
	for (const struct verb_word *word = verb->words; word && word->name; word++)
		buf_printf(usage, word->needed ? " %s%s%s" : " [%s%s%s]", word->name,
			   word->value ? " " : "", word->value ? word->value : "");
}

void request_usage(struct request *request, const char *format, ...)
{
	char what[512];
	struct buf usage;
	va_list args;
	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	buf_init(&usage, 0);
	verb_usage(request->verb, &usage);
	request_say(request, EX_USAGE, "%s: %s\n%.*s\n`gatewayctl help %s` tells more",
		    request->verb->name, what, (int)buf_len(&usage),
		    buf_len(&usage) ? buf_ptr(&usage) : "", request->verb->name);
	buf_finish(&usage);
}

/* --- taking them --- */

static const struct verb_word *find(const struct control_verb *verb, const char *name)
{
	for (const struct verb_word *word = verb->words; word && word->name; word++)
		if (strcmp(word->name, name) == 0)
			return word;
	return NULL;
}

static void say_unknown(struct request *request, const char *name)
{
	const char *names[VERB_WORDS];
	size_t count = 0;
	for (const struct verb_word *word = request->verb->words; word && word->name; word++)
		names[count++] = word->name;
	const char *near = option_nearest_word(names, count, name);
	if (near)
		request_usage(request, "there is no word \"%.100s\", did you mean \"%s\"?", name,
			      near);
	else
		request_usage(request, "there is no word \"%.100s\"", name);
}

/* How many words were used; 0: it is wrong, and that was said. */
static size_t take_option(struct request *request, const char *name, const char *value)
{
	const struct verb_word *word = find(request->verb, name);
	if (!word) {
		say_unknown(request, name);
		return 0;
	}
	const char **place = &request->options[word - request->verb->words];
	if (*place || (word->value && !value)) {
		if (*place)
			request_usage(request, "%s is said twice", name);
		else
			request_usage(request, "%s wants %s", name, word->value);
		return 0;
	}
	*place = word->value ? value : name;
	return word->value ? 2 : 1;
}

static bool take_all(struct request *request, size_t at)
{
	while (at < request->count) {
		const char *word = request->words[at],
			   *next = at + 1 < request->count ? request->words[at + 1] : NULL;
		size_t used = 1;
		if (strncmp(word, "--", 2) == 0)
			used = take_option(request, word, next);
		else
			request->names[request->name_count++] = word;
		if (!used)
			return false;
		at += used;
	}
	return true;
}

static const struct verb_word *missing(const struct request *request)
{
	for (const struct verb_word *word = request->verb->words; word && word->name; word++)
		if (word->needed && !request_option(request, word->name))
			return word;
	return NULL;
}

/* An answer ends the request: nothing of it is looked at after one. */
bool verb_words_take(struct request *request, const struct control_verb *verb, size_t used)
{
	request->verb = verb;
	if (!take_all(request, used))
		return false;
	const struct verb_word *lacks = missing(request);
	bool many = request->name_count > verb->most, few = request->name_count < verb->least;
	if (lacks)
		request_usage(request, "%s %s is missing", lacks->name, lacks->value);
	else if (many)
		request_usage(request, "nothing is known of \"%.100s\"",
			      request->names[verb->most]);
	else if (few)
		request_usage(request, "%s is missing", verb->arguments);
	return !lacks && !many && !few;
}

const char *request_option(const struct request *request, const char *name)
{
	const struct verb_word *word = find(request->verb, name);
	return word ? request->options[word - request->verb->words] : NULL;
}
