#include "shifted.h"

#define ESCAPE '\x1b'

enum set { SET_ASCII, SET_KANA, SET_KANJI, SET_RARE, SET_OTHER };

bool shifted_is(const char *charset)
{
	return strcasestr(charset, "2022") && strcasestr(charset, "jp");
}

/* Octets of one set, behind the escape that says which. */
struct run {
	enum set set;
	struct gw_str escape, octets;
};

/* What says nothing of the octets that follow leaves the set as it is. */
static enum set set_of(struct gw_str escape, enum set before)
{
	static const struct {
		const char *octets;
		enum set set;
	} sets[] = { { "(B", SET_ASCII }, { "(J", SET_ASCII }, { "(I", SET_KANA },
		     { "$@", SET_KANJI }, { "$B", SET_KANJI }, { "$(B", SET_KANJI },
		     { "$(D", SET_RARE } };
	struct gw_str octets = gw_str_from(escape, 1);
	size_t i;

	for (i = 0; i < G_N_ELEMENTS(sets); i++)
		if (gw_str_eq(octets, gw_str(sets[i].octets)))
			return sets[i].set;
	return octets.len && (*octets.ptr == '$' || *octets.ptr == '(') ? SET_OTHER : before;
}

/* ISO 2022: octets of 0x20 to 0x2f, and one that ends it. */
static size_t escape_size(struct gw_str text)
{
	size_t len = 1;

	if (!text.len || *text.ptr != ESCAPE)
		return 0;
	while (len < text.len && text.ptr[len] >= ' ' && text.ptr[len] <= '/')
		len++;
	return len < text.len && text.ptr[len] > '/' ? len + 1 : len;
}

/* Goes on behind the run; at first it is zeroed. False: that was the last. */
static bool next_run(struct gw_str *rest, struct run *run)
{
	size_t len = escape_size(*rest);

	if (!rest->len)
		return false;
	run->escape = gw_str_n(rest->ptr, len);
	run->set = len ? set_of(run->escape, run->set) : run->set;
	*rest = gw_str_from(*rest, len);
	run->octets = gw_str_n(rest->ptr, gw_str_find(*rest, ESCAPE));
	*rest = gw_str_from(*rest, run->octets.len);
	return true;
}

GString *shifted_mask(struct gw_str text, bool *open)
{
	struct run run = { 0 };
	GString *out;
	size_t i;

	*open = false;
	if (gw_str_find(text, ESCAPE) == text.len)
		return NULL;
	out = g_string_sized_new(text.len + 1);
	while (next_run(&text, &run)) {
		g_string_append_len(out, run.escape.ptr, (gssize)run.escape.len);
		for (i = 0; i < run.octets.len; i++)
			g_string_append_c(out, run.set == SET_ASCII || run.octets.ptr[i] <= ' '
						       ? run.octets.ptr[i]
						       : 'x');
	}
	*open = run.set != SET_ASCII;
	return out;
}

static void add_euc(GString *out, const struct run *run)
{
	static const struct {
		size_t width;
		char before;
	} forms[] = {
		[SET_KANA] = { 1, '\x8e' }, [SET_KANJI] = { 2, 0 }, [SET_RARE] = { 2, '\x8f' }
	};
	size_t i, column = 0;

	for (i = 0; i < run->octets.len; i++) {
		char c = run->octets.ptr[i];

		if (run->set == SET_ASCII || c <= ' ') {
			g_string_append_c(out, c);
			continue;
		}
		if (forms[run->set].before && column++ % forms[run->set].width == 0)
			g_string_append_c(out, forms[run->set].before);
		g_string_append_c(out, (char)(c | '\x80'));
	}
}

GString *shifted_to_euc(struct gw_str text)
{
	GString *out = g_string_sized_new(text.len + 1);
	struct run run = { 0 };

	while (next_run(&text, &run)) {
		if (run.set == SET_OTHER) {
			g_string_free(out, TRUE);
			return NULL;
		}
		add_euc(out, &run);
	}
	return out;
}
