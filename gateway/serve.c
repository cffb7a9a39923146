/* serve.c - the serving process from its first directory to its last free: what is begun in order is ended in reverse. */
#include "daemon.h"

#include "admin/admin.h"
#include "base/clock.h"
#include "base/log.h"
#include "deliver/delivery.h"
#include "receive/receive.h"
#include "services.h"

#include <errno.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

/* A stop takes at most this long: what is on its way by then goes out after the next start. */
#define STOP_MS 8000
#define STOP_LOOK_MS 20
/* As long as a sync takes on an ordinary disk. */
#define GATHER_US 300

static struct admin *admin;
static struct timer stop_timer;
static int64_t stop_by;
static struct timer tick_timer;

/* --- workers --- */

static int worker_dns(struct worker *worker, const struct settings *settings, struct problems *problems)
{
	const struct dns_options options = { .forward = settings->dns.forward, .trust_anchor = settings->dns.trust_anchor, .local = settings->dns.local };
	struct dns *dns = dns_create(worker, &options, problems);
	worker_set(worker, SLOT_DNS, dns);
	return dns ? 0 : -1;
}

static int worker_prepare(struct worker *worker, const struct settings *settings, struct problems *problems)
{
	struct id_maker *ids = calloc(1, sizeof(*ids));
	struct resolver *resolver = resolver_create(worker, runtime.pool);
	if (!ids || !resolver) {
		free(ids);
		return -1;
	}
	ids->maker = worker_number(worker);
	worker_set(worker, SLOT_IDS, ids);
	worker_set(worker, SLOT_RESOLVER, resolver);
	if (worker_dns(worker, settings, problems) != 0)
		return -1;
	return queue_start(worker) || receive_start(worker) || transport_start(worker) || delivery_start(worker) ? -1 : 0;
}

static int workers_create(const struct settings *settings, struct problems *problems)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	runtime.worker_count = (unsigned)(settings->workers ? settings->workers : cores > 0 ? cores : 1);
	runtime.workers = calloc(runtime.worker_count, sizeof(struct worker *));
	for (unsigned i = 0; runtime.workers && i < runtime.worker_count; i++) {
		runtime.workers[i] = worker_create(i);
		if (!runtime.workers[i] || worker_prepare(runtime.workers[i], settings, problems) != 0)
			return -1;
	}
	return runtime.workers ? 0 : -1;
}

static int workers_start(void)
{
	for (unsigned i = 0; i < runtime.worker_count; i++)
		if (worker_start(runtime.workers[i], NULL, NULL) != 0)
			return -1;
	return 0;
}

/* --- the spool --- */

static void recovered(void *arg, const struct spool_found *found)
{
	size_t *failed = arg;
	for (unsigned i = 0; i < runtime.worker_count; i++)
		id_after(worker_get(runtime.workers[i], SLOT_IDS), found->id);
	if (queue_recovered(runtime.workers[found->id % runtime.worker_count], found) != 0)
		++*failed;
}

static int open_spool(const struct settings *settings, struct problems *problems)
{
	size_t failed = 0;
	struct spool_options options = {
		.path = settings->spool.path.ptr, .segment_size = settings->spool.segment_size, .min_free = settings->spool.min_free,
		.min_free_inodes = settings->spool.min_free_inodes, .gather_us = GATHER_US,
	};
	runtime.spool = spool_open(&options, recovered, &failed, problems);
	if (runtime.spool && failed)
		problem_add(problems, true, options.path, 0, "no memory for %zu queued messages", failed);
	return runtime.spool && !failed ? 0 : -1;
}

/* --- the state folder and what lies in it --- */

static char *path_in(const char *folder, const char *name)
{
	char *path = NULL;
	return asprintf(&path, "%s/%s", folder, name) < 0 ? NULL : path;
}

static int make_folder(const char *path, struct problems *problems)
{
	if (path && (mkdir(path, 0700) == 0 || errno == EEXIST))
		return 0;
	problem_add(problems, true, path, 0, "the folder cannot be made: %s", strerror(errno));
	return -1;
}

static int open_state(const struct arguments *arguments, struct problems *problems)
{
	char *database = path_in(arguments->state, "state.db"), *journal = path_in(arguments->state, "journal");
	int result = make_folder(arguments->state, problems) || make_folder(journal, problems) ? -1 : 0;
	if (result == 0)
		runtime.state = state_open(database, problems);
	free(database);
	free(journal);
	return runtime.state ? result : -1;
}

