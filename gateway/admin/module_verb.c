#include "admin/module_verb.h"

static size_t count_words(struct gw_str words)
{
	size_t count = 0;
	for (size_t i = 0; i < words.len; i++)
		count += words.ptr[i] != ' ' && (i == 0 || words.ptr[i - 1] == ' ');
	return count;
}

/* One of its own words, where "ID" and "by=FIELD" are for what is said. */
static bool is_small(struct gw_str word)
{
	return word.len && word.ptr[0] >= 'a' && word.ptr[0] <= 'z' &&
	       gw_str_find(word, '=') == word.len;
}

static void split_words(struct module_verb *verb)
{
	struct gw_str rest = verb->words;
	size_t len = 0;
	verb->small = 0;
	while (is_small(gw_str_n(rest.ptr, gw_str_find(rest, ' ')))) {
		struct gw_str word = gw_str_cut(&rest, ' ');
		len = (size_t)(word.ptr - verb->words.ptr) + word.len;
		verb->small++;
	}
	verb->name = gw_str_n(verb->words.ptr, len);
	verb->arguments = rest;
}

bool module_verb_is_own(const struct module_verb *verb)
{
	return verb->small > 1;
}

bool module_verb_next(const char **lines, struct module_verb *verb)
{
	const char *line = *lines;
	if (!line || !*line)
		return false;
	verb->changes = *line == '!';
	line += verb->changes;
	size_t len = strcspn(line, "\n"), words = strcspn(line, "\t\n");
	verb->words = gw_str_n(line, words);
	verb->help = words < len ? gw_str_n(line + words + 1, len - words - 1) : gw_str("");
	verb->count = count_words(verb->words);
	split_words(verb);
	*lines = line + len + (line[len] != '\0');
	return true;
}

/* All of its small words were said. */
static bool is_said(const struct module_verb *verb, const char *const *words, size_t count)
{
	struct gw_str rest = verb->name;
	for (size_t nth = 0; nth < verb->small; nth++)
		if (nth >= count || !gw_str_eq(gw_str_cut(&rest, ' '), gw_str(words[nth])))
			return false;
	return true;
}

bool module_verb_find(const char *lines, const char *const *words, size_t count,
		      struct module_verb *found)
{
	struct module_verb verb;
	bool any = false;
	while (module_verb_next(&lines, &verb)) {
		if (!is_said(&verb, words, count) || (any && verb.small <= found->small))
			continue;
		any = true;
		*found = verb;
	}
	return any;
}
