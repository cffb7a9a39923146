#include "text.h"

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/* Only the last star is ever tried again: what an earlier one took stays right, so the work is
 * bounded by pattern times text. */
bool text_matches(struct gw_str pattern, struct gw_str text)
{
	size_t p = 0, t = 0, star = SIZE_MAX, from = 0;

	while (t < text.len) {
		if (p < pattern.len && pattern.ptr[p] == '*') {
			star = p++;
			from = t;
		} else if (p < pattern.len &&
			   (pattern.ptr[p] == '?' || lower(pattern.ptr[p]) == lower(text.ptr[t]))) {
			p++;
			t++;
		} else if (star != SIZE_MAX) {
			p = star + 1;
			t = ++from;
		} else {
			return false;
		}
	}
	while (p < pattern.len && pattern.ptr[p] == '*')
		p++;
	return p == pattern.len;
}

bool text_matches_any(struct gw_list patterns, struct gw_str text)
{
	size_t i;

	for (i = 0; i < patterns.count; i++)
		if (text_matches(patterns.items[i], text))
			return true;
	return false;
}

/* Behind the quoted string or comment that begins here; `at` where none does. */
static size_t aside_end(struct gw_str value, size_t at)
{
	char open = value.ptr[at];
	size_t depth = 0;

	if (open != '"' && open != '(')
		return at;
	for (; at < value.len; at++) {
		if (value.ptr[at] == '\\')
			at++;
		else if (open == '(' && value.ptr[at] == '(')
			depth++;
		else if (open == '(' && value.ptr[at] == ')' && --depth == 0)
			return at + 1;
		else if (open == '"' && value.ptr[at] == '"' && depth++ == 1)
			return at + 1;
	}
	return value.len;
}

static struct gw_str up_to(struct gw_str text, char end)
{
	return gw_str_n(text.ptr, gw_str_find(text, end));
}

static bool ends_word(char c)
{
	return gw_is_space(c) || c == '(' || c == ',' || c == ';' || c == ':';
}

struct gw_str text_address(struct gw_str value)
{
	size_t at = 0, next, word = 0;
	struct gw_str bare = { "", 0 };

	while (at < value.len) {
		next = aside_end(value, at);
		if (next == at && value.ptr[at] == '<')
			return gw_str_trim(up_to(gw_str_from(value, at + 1), '>'));
		if (next == at && value.ptr[at] == '@' && bare.len == 0) {
			for (next = at; next < value.len && !ends_word(value.ptr[next]); next++)
				;
			bare = gw_str_n(value.ptr + word, next - word);
			at = next;
			continue;
		}
		next += next == at;
		if (ends_word(value.ptr[at]))
			word = next;
		at = next;
	}
	return bare;
}