static int open_log(const struct arguments *arguments, const struct settings *settings, struct problems *problems)
{
	char *journal = path_in(arguments->state, "journal");
	int result = log_start(settings->log.path.ptr, journal, (enum log_level)settings->log.level, (unsigned)settings->log.journal_days);
	if (result != 0)
		problem_add(problems, true, settings->log.path.ptr, 0, "the log cannot be opened: %s", strerror(errno));
	free(journal);
	return result;
}

/* --- once a second --- */

static void tick(struct timer *timer)
{
	struct snapshot *snapshot = snapshot_current();
	struct arena arena;
	struct gw_call call;
	arena_init(&arena, 0);
	chain_init(&call, timer->worker, snapshot, &arena);
	chain_tell(&call, GW_HOOK_tick);
	chain_cancel(&call);
	arena_finish(&arena);
	snapshot_release(snapshot);
	timer_set(timer->worker, timer, 1000, tick);
}

static void begin_ticks(struct post *post)
{
	timer_set(runtime.workers[0], &tick_timer, 1000, tick);
}

/* --- the end --- */

static void end_worker(struct post *post)
{
	struct worker *worker = worker_current();
	if (worker_number(worker) == 0)
		timer_clear(&tick_timer);
	receive_stop(worker);
	delivery_stop(worker);
	transport_stop(worker);
	chain_drop_all(worker);
}

static void pass(struct post *post)
{
}

struct barrier {
	struct post post;
	void (*run)(struct post *post);
	sem_t *reached;
};

static void reach(struct post *post)
{
	struct barrier *barrier = (struct barrier *)post;
	barrier->run(post);
	sem_post(barrier->reached);
}

/* Runs it on every worker, after all that was posted to them before, and waits. */
static void on_all(void (*run)(struct post *post))
{
	struct barrier *barriers = calloc(runtime.worker_count, sizeof(*barriers));
	sem_t reached;
	sem_init(&reached, 0, 0);
	for (unsigned i = 0; barriers && i < runtime.worker_count; i++) {
		barriers[i] = (struct barrier){ { .run = reach }, run, &reached };
		worker_post(runtime.workers[i], &barriers[i].post);
	}
	for (unsigned i = 0; barriers && i < runtime.worker_count; i++)
		while (sem_wait(&reached) != 0)
			;
	sem_destroy(&reached);
	free(barriers);
}

/* Answers of the pool and of the spool still find their workers running; what they may look at is freed after that. */
static void end_threads(void)
{
	on_all(end_worker);
	offload_destroy(runtime.pool);
	runtime.pool = NULL;
	on_all(pass);
	spool_close(runtime.spool);
	runtime.spool = NULL;
	for (unsigned i = 0; i < runtime.worker_count; i++)
		worker_stop(runtime.workers[i]);
	for (unsigned i = 0; i < runtime.worker_count; i++)
		worker_join(runtime.workers[i]);
}

static void free_worker(struct worker *worker)
{
	struct id_maker *ids = worker_get(worker, SLOT_IDS);
	queue_stop(worker);
	transport_finish(worker);
	delivery_finish(worker);
	receive_finish(worker);
	resolver_destroy(worker_get(worker, SLOT_RESOLVER));
	dns_destroy(worker_get(worker, SLOT_DNS));
	worker_destroy(worker);
	free(ids);
}

static void free_all(void)
{
	offload_destroy(runtime.pool);
	spool_close(runtime.spool);
	for (unsigned i = 0; runtime.workers && i < runtime.worker_count; i++)
		if (runtime.workers[i])
			free_worker(runtime.workers[i]);
	free(runtime.workers);
	sockets_close();
	snapshot_publish(NULL);
	worker_destroy(runtime.main);
	state_close(runtime.state);
}

static bool idle(void)
{
	return atomic_load(&counters.sessions_open) == 0 && atomic_load(&counters.deliveries_open) == 0;
}

static void look(struct timer *timer)
{
	if (idle() || worker_now(runtime.main) >= stop_by)
		worker_stop(runtime.main);
	else
		timer_set(runtime.main, timer, STOP_LOOK_MS, look);
}

static void drain_worker(struct post *post)
{
	receive_drain(worker_current());
}

