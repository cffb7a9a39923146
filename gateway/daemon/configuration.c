#include "daemon/daemon.h"

#include "supervisor/channel.h"
#include "supervisor/supervisor.h"
#include "base/clock.h"
#include "base/log.h"
#include "conf/kept.h"
#include "client/transport.h"
#include "module/chain.h"
#include "module/on_worker.h"
#include "module/relay_status.h"
#include "queue/recall.h"
#include "services/services.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static struct load_options load_options;
static const struct arguments *given;
static struct configuration_notes notes;

/* What only looks at a configuration is soon over, and may not write into the state folder. */
static const char *copies_folder(const struct arguments *arguments)
{
	char *folder = NULL;
	if (arguments->check || arguments->check_spool || arguments->answer ||
	    asprintf(&folder, "%s/modules", arguments->state) < 0)
		return NULL;
	code_sweep(folder);
	return folder;
}

void configuration_init(const struct arguments *arguments)
{
	given = arguments;
	load_options = (struct load_options){
		.config_dir = arguments->config,
		.state_dir = arguments->state,
		.module_dir = arguments->modules,
		.copies = copies_folder(arguments),
		.services = &services,
		.start = true,
	};
}

/* The last holder may be a worker; instances are stopped in main. */
static void destroy_in_main(struct post *post)
{
	snapshot_destroy((struct snapshot *)((char *)post - offsetof(struct snapshot, post)));
	struct snapshot *current = snapshot_current();
	if (current) /* until now the old one's modules could close relays */
		relay_status_keep(current);
	snapshot_release(current);
}

static void unused(struct snapshot *snapshot)
{
	if (on_worker_retire(snapshot))
		return;
	snapshot->post.run = destroy_in_main;
	worker_post(runtime.main, &snapshot->post);
}

/* Before any hook asks for it, so that what modules begin there (connections, timers) is there for
 * the first. */
struct entrance {
	struct post post;
	struct snapshot *snapshot;
};

static void enter(struct post *post)
{
	struct entrance *entrance = (struct entrance *)post;
	on_worker_enter(worker_current(), entrance->snapshot);
	snapshot_release(entrance->snapshot);
	free(entrance);
}

void configuration_enter_workers(struct snapshot *snapshot)
{
	for (unsigned i = 0; snapshot->on_workers && i < runtime.worker_count; i++) {
		struct entrance *entrance = malloc(sizeof(*entrance));
		if (!entrance)
			return; /* the first hook does it */
		*entrance = (struct entrance){ { .run = enter }, snapshot_hold(snapshot) };
		worker_post(runtime.workers[i], &entrance->post);
	}
}

/* A restart does without them, so that everybody else is served; what was done about it is tried
 * with the next reload. */
void configuration_leave_out(const struct breaker *breaker)
{
	static const char *broken[BREAKER_INSTANCES + 1];
	size_t count = 0;
	for (size_t i = 0; i < breaker->count; i++)
		if (breaker_is_open(&breaker->rows[i], clock_monotonic()))
			broken[count++] = breaker->rows[i].instance;
	broken[count] = NULL;
	load_options.broken = broken;
}

const struct configuration_notes *configuration_notes(void)
{
	return &notes;
}

/* --- the last good one --- */

static const char *kept_folder(void)
{
	static char folder[4096];
	snprintf(folder, sizeof(folder), "%s/good", given->state);
	return folder;
}

void configuration_use_kept(const char *refused)
{
	snprintf(notes.refused, sizeof(notes.refused), "%s", refused ? refused : "");
	load_options.kept = refused ? kept_folder() : NULL;
}

static void keep(const struct snapshot *snapshot)
{
	if (!load_options.kept && conf_keep(snapshot->conf, kept_folder()) != 0)
		log_say(EVENT_CONFIGURATION,
			"what is in use now is not kept for the case that conf.d breaks: %s: %s",
			kept_folder(),
			errno == EXDEV
				? "a file outside of conf.d is included, which has to be named by its whole path"
				: strerror(errno));
}

static void tell(enum event_id event, const char *text)
{
	struct gw_event details = { .text = gw_str(text) };
	struct snapshot *snapshot = snapshot_current();
	event_tell(runtime.main, snapshot, event, &details);
	snapshot_release(snapshot);
}

/* After a death conf.d is read as it stands, also what nobody said "reload" for. */
static void log_changed(const struct snapshot *snapshot)
{
	char names[1024];
	if (conf_kept_differs(snapshot->conf, kept_folder(), names, sizeof(names)) > 0)
		log_say(EVENT_CONFIGURATION,
			"conf.d was changed since it was last read, and is in use now as it stands: %s",
			names);
}

