#include "daemon.h"

#include "admin/link.h"
#include "base/clock.h"
#include "base/log.h"
#include "deliver/transport.h"
#include "queue/recall.h"
#include "services.h"

#include <stdio.h>

static struct load_options load_options;
static const struct arguments *given;

/* What only looks at a configuration is soon over, and may not write into the state folder. */
static const char *copies_folder(const struct arguments *arguments)
{
	char *folder = NULL;
	if (arguments->check || arguments->check_spool || asprintf(&folder, "%s/modules", arguments->state) < 0)
		return NULL;
	code_sweep(folder);
	return folder;
}

void configuration_init(const struct arguments *arguments)
{
	given = arguments;
	load_options = (struct load_options){
		.config_dir = arguments->config, .state_dir = arguments->state, .module_dir = arguments->modules,
		.copies = copies_folder(arguments), .services = &services, .start = true,
	};
}

/* The last holder may be a worker; instances are stopped in main. */
static void destroy_in_main(struct post *post)
{
	snapshot_destroy((struct snapshot *)((char *)post - offsetof(struct snapshot, post)));
}

static void unused(struct snapshot *snapshot)
{
	snapshot->post.run = destroy_in_main;
	worker_post(runtime.main, &snapshot->post);
}

/* A restart does without them, so that everybody else is served; what was done about it is tried with the next reload. */
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

struct snapshot *configuration_load(struct problems *problems)
{
	struct snapshot *snapshot = snapshot_load(&load_options, problems);
	if (snapshot && runtime.main)
		snapshot->unused = unused;
	return snapshot;
}

static void log_problems(const struct problems *problems)
{
	char text[4096];
	for (const struct problem *problem = problems->first; problem; problem = problem->next)
		log_say(problem->fatal ? LOG_FAIL : LOG_WARN, "configuration", "%s", problem_format(problem, text, sizeof(text)));
}

static bool swap_in(struct snapshot *snapshot, struct problems *problems)
{
	if (sockets_open(snapshot, problems) != 0) {
		snapshot_release(snapshot);
		return false;
	}
	log_set_level((enum log_level)snapshot->settings.log.level);
	log_set_journal_size((uint64_t)snapshot->settings.log.journal_size);
	sockets_hand_out(snapshot, true);
	snapshot_publish(snapshot);
	recall_all();
	transport_look_again();
	return true;
}

static bool check(struct problems *problems)
{
	struct snapshot *snapshot = configuration_load(problems);
	snapshot_release(snapshot);
	return snapshot != NULL;
}

bool configuration_reload(bool apply, struct problems *problems)
{
	if (!apply)
		return check(problems);
	link_say(LINK_RELOADING);
	const char *const *broken = load_options.broken;
	load_options.broken = NULL;
	struct snapshot *snapshot = rehearsal_passes(given, problems) ? configuration_load(problems) : NULL;
	bool fine = snapshot && swap_in(snapshot, problems);
	link_say(LINK_READY);
	if (!fine)
		load_options.broken = broken;
	log_problems(problems);
	log_say(fine ? LOG_INFORM : LOG_FAIL, "reload", "%s", fine ? "the new configuration is in use" : "nothing changed: the configuration has errors");
	return fine;
}