static void on_stop(int signal_number, void *arg)
{
	static struct post *drains;
	if (atomic_exchange(&runtime.stopping, true)) {
		worker_stop(runtime.main);
		return;
	}
	log_say(LOG_INFORM, "stopping", "signal %d: no new work; what is on its way may end", signal_number);
	stop_by = worker_now(runtime.main) + STOP_MS;
	drains = drains ? drains : calloc(runtime.worker_count, sizeof(*drains));
	for (unsigned i = 0; drains && i < runtime.worker_count; i++) {
		drains[i].run = drain_worker;
		worker_post(runtime.workers[i], &drains[i]);
	}
	timer_set(runtime.main, &stop_timer, STOP_LOOK_MS, look);
}

static void on_reload(int signal_number, void *arg)
{
	struct problems problems;
	problems_init(&problems);
	configuration_reload(true, &problems);
	problems_finish(&problems);
}

static void on_reopen(int signal_number, void *arg)
{
	log_reopen();
}

/* --- the beginning --- */

static void raise_limits(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static int begin(const struct arguments *arguments, struct problems *problems)
{
	static struct admin_operations operations = { .reload = configuration_reload, .each_metric = services_each_metric, .release = GATEWAY_RELEASE };
	runtime.state_dir = arguments->state;
	runtime.started_at = clock_wall();
	runtime.main = worker_create(127);
	if (!runtime.main || open_state(arguments, problems) != 0)
		return EX_CANTCREAT;
	struct snapshot *snapshot = configuration_load(problems);
	if (!snapshot)
		return EX_CONFIG;
	snapshot_publish(snapshot);
	const struct settings *settings = &snapshot->settings;
	runtime.pool = offload_create((unsigned)settings->offload_threads);
	chain_set_pool(runtime.pool);
	queue_set_runner(journey_begin);
	if (!runtime.pool || workers_create(settings, problems) != 0)
		return EX_OSERR;
	if (sockets_open(snapshot, problems) != 0)
		return EX_UNAVAILABLE;
	if (open_log(arguments, settings, problems) != 0 || open_spool(settings, problems) != 0)
		return EX_CANTCREAT;
	operations.module_dir = arguments->modules;
	admin = admin_create(runtime.main, settings->control.socket.ptr, &operations, problems);
	return admin ? EX_OK : EX_UNAVAILABLE;
}

/* Its parent leaves when the gateway is ready, with its exit code otherwise. */
static int detach(void)
{
	int ready[2];
	char byte;
	if (pipe(ready) != 0)
		return -1;
	pid_t child = fork();
	if (child == 0) {
		close(ready[0]);
		setsid();
		return ready[1];
	}
	close(ready[1]);
	if (child > 0 && read(ready[0], &byte, 1) == 1)
		_exit(byte);
	_exit(EX_OSERR);
}

static void say_ready(int fd, int code)
{
	char byte = (char)code;
	if (fd < 0)
		return;
	ssize_t sent = write(fd, &byte, 1);
	(void)sent;
	close(fd);
}

static void run(void)
{
	static struct post ticks = { .run = begin_ticks };
	struct snapshot *snapshot = snapshot_current();
	worker_signal(runtime.main, SIGTERM, on_stop, NULL);
	worker_signal(runtime.main, SIGINT, on_stop, NULL);
	worker_signal(runtime.main, SIGHUP, on_reload, NULL);
	worker_signal(runtime.main, SIGUSR1, on_reopen, NULL);
	sockets_hand_out(snapshot, false);
	log_say(LOG_INFORM, "started", "gatewayd " GATEWAY_RELEASE " with %u workers, %zu modules, %zu relays", runtime.worker_count,
	        snapshot->instance_count, snapshot->relay_count);
	snapshot_release(snapshot);
	if (workers_start() != 0)
		return;
	worker_post(runtime.workers[0], &ticks);
	worker_run(runtime.main);
	atomic_store(&runtime.stopping, true);
	end_threads();
	log_say(LOG_INFORM, "stopped", "%s", idle() ? "everything had ended" : "what was on its way goes out after the next start");
}

int serve(const struct arguments *arguments)
{
	struct problems problems;
	raise_limits();
	int ready = arguments->foreground ? -1 : detach();
	problems_init(&problems);
	int code = begin(arguments, &problems);
	print_problems(&problems);
	problems_finish(&problems);
	say_ready(ready, code);
	if (code == EX_OK)
		run();
	admin_destroy(admin);
	free_all();
	log_stop(1000);
	return code;
}