void configuration_started(void)
{
	struct snapshot *snapshot = snapshot_current();
	if (notes.refused[0]) {
		log_say(EVENT_CONFIGURATION_REFUSED,
			"the last good configuration is in use, because conf.d does not start: %s; mend it, then gatewayctl reload",
			notes.refused);
		tell(EVENT_CONFIGURATION_REFUSED, notes.refused);
	} else if (supervisor_served()) {
		log_changed(snapshot);
	}
	keep(snapshot);
	snapshot_release(snapshot);
}

static void end_of_kept(void)
{
	if (!notes.refused[0])
		return;
	notes.refused[0] = '\0';
	link_say_refused("");
	log_say(EVENT_CONFIGURATION_ACCEPTED, "conf.d is in use again");
	tell(EVENT_CONFIGURATION_ACCEPTED, "conf.d is in use again");
}

struct snapshot *configuration_load(struct problems *problems)
{
	struct snapshot *snapshot = snapshot_load(&load_options, problems);
	if (snapshot && runtime.main)
		snapshot->unused = unused;
	return snapshot;
}

void configuration_log_problems(const struct problems *problems)
{
	char text[4096];
	for (const struct problem *problem = problems->first; problem; problem = problem->next)
		log_say(problem->fatal ? EVENT_CONFIGURATION_ERROR : EVENT_CONFIGURATION, "%s",
			problem_format(problem, text, sizeof(text)));
}

static void note_restart(const struct snapshot *snapshot, struct problems *problems)
{
	settings_need_restart(&snapshot->settings, snapshot->conf, problems, notes.restart,
			      sizeof(notes.restart));
}

struct snapshot *configuration_read(struct problems *problems)
{
	struct load_options options = load_options;
	options.start = false;
	options.partial = true;
	return snapshot_load(&options, problems);
}

static bool swap_in(struct snapshot *snapshot, struct problems *problems)
{
	struct sockets *sockets = sockets_open(snapshot, problems);
	if (!sockets) {
		snapshot_release(snapshot);
		return false;
	}
	log_set_level((enum log_level)snapshot->settings.log.level);
	log_set_journal_size((uint64_t)snapshot->settings.log.journal_size);
	configuration_enter_workers(snapshot);
	sockets_hand_out(sockets, snapshot, true);
	snapshot_publish(snapshot);
	relay_status_keep(snapshot);
	note_restart(snapshot, problems);
	end_of_kept();
	keep(snapshot);
	transport_look_again(); /* first: what is woken asks what it knows */
	recall_all();
	return true;
}

static bool check(struct problems *problems)
{
	const char *kept = load_options.kept;
	load_options.kept = NULL;
	struct snapshot *snapshot = configuration_load(problems);
	load_options.kept = kept;
	char keys[sizeof(notes.restart)];
	if (snapshot)
		settings_need_restart(&snapshot->settings, snapshot->conf, problems, keys,
				      sizeof(keys));
	snapshot_release(snapshot);
	return snapshot != NULL;
}

static void log_reloaded(const char *changed)
{
	struct log_line *line = log_open(EVENT_RELOADED);
	log_text(line, KEY_TEXT, "the new configuration is in use");
	if (*changed)
		log_text(line, KEY_CHANGED, changed);
	log_close(line);
}

bool configuration_reload(bool apply, struct problems *problems)
{
	if (!apply)
		return check(problems);
	channel_say(CHANNEL_RELOADING);
	const char *const *broken = load_options.broken;
	const char *kept = load_options.kept;
	load_options.broken = NULL;
	load_options.kept = NULL;
	struct snapshot *snapshot = rehearsal_passes(given, problems) ? configuration_load(problems)
								      : NULL;
	char changed[1024] = "";
	if (snapshot) /* from what is kept still: the copy of what is in use */
		conf_kept_differs(snapshot->conf, kept_folder(), changed, sizeof(changed));
	bool fine = snapshot && swap_in(snapshot, problems);
	channel_say(CHANNEL_READY);
	if (!fine) {
		load_options.broken = broken;
		load_options.kept = kept;
	}
	configuration_log_problems(problems);
	if (fine)
		log_reloaded(changed);
	else
		log_say(EVENT_RELOAD_FAILED, "nothing changed: the configuration has errors");
	return fine;
}
