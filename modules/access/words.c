#include "words.h"

#include "../common/encoded_words.h"

/* --- what signs look like --- */

/* Appends the character as it is seen; false: it changes how others are seen. */
static bool add_seen(GString *out, gunichar c)
{
	switch (g_unichar_type(c)) {
	case G_UNICODE_CONTROL:
		g_string_append_c(out, ' ');
		return c == '\t';
	case G_UNICODE_FORMAT:
		/* overrides of the direction; the others are invisible */
		return c != 0x202d && c != 0x202e;
	case G_UNICODE_SPACE_SEPARATOR:
		g_string_append_c(out, ' ');
		return true;
	default:
		/* the full stop that IDNA takes for a dot */
		g_string_append_unichar(out, c == 0x3002 ? '.' : c);
		return true;
	}
}

static char *as_seen(const char *text)
{
	char *normal = g_utf8_normalize(text, -1, G_NORMALIZE_NFKC);
	GString *out = g_string_new(NULL);
	const char *at;
	bool good = normal != NULL;

	for (at = normal; good && *at; at = g_utf8_next_char(at))
		good = add_seen(out, g_utf8_get_char(at));
	g_free(normal);
	return g_string_free(out, !good);
}

bool words_decode(char **shown, struct gw_str text)
{
	char *decoded = encoded_words_decode(text);

	*shown = decoded ? as_seen(decoded) : NULL;
	g_free(decoded);
	return *shown != NULL;
}

void words_free(char *shown)
{
	g_free(shown);
}
