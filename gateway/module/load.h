/* load.h - one load of a configuration, and its steps; snapshot_load takes them in order. */
#ifndef MODULE_LOAD_H
#define MODULE_LOAD_H

#include "module/snapshot.h"

struct load {
	const struct load_options *options;
	struct snapshot *snapshot; /* what is being made */
	struct problems *problems;
	struct option_context context;
	size_t apart; /* errors of which start() of modules need not hear: of certificates */
	const struct conf_fragment *gateway; /* load_settings finds it */
};

/* Each adds its errors to load->problems and goes on as far as it makes sense. */
void load_settings(struct load *load);
void load_instances(struct load *load);
void load_relays(struct load *load);

/* A host name, an IPv4 or IPv6 address, or "mx": NULL; else what is wrong, to follow on the text,
 * with what to write. */
const char *relay_host_flaw(struct gw_str host);

/* Part of load_relays. */
void check_relay_bounds(struct load *load);

/* Calls start() of every instance, in order, also after one failed: what else is wrong is to be
 * told too. */
void start_instances(struct load *load);
/* Stops what was started, newest first, and frees what instances own. */
void stop_instances(struct snapshot *snapshot);

/* What tls_context they hold. */
void release_settings(struct snapshot *snapshot);
void release_relays(struct snapshot *snapshot);

/* module_dir/NAME.so, in the arena; ptr NULL: no memory. */
struct gw_str module_path(const struct load *load, const char *name);

/* Every module in module_dir that can be loaded; the others are passed over in silence. The caller
 * frees the array; NULL: none. */
struct module **modules_in(struct load *load, size_t *count);

/* Letters, digits, and what `also` names; not empty. */
bool is_word(struct gw_str text, const char *also);

/* Tells what was told aside, but for what `to` has already (conf.d's reader knows some keys too).
 * Empties `from`. */
void problems_move(struct problems *from, struct problems *to);

/* What is wrong with a module's own table, or NULL. The text is in `why`. */
const char *table_problem(const struct gw_module *table, char *why, size_t size);

#endif
