/* presets.h - the networks of well-known services under a name: those that are shipped, and those
 * of the admin's own file, which come first. A line is NAME NETWORK ... # note. */
#ifndef ACCESS_PRESETS_H
#define ACCESS_PRESETS_H

#include <gateway/module.h>

struct preset {
	struct gw_str name, networks, note; /* networks parted by blanks */
	bool shipped;                       /* its line is that of the gateway */
};

struct presets {
	struct gw_str own; /* the admin's file; empty: none */
};

/* start: reads the file, "" for none. -1: it was told what is wrong. */
int presets_read(struct gw_call *call, struct presets *presets, struct gw_str path);

/* The nth name there is; false: there are no more. */
bool presets_nth(const struct presets *presets, size_t nth, struct preset *preset);
bool presets_find(const struct presets *presets, struct gw_str name, struct preset *preset);
/* as it was shipped; false: it was not */
bool presets_shipped(struct gw_str name, struct preset *preset);

/* The next word of a text that it is taken from; false: there is none. */
bool presets_word(struct gw_str *text, struct gw_str *word);

#endif
