/* snapshot.h - one configuration, whole: settings, instances in chain order, relays, certificates.
 *
 * A snapshot is made in the main thread, checked completely, then swapped in; what runs keeps the
 * one it began with and lets go of it at its end. Instances are started by snapshot_load and
 * stopped when the last holder lets go (in the main thread). */
#ifndef MODULE_SNAPSHOT_H
#define MODULE_SNAPSHOT_H

#include "base/arena.h"
#include "base/map.h"
#include "loop/worker.h"
#include "module/code.h"
#include "module/settings.h"

#include <gateway/module.h>

#include <stdatomic.h>

enum gw_hook {
#define GW_DECIDES(name, ...) GW_HOOK_##name,
#define GW_OBSERVES(name, ...) GW_HOOK_##name,
#include <gateway/hooks.def>
	GW_HOOKS
};

#define VERDICT_BIT(verdict) (1u << (verdict))
enum hook_kind { HOOK_DECIDES, HOOK_OBSERVES };
enum hook_mode { HOOK_ALL, HOOK_CLAIM, HOOK_VOTE };

/* A row of <gateway/hooks.def>. */
struct hook_row {
	const char *name;
	enum hook_kind kind;
	enum hook_mode mode;
	unsigned verdicts;      /* bits of those it knows; none of an observer */
	enum gw_verdict broken; /* what FAILED becomes */
	const char *asked, *otherwise, *breaks;
	size_t offset; /* of the function in struct gw_module */
};
extern const struct hook_row hook_table[GW_HOOKS];

/* What the instance's on_error says. */
enum on_error {
	ON_ERROR_DEFAULT,
	ON_ERROR_CONTINUE,
	ON_ERROR_TEMPFAIL,
	ON_ERROR_WAIT,
	ON_ERROR_HOLD,
	ON_ERROR_REJECT
};

/* What an instance of which the process died too often does instead: its hooks answer as broken, or
 * it is as if it were not there. */
enum on_crash { ON_CRASH_BROKEN, ON_CRASH_OFF };

/* What status tells about an instance; kept by its name, so that a reload does not begin again. */
struct instance_counters {
	struct instance_counters *next;
	char *name;
	struct {
		_Atomic uint64_t calls, failures, microseconds;
	} hooks[GW_HOOKS];
};

/* A loaded .so; resident for the life of the process, shared by snapshots. */
struct module {
	struct module *next;
	char *path;
	struct code_stamp stamp;
	struct gw_module table; /* copied min(size) into zeroes */
	char *name, *version;
};

struct instance {
	struct module *module;
	struct snapshot *snapshot;
	const struct conf_fragment *fragment;
	const char *name; /* the fragment's: "80-dkim" */
	void *conf;
	void *data; /* instance_data_set() */
	enum on_error on_error;
	enum on_crash on_crash;
	bool broken;          /* no code of it runs: load_options.broken names it */
	uint32_t deadline_ms; /* of holds that name none; default 30 s */
	size_t session_offset, message_offset, delivery_offset;
	size_t relay_slot; /* in gw_relay.conf */
	/* of start() and stop(): lives as long as the instance, so that a module's own threads may
	 * log and count with it */
	struct gw_call *call;
	bool started;
	struct instance_counters *counters;
};

struct snapshot {
	_Atomic unsigned refs;
	unsigned generation;
	struct arena arena;
	struct conf *conf;
	struct settings settings;
	struct instance *instances;
	size_t instance_count;
	struct instance **chains[GW_HOOKS]; /* those that have the hook, in order */
	size_t chain_length[GW_HOOKS];
	struct gw_relay *relays;
	size_t relay_count;
	struct str_map relay_map;
	struct secret_file *secret_files; /* that options came from */
	struct provider *providers;
	size_t provider_count;
	size_t session_bytes, message_bytes, delivery_bytes; /* sums of private bytes */
	const struct gw_services *services;
	/* told on the thread that let go last: posts to main, which calls snapshot_destroy. NULL:
	 * destroyed at once */
	void (*unused)(struct snapshot *);
	struct post post;             /* for that */
	struct on_worker *on_workers; /* on_worker.h; NULL: no instance has anything there */
	struct snapshot *next;        /* of those that have */
};

struct load_options {
	const char *config_dir, *state_dir, *module_dir;
	/* the copy to read instead of the fragments of config_dir: kept.h; NULL: none */
	const char *kept;
	const char *copies;                 /* of modules' code: code.h; NULL: none are made */
	const struct gw_services *services; /* handed to modules */
	bool start;                         /* call start(); --check does too */
	/* only to be looked at: certificates that could not be loaded are left out */
	bool partial;
	/* names of instances whose code is not to run; NULL ends them. NULL: all may */
	const char *const *broken;
};

/* Reads and checks everything, loads modules, starts instances; gives it with one reference. NULL:
 * problems has errors, nothing was left started. Instances are not started where there were errors
 * before, but for certificates that could not be loaded: all that is missing is told in one go.
 * Main thread. */
struct snapshot *snapshot_load(const struct load_options *options, struct problems *problems);
struct snapshot *snapshot_hold(struct snapshot *snapshot); /* [any thread] */
void snapshot_release(struct snapshot *snapshot);          /* NULL is fine [any thread] */
/* main thread: stops instances, newest first */
void snapshot_destroy(struct snapshot *snapshot);

struct gw_relay *snapshot_relay(const struct snapshot *snapshot, struct gw_str name);

/* The one that new work takes: swapped by reload, which takes over the caller's reference (NULL:
 * none from now on); snapshot_current gives a held one, or NULL. [any thread] */
void snapshot_publish(struct snapshot *snapshot);
struct snapshot *snapshot_current(void);

/* Another one is published now: what has not begun is to go by that one. False where none is. [any
 * thread] */
bool snapshot_is_outdated(const struct snapshot *snapshot);

/* The keys of a module's fragment beside its own group. */
extern const struct gw_option fragment_options[];

/* The counters of all instances there ever were, newest first; read-only. Main thread. */
const struct instance_counters *instance_counters_first(void);

/* Where the code of a module comes from. */
struct module_source {
	const char *path; /* absolute */
	/* the folder of private copies; NULL: the file itself is run */
	const char *copies;
	const struct gw_services *services; /* handed to the module */
};

/* Loads a module, or gives the one already loaded from the same content of the file; the reason of
 * a refusal is a problem that says the file, what was expected, what was found. Main thread. */
struct module *module_load(const struct module_source *source, const char *file, int line,
			   struct problems *problems);

#endif
