#include "query.h"

#include <glib.h>
#include <stdlib.h>

#define DAY_MS (24 * 3600 * 1000LL)

/* --- words --- */

static const struct word *word_named(const struct word *known, struct gw_str name)
{
	for (; known->name; known++)
		if (gw_str_eq(name, gw_str(known->name)))
			return known;
	return NULL;
}

/* A word and its value, which may be the next word. */
struct pair {
	struct gw_str name, value;
	bool has_value;
};

static struct pair pair_read(struct gw_list words, size_t *at)
{
	struct gw_str word = words.items[*at];
	bool dashes = word.len > 2 && word.ptr[0] == '-' && word.ptr[1] == '-';
	struct gw_str text = gw_str_from(word, dashes ? 2 : 0);
	size_t len = gw_str_find(text, '=');
	struct pair pair = { gw_str_n(text.ptr, len), gw_str_from(text, len + (len < text.len)),
			     len < text.len };

	++*at;
	if (!pair.has_value && dashes && *at < words.count) {
		pair.value = words.items[*at];
		pair.has_value = true;
	}
	return pair;
}

static bool without_value(struct gw_call *call, struct gw_str name)
{
	gw->problem(call, true, "\"%.*s\" has no value: say %.*s=VALUE", GW_STR_ARGS(name),
		    GW_STR_ARGS(name));
	return false;
}

static bool unknown(struct gw_call *call, struct gw_str name, const struct word *known)
{
	GString *words = g_string_new(NULL);

	for (; known->name; known++)
		g_string_append_printf(words, "%s%s", words->len ? ", " : "", known->name);
	gw->problem(call, true, "\"%.*s\" is no word of this verb%s%s", GW_STR_ARGS(name),
		    words->len ? ", which are: " : "", words->str);
	g_string_free(words, TRUE);
	return false;
}

bool query_words(struct gw_call *call, struct gw_list words, const struct word *known,
		 bool (*other)(struct gw_call *call, void *into, struct gw_str name,
			       struct gw_str value),
		 void *into)
{
	size_t at = 0, next;

	while (at < words.count) {
		struct pair pair;
		const struct word *word;
		bool with_equals = gw_str_find(words.items[at], '=') < words.items[at].len;

		next = at;
		pair = pair_read(words, &next);
		word = word_named(known, pair.name);
		at = next + (pair.has_value && !with_equals && !(word && word->is_flag));
		if (!word && !other)
			return unknown(call, pair.name, known);
		if (!pair.has_value && !(word && word->is_flag))
			return without_value(call, pair.name);
		if (word ? !word->take(call, into, pair.value)
			 : !other(call, into, pair.name, pair.value))
			return false;
	}
	return true;
}

/* --- values --- */

static int64_t unit_of(const char *end)
{
	static const struct {
		const char *name;
		int64_t ms;
	} units[] = { { "s", 1000 },
		      { "m", 60 * 1000 },
		      { "h", 3600 * 1000 },
		      { "d", DAY_MS },
		      { "w", 7 * DAY_MS } };
	size_t i;

	for (i = 0; i < G_N_ELEMENTS(units); i++)
		if (strcmp(end, units[i].name) == 0)
			return units[i].ms;
	return 0;
}

static bool ago(struct gw_call *call, const char *text, int64_t *ms)
{
	char *end;
	long long count = strtoll(text, &end, 10);
	int64_t unit = unit_of(end);

	if (end == text || !unit || count < 0 || count > 100000)
		return false;
	*ms = gw->now(call) - count * unit;
	return true;
}

static bool moment(const char *text, int64_t *ms)
{
	GTimeZone *utc = g_time_zone_new_utc();
	char *whole = strlen(text) == 10 ? g_strconcat(text, "T00:00:00Z", NULL) : g_strdup(text);
	GDateTime *time = g_date_time_new_from_iso8601(whole, utc);

	if (time) {
		*ms = g_date_time_to_unix(time) * 1000 + g_date_time_get_microsecond(time) / 1000;
		g_date_time_unref(time);
	}
	g_free(whole);
	g_time_zone_unref(utc);
	return time != NULL;
}

bool query_time(struct gw_call *call, struct gw_str text, int64_t *ms)
{
	if (gw_str_eq(text, gw_str("today"))) {
		*ms = gw->now(call) / DAY_MS * DAY_MS;
		return true;
	}
	if (!gw_str_has_nul(text) && (ago(call, text.ptr, ms) || moment(text.ptr, ms)))
		return true;
	gw->problem(
		call, true,
		"\"%.*s\" is no time: say 2026-11-23, 2026-11-23T17:40:01Z, today, or 2h for two hours ago",
		GW_STR_ARGS(text));
	return false;
}

bool query_number(struct gw_call *call, struct gw_str text, int64_t least, int64_t most,
		  int64_t *number)
{
	char *end = NULL;

	*number = text.len && g_ascii_isdigit(*text.ptr) ? strtoll(text.ptr, &end, 10) : -1;
	if (end && !*end && end == text.ptr + text.len && *number >= least && *number <= most)
		return true;
	gw->problem(call, true, "\"%.*s\" is no number from %lld to %lld", GW_STR_ARGS(text),
		    (long long)least, (long long)most);
	return false;
}
