#include "conf/option_private.h"

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Insertions, deletions, changes and swaps of neighbours that make one word of the other. */
static size_t distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t rows[3][OPTION_KEY_MAX + 1], *before = rows[0], *above = rows[1], *row = rows[2];

	for (size_t j = 0; j <= b_len; j++)
		above[j] = before[j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		size_t *spare = before;
		row[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			bool same = lower(a[i - 1]) == lower(b[j - 1]);
			row[j] = least(above[j - 1] + !same, least(above[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
			    lower(a[i - 2]) == lower(b[j - 1]))
				row[j] = least(row[j], before[j - 2] + 1);
		}
		before = above;
		above = row;
		row = spare;
	}
	return above[b_len];
}

void option_consider(struct option_best *best, const char *word, size_t len)
{
	size_t key_len = strlen(best->key), far;

	if (len >= OPTION_KEY_MAX || key_len >= OPTION_KEY_MAX)
		return;
	far = distance(best->key, key_len, word, len);
	if (far > (key_len + 1) / 3 || (best->found[0] && far >= best->distance))
		return;
	best->distance = far;
	memcpy(best->found, word, len);
	best->found[len] = '\0';
}

const char *option_nearest_word(const char *const *words, size_t count, const char *word)
{
	struct option_best best = { .key = word };
	const char *found = NULL;

	for (size_t i = 0; i < count; i++) {
		size_t before = best.found[0] ? best.distance : SIZE_MAX;
		option_consider(&best, words[i], strlen(words[i]));
		if (best.found[0] && best.distance < before)
			found = words[i];
	}
	return found;
}

void option_unknown(struct problems *problems, const char *file, int line, const char *key,
		    const char *nearest)
{
	if (nearest)
		problem_add(problems, true, file, line, "unknown key \"%s\", did you mean \"%s\"?",
			    key, nearest);
	else
		problem_add(problems, true, file, line, "unknown key \"%s\"", key);
}
