#include "conf/conf_private.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

struct scan {
	const char *at, *path;
	int line;
	struct conf_source *source;
	struct problems *problems;
};

static void step(struct scan *s)
{
	if (*s->at == '\n')
		s->line++;
	s->at++;
}

static void skip_string(struct scan *s)
{
	for (step(s); *s->at && *s->at != '"'; step(s))
		if (*s->at == '\\' && s->at[1])
			step(s);
	if (*s->at)
		step(s);
}

static void skip_line(struct scan *s)
{
	while (*s->at && *s->at != '\n')
		s->at++;
}

static void skip_comment(struct scan *s)
{
	for (s->at += 2; *s->at && !(s->at[0] == '*' && s->at[1] == '/'); step(s))
		;
	if (*s->at)
		s->at += 2;
}

static void skip_name(struct scan *s)
{
	while (isalnum((unsigned char)*s->at) || *s->at == '_' || *s->at == '-' || *s->at == '*')
		s->at++;
}

static bool is_float(const char *at)
{
	return *at == '.' || *at == 'e' || *at == 'E';
}

static void note_cut(struct scan *s)
{
	struct conf_cut *cut = arena_alloc(s->source->arena, sizeof(*cut));

	if (!cut)
		return;
	*cut = (struct conf_cut){ s->source->cuts, s->path, s->line };
	s->source->cuts = cut;
}

static void take_number(struct scan *s)
{
	const char *start = s->at, *digits = start + (*start == '-' || *start == '+');
	bool hex = digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X'), is_long, too_long;
	long long value;
	char *end;

	errno = 0;
	value = hex ? (long long)strtoull(digits, &end, 16) : strtoll(start, &end, 10);
	is_long = *end == 'L';
	if (!hex && is_float(end)) {
		strtod(start, &end);
		is_long = true;
		errno = 0;
	}
	s->at = end;
	while (isalnum((unsigned char)*s->at))
		s->at++;
	too_long = !is_long && (value > INT32_MAX || value < INT32_MIN);
	if (errno == ERANGE || too_long)
		note_cut(s);
	if (errno == ERANGE)
		problem_add(s->problems, true, s->path, s->line, "%.*s is too large a number",
			    (int)(end - start), start);
	else if (too_long)
		problem_add(
			s->problems, true, s->path, s->line,
			"%.*s is too large for a plain number: write %.*sL, or a text such as \"25M\" or \"4h\"",
			(int)(end - start), start, (int)(end - start), start);
}

static bool at_number(const struct scan *s)
{
	const char *at = s->at;

	return isdigit((unsigned char)*at) ||
	       ((*at == '-' || *at == '+') && isdigit((unsigned char)at[1]));
}

void conf_scan_numbers(struct conf_source *source, const char *text, const char *path,
		       struct problems *problems)
{
	struct scan s = { text, path, 1, source, problems };

	while (*s.at) {
		if (*s.at == '"')
			skip_string(&s);
		else if (*s.at == '#' || (s.at[0] == '/' && s.at[1] == '/'))
			skip_line(&s);
		else if (s.at[0] == '/' && s.at[1] == '*')
			skip_comment(&s);
		else if (isalpha((unsigned char)*s.at) || *s.at == '_' || *s.at == '*')
			skip_name(&s);
		else if (at_number(&s))
			take_number(&s);
		else
			step(&s);
	}
}
