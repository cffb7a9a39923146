#include "module/load.h"
#include "module/on_worker.h"
#include "module/providers.h"

#include "conf/kept.h"

#include <pthread.h>
#include <stdlib.h>

#define ARENA_BLOCK (16 * 1024)

static pthread_mutex_t current_lock = PTHREAD_MUTEX_INITIALIZER;
static struct snapshot *current;
static _Atomic unsigned newest; /* its generation; 0: there is none */

/* --- making one --- */

static struct snapshot *snapshot_make(const struct load_options *options, struct problems *problems)
{
	static unsigned generations;
	struct snapshot *snapshot = calloc(1, sizeof(*snapshot));

	if (!snapshot) {
		problem_add(problems, true, NULL, 0, "no memory");
		return NULL;
	}
	atomic_init(&snapshot->refs, 1);
	snapshot->generation = ++generations;
	snapshot->services = options->services;
	arena_init(&snapshot->arena, ARENA_BLOCK);
	str_map_init(&snapshot->relay_map);
	return snapshot;
}

static bool same_place(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool is_told(const struct problems *problems, const struct problem *problem)
{
	const struct problem *other = problems->first;

	while (other && !(other->line == problem->line && same_place(other->file, problem->file) &&
			  same_place(other->text, problem->text)))
		other = other->next;
	return other != NULL;
}

void problems_move(struct problems *from, struct problems *to)
{
	for (const struct problem *problem = from->first; problem; problem = problem->next)
		if (!is_told(to, problem))
			problem_add(to, problem->fatal, problem->file, problem->line, "%s",
				    problem->text ? problem->text : "no memory");
	problems_finish(from);
}

/* What is missing in a damaged copy may be what keeps mail in its bounds. */
static bool copy_is_whole(struct load *load)
{
	char names[512];
	const char *kept = load->options->kept;
	int wrong = conf_kept_differs(load->snapshot->conf, kept, names, sizeof(names));

	if (wrong)
		problem_add(load->problems, true, kept, 0,
			    wrong < 0 ? "is no copy of a configuration" : "is damaged: %s", names);
	return wrong == 0;
}

static void load_all(struct load *load)
{
	const struct load_options *options = load->options;

	load->snapshot->conf = conf_load(options->kept ? options->kept : options->config_dir,
					 load->problems);
	if (!load->snapshot->conf || (options->kept && !copy_is_whole(load)))
		return;
	load_settings(load);
	load_instances(load);
	load_providers(load);
	load_relays(load);
	if (load->problems->errors == load->apart && load->options->start)
		start_instances(load);
}

struct snapshot *snapshot_load(const struct load_options *options, struct problems *problems)
{
	struct snapshot *snapshot = snapshot_make(options, problems);

	if (!snapshot)
		return NULL;
	struct load load = {
		.options = options,
		.snapshot = snapshot,
		.problems = problems,
		.context = { options->config_dir, options->state_dir, &snapshot->arena, problems,
			     &snapshot->secret_files },
	};
	load_all(&load);
	if (problems->errors == (options->partial ? load.apart : 0))
		return snapshot;
	snapshot_destroy(snapshot);
	return NULL;
}

void snapshot_destroy(struct snapshot *snapshot)
{
	if (!snapshot)
		return;
	on_worker_forget(snapshot);
	stop_instances(snapshot);
	release_relays(snapshot);
	release_settings(snapshot);
	str_map_finish(&snapshot->relay_map);
	conf_destroy(snapshot->conf);
	arena_finish(&snapshot->arena);
	free(snapshot);
}

/* --- who uses it --- */

struct snapshot *snapshot_hold(struct snapshot *snapshot)
{
	atomic_fetch_add_explicit(&snapshot->refs, 1, memory_order_relaxed);
	return snapshot;
}

void snapshot_release(struct snapshot *snapshot)
{
	if (!snapshot || atomic_fetch_sub_explicit(&snapshot->refs, 1, memory_order_acq_rel) > 1)
		return;
	if (snapshot->unused)
		snapshot->unused(snapshot);
	else
		snapshot_destroy(snapshot);
}

void snapshot_publish(struct snapshot *snapshot)
{
	pthread_mutex_lock(&current_lock);
	struct snapshot *old = current;
	current = snapshot;
	atomic_store(&newest, snapshot ? snapshot->generation : 0);
	pthread_mutex_unlock(&current_lock);
	snapshot_release(old);
}

bool snapshot_is_outdated(const struct snapshot *snapshot)
{
	unsigned generation = atomic_load_explicit(&newest, memory_order_relaxed);
	return generation && snapshot->generation != generation;
}

/* Held under the lock, so that a reload cannot free it between the look and the hold. */
struct snapshot *snapshot_current(void)
{
	pthread_mutex_lock(&current_lock);
	struct snapshot *snapshot = current ? snapshot_hold(current) : NULL;
	pthread_mutex_unlock(&current_lock);
	return snapshot;
}

struct gw_relay *snapshot_relay(const struct snapshot *snapshot, struct gw_str name)
{
	return str_map_get(&snapshot->relay_map, name);
}
