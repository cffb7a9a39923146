#include "distinct.h"

#include <glib.h>
#include <stdbool.h>
#include <string.h>

/* What was kept, and where in it words begin, plus one; 0: nowhere. There are more places than
 * there can be words. */
struct known {
	char *out;
	size_t len;
	guint32 *places;
	guint32 mask;
};

/* Of each octet what it is in a word; 0: it is in none. */
static void make_table(unsigned char table[256])
{
	int c;

	for (c = 0; c < 256; c++)
		table[c] = (unsigned char)(c >= 0x80 || g_ascii_isalnum(c) ? g_ascii_tolower(c)
									   : 0);
}

static bool is_at(const struct known *known, guint32 place, const char *word, size_t len)
{
	const char *at = known->out + place - 1;

	return memcmp(at, word, len) == 0 && at[len] == ' ';
}

/* The word stands behind what was kept, and stays there unless it is known. */
static void keep_new(struct known *known, size_t len, guint32 hash)
{
	const char *word = known->out + known->len;
	guint32 slot = (hash ^ hash >> 15) & known->mask;

	while (known->places[slot] && !is_at(known, known->places[slot], word, len))
		slot = (slot + 1) & known->mask;
	if (known->places[slot])
		return;
	known->places[slot] = (guint32)known->len + 1;
	known->len += len;
	known->out[known->len++] = ' ';
}

static void take_words(struct known *known, const unsigned char *text, size_t len)
{
	unsigned char table[256], small;
	size_t at = 0, count;
	guint32 hash;

	make_table(table);
	while (at < len) {
		hash = 2166136261u;
		for (count = 0; at < len && (small = table[text[at]]) != 0; at++) {
			known->out[known->len + count++] = (char)small;
			hash = (hash ^ small) * 16777619u;
		}
		if (count)
			keep_new(known, count, hash);
		else
			at++;
	}
}

char *distinct_words(const char *text, size_t len)
{
	struct known known = { .mask = 63, .out = g_malloc(len + 2) };

	while (known.mask < len / 2 + 1)
		known.mask = known.mask * 2 + 1;
	known.places = g_new0(guint32, (gsize)known.mask + 1);
	take_words(&known, (const unsigned char *)text, len);
	known.out[known.len] = '\0';
	g_free(known.places);
	return known.out;
}
