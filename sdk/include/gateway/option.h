/* gateway/option.h - a module's configuration as a table of options.
 *
 * The host parses a fragment through the table into the module's own struct, before any code of the
 * module runs. Unknown keys, wrong types and values out of range are reported with file and line by
 * the host; `gatewayctl options NAME` and the module's README are printed from the same rows. */
#ifndef GATEWAY_OPTION_H
#define GATEWAY_OPTION_H

#include <gateway/str.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The type says what may stand in the file and which member receives it. */
enum gw_option_type {
	GW_OPTION_END = 0,
	GW_OPTION_STRING, /* "text"                    -> struct gw_str */
	/* "file", relative to the configuration folder's parent -> struct gw_str, absolute;
	   "STATE/..." is below the state folder */
	GW_OPTION_PATH,
	GW_OPTION_INT,      /* 42                        -> int64_t, within min..max */
	GW_OPTION_BOOL,     /* true                      -> bool */
	GW_OPTION_SIZE,     /* "25M" (K, M, G: powers of 1024) or 42     -> int64_t, bytes */
	GW_OPTION_DURATION, /* "90s" "5m" "4h" "2d" "250ms"; a bare number is seconds -> int64_t,
			       milliseconds */
	GW_OPTION_WORD,     /* one of `words`            -> int64_t, its index in `words` */
	GW_OPTION_LIST,     /* ["a", "b"] or "a"         -> struct gw_list */
	/* "file:/path" (first line), "credential:NAME" (of systemd), "env:NAME", "exec:/program
	   arg", or the text itself -> struct gw_str; never printed by anybody */
	GW_OPTION_SECRET,
	/* ( { ... }, { ... } )      -> struct gw_groups, each parsed through `group` */
	GW_OPTION_GROUPS,
};

enum gw_option_flag {
	GW_OPTION_REQUIRED = 1, /* an error where it is missing; `fallback` is not used */
	/* in relay_options: a relay with this key needs no `host` (this module delivers) */
	GW_OPTION_NEXT_HOP = 2,
	/* of the gateway's own: a change waits for the next start. Options of modules are taken by
	   a reload */
	GW_OPTION_RESTART = 4,
};

/* What GW_OPTION_GROUPS gives: `count` structs of the row's group_size, one after another. */
struct gw_groups {
	const void *items;
	size_t count;
};

struct gw_option {
	/* a dot stands for a group: "auth.user" is auth: { user = ...; } */
	const char *key;
	enum gw_option_type type;
	size_t offset; /* of the member that receives the value */
	/* the default, written as in the file, without quotes; for a list, words separated by
	 * blanks; NULL: zero, empty, false */
	const char *fallback;
	const char *help; /* one sentence, for people */
	uint32_t flags;   /* enum gw_option_flag */
	/* INT, SIZE, DURATION (ms): the range; both 0: none but that it is not negative */
	int64_t min, max;
	/* WORD: "none|starttls|implicit". INT: a word that may stand for -1: "unlimited" */
	const char *words;
	const struct gw_option *group; /* GROUPS: the rows of one group */
	size_t group_size;             /* GROUPS: the size of the struct one group is parsed into */
};

/* A table ends with this row. */
#define GW_OPTIONS_END                                                                             \
	{                                                                                          \
		NULL, GW_OPTION_END, 0, NULL, NULL, 0, 0, 0, NULL, NULL, 0                         \
	}

#ifdef __cplusplus
}

/* A row for C++, which has no designated initialisers before C++20: what is not named is empty.
 *
 *     static const struct gw_option options[] = {
 *         gw_option_row("domains", GW_OPTION_LIST, offsetof(config, domains), "Recipients here are
 * welcome.", GW_OPTION_REQUIRED), GW_OPTIONS_END };
 *
 * Members that it does not take (min, max, words, group) are set on what it returns. */
inline gw_option gw_option_row(const char *key, gw_option_type type, size_t offset,
			       const char *help, uint32_t flags = 0, const char *fallback = nullptr)
{
	gw_option row = GW_OPTIONS_END;
	row.key = key;
	row.type = type;
	row.offset = offset;
	row.help = help;
	row.flags = flags;
	row.fallback = fallback;
	return row;
}
#endif
#endif
