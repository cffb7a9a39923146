#include "mark.h"

#define MARK_MOST 200

/* The first character of a text beyond ASCII: its octets, what is no UTF-8 one by one. */
static size_t add_wide(GString *out, const char *at, const char *end)
{
	gunichar c = g_utf8_get_char_validated(at, end - at);

	if (c == (gunichar)-1 || c == (gunichar)-2)
		return 1;
	if (g_unichar_isalnum(c))
		g_string_append_unichar(out, g_unichar_tolower(c));
	return g_utf8_skip[(unsigned char)*at];
}

/* Signs of any script are left out, and what HTML makes of blanks. */
void mark_add(GString *out, struct gw_str text)
{
	const char *at = text.ptr, *end = text.ptr + text.len;

	while (at < end)
		if ((unsigned char)*at >= 128) {
			at += add_wide(out, at, end);
		} else {
			if (g_ascii_isalnum(*at))
				g_string_append_c(out, g_ascii_tolower(*at));
			at++;
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
