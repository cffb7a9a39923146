#include "mark.h"

#define MARK_MOST 200

/* Signs of any script are left out, and what HTML makes of blanks. */
static bool counts(gunichar c)
{
	return g_unichar_isalnum(c);
}

void mark_add(GString *out, struct gw_str text)
{
	const char *at = text.ptr, *end = text.ptr + text.len;

	while (at < end) {
		gunichar c = (unsigned char)*at < 128 ? (gunichar)*at
						      : g_utf8_get_char_validated(at, end - at);

		if (c == (gunichar)-1 || c == (gunichar)-2) {
			at++;
			continue;
		}
		if (c < 128 && counts(c))
			g_string_append_c(out, g_ascii_tolower((char)c));
		else if (c >= 128 && counts(c))
			g_string_append_unichar(out, g_unichar_tolower(c));
		at += c < 128 ? 1 : g_utf8_skip[(unsigned char)*at];
	}
}

void mark_of_lines(GString *out, struct gw_str text)
{
	GString *best = g_string_new(NULL), *line = g_string_new(NULL);

	while (text.len) {
		size_t len = gw_str_find(text, '\n');

		g_string_truncate(line, 0);
		mark_add(line, gw_str_n(text.ptr, len));
		if (line->len > best->len)
			g_string_assign(best, line->str);
		text = gw_str_from(text, len + 1);
	}
	g_string_append_len(out, best->str, (gssize)MIN(best->len, MARK_MOST));
	g_string_free(best, TRUE);
	g_string_free(line, TRUE);
}

bool mark_is_in(const GString *mark, const GString *text)
{
	return mark->len >= MARK_LEAST && memmem(text->str, text->len, mark->str, mark->len);
}
