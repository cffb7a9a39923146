/* serve.c - the serving process from its first directory to its last free: what is begun in order
 * is ended in reverse. */
#include "daemon/daemon.h"

#include "admin/admin.h"
#include "supervisor/channel.h"
#include "supervisor/hang.h"
#include "supervisor/supervisor.h"
#include "base/clock.h"
#include "base/log.h"
#include "client/relay_past.h"
#include "deliver/delivery.h"
#include "module/on_worker.h"
#include "module/relay_status.h"
#include "queue/recall.h"
#include "receive/receive.h"
#include "services/services.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

/* A stop takes at most this long: what is on its way by then goes out after the next start. */
#define STOP_MS 8000
#define STOP_LOOK_MS 20

/* What is begun once and ended once, all of the main thread. */
struct serving {
	const struct arguments *arguments;
	struct admin_operations operations;
	struct admin *admin;
	struct sockets *sockets; /* opened and not handed out yet; else NULL */
	struct alive *alive;
	struct timer stop_timer;
	int64_t stop_by;
	struct post *drains; /* one for each worker, once a stop was asked for */
};

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
	char *database = path_in(arguments->state, "state.db"),
	     *journal = path_in(arguments->state, "journal");
	int result = make_folder(arguments->state, problems) || make_folder(journal, problems) ? -1
											       : 0;
	if (result == 0)
		runtime.state = state_open(database, problems);
	free(database);
	free(journal);
	return runtime.state ? result : -1;
}

/* Standard error is nobody's once a daemon runs: its log has a place in any case. */
static void put_log_path(const struct arguments *arguments, const struct settings *settings,
			 char *path, size_t size)
{
	if (arguments->foreground || !gw_str_eq(settings->log.path, gw_str("-")))
		snprintf(path, size, "%s", settings->log.path.ptr);
	else
		snprintf(path, size, "%s/log", arguments->state);
}

static void share_log(void)
{
	if (strcmp(runtime.log_path, "-") != 0)
		channel_say_log(runtime.log_path);
}

static int open_log(const struct arguments *arguments, const struct settings *settings,
		    struct problems *problems)
{
	char *journal = path_in(arguments->state, "journal");
	log_set_journal_size((uint64_t)settings->log.journal_size);
	put_log_path(arguments, settings, runtime.log_path, sizeof(runtime.log_path));
	int result = log_start(runtime.log_path, journal, (enum log_level)settings->log.level,
			       (unsigned)settings->log.journal_days);
	if (result != 0)
		problem_add(problems, true, runtime.log_path, 0, "the log cannot be opened: %s",
			    strerror(errno));
	else
		share_log();
	free(journal);
	return result;
}

/* --- the end --- */

static void free_all(struct serving *serving)
{
	offload_destroy(runtime.pool);
	if (runtime.main) /* modules are stopped on it after this */
		worker_use_pool(runtime.main, NULL);
	spool_stop(runtime.spool);
	workers_free();
	alive_end(serving->alive);
	timer_clear(&serving->stop_timer);
	spool_close(runtime.spool);
	sockets_close(serving->sockets);
	snapshot_publish(NULL);
	if (runtime.main)
		ticks_destroy(runtime.main);
	worker_destroy(runtime.main);
	free(serving->drains);
	state_close(runtime.state);
}

static bool idle(void)
{
	return atomic_load(&counters.sessions_open) == 0 &&
	       atomic_load(&counters.deliveries_open) == 0 && on_worker_awaited() == 0;
}

static void look(struct timer *timer)
{
	const struct serving *serving = (struct serving *)((char *)timer -
							   offsetof(struct serving, stop_timer));
	if (idle() || worker_now(runtime.main) >= serving->stop_by)
		worker_stop(runtime.main);
	else
		timer_set(runtime.main, timer, STOP_LOOK_MS, look);
}

static void drain_worker(struct post *post)
{
	receive_drain(worker_current());
}

static void drain_all(struct serving *serving)
{
	serving->drains = calloc(runtime.worker_count, sizeof(*serving->drains));
	for (unsigned i = 0; serving->drains && i < runtime.worker_count; i++) {
		serving->drains[i].run = drain_worker;
		worker_post(runtime.workers[i], &serving->drains[i]);
	}
}

static void on_stop(int signal_number, void *arg)
{
	struct serving *serving = arg;
	/* Asked twice within a second is the supervisor and somebody who asked all processes; later
	 * it is impatience. */
	if (atomic_exchange(&runtime.stopping, true)) {
		if (worker_now(runtime.main) >= serving->stop_by - STOP_MS + 1000)
			worker_stop(runtime.main);
		return;
	}
	log_say(EVENT_STOPPING, "signal %d: no new work; what is on its way may end",
		signal_number);
	serving->stop_by = worker_now(runtime.main) + STOP_MS;
	drain_all(serving);
	timer_set(runtime.main, &serving->stop_timer, STOP_LOOK_MS, look);
}

static bool reload(void *arg, bool apply, struct problems *problems)
{
	const struct serving *serving = arg;
	bool fine = configuration_reload(apply, problems);
	if (fine && apply) {
		struct snapshot *snapshot = snapshot_current();
		admin_reloaded(serving->admin, &snapshot->settings);
		snapshot_release(snapshot);
	}
	return fine;
}

static void on_reload(int signal_number, void *arg)
{
	struct problems problems;
	problems_init(&problems);
	reload(arg, true, &problems);
	problems_finish(&problems);
}

static void on_reopen(int signal_number, void *arg)
{
	log_reopen();
	share_log();
}

/* --- the beginning --- */

static struct admin *begin_admin(struct serving *serving, const struct settings *settings,
				 struct problems *problems)
{
	const struct arguments *arguments = serving->arguments;
	serving->operations = (struct admin_operations){ .reload = reload,
							 .arg = serving,
							 .each_metric = services_each_metric,
							 .release = GATEWAY_RELEASE,
							 .config_dir = arguments->config,
							 .module_dir = arguments->modules,
							 .notes = configuration_notes() };
	return admin_create(runtime.main, arguments->state, settings, &serving->operations,
			    problems);
}

static int begin(struct serving *serving, struct problems *problems)
{
	const struct arguments *arguments = serving->arguments;
	runtime.state_dir = arguments->state;
	runtime.started_at = clock_wall();
	runtime.main = worker_create(HANG_MAIN);
	if (!runtime.main || ticks_create(runtime.main) != 0 ||
	    open_state(arguments, problems) != 0)
		return EX_CANTCREAT;
	configuration_leave_out(supervisor_breaker());
	configuration_use_kept(supervisor_refused());
	struct snapshot *snapshot = configuration_load(problems);
	if (!snapshot)
		return EX_CONFIG;
	snapshot_publish(snapshot);
	const struct settings *settings = &snapshot->settings;
	settings_begin(settings);
	runtime.pool = offload_create((unsigned)settings->offload_threads);
	worker_use_pool(runtime.main, runtime.pool);
	relay_switch_restore();
	relay_status_set_opened(recall_relay);
	if (!runtime.pool || workers_create(settings, problems) != 0)
		return EX_OSERR;
	serving->sockets = sockets_open(snapshot, problems);
	if (!serving->sockets)
		return EX_UNAVAILABLE;
	if (open_log(arguments, settings, problems) != 0 || recovery_run(settings, problems) != 0)
		return EX_CANTCREAT;
	serving->admin = begin_admin(serving, settings, problems);
	return serving->admin ? EX_OK : EX_UNAVAILABLE;
}

/* The starter's: it is told by the supervisor how the start went. */
static void let_go_of_stderr(void)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (null < 0)
		return;
	dup2(null, STDERR_FILENO);
	close(null);
}

static int run(struct serving *serving)
{
	struct snapshot *snapshot = snapshot_current();
	worker_signal(runtime.main, SIGTERM, on_stop, serving);
	worker_signal(runtime.main, SIGINT, on_stop, serving);
	worker_signal(runtime.main, SIGHUP, on_reload, serving);
	worker_signal(runtime.main, SIGUSR1, on_reopen, NULL);
	sockets_hand_out(serving->sockets, snapshot, false);
	serving->sockets = NULL;
	supervisor_log_death();
	if (gw_str_find(snapshot->settings.hostname, '.') == snapshot->settings.hostname.len)
		log_say(EVENT_HOSTNAME,
			"\"%.*s\" is no full domain name: next hops may refuse it in EHLO; set hostname",
			GW_STR_ARGS(snapshot->settings.hostname));
	log_say(EVENT_STARTED,
		"gatewayd " GATEWAY_RELEASE " with %u workers, %zu modules, %zu relays",
		runtime.worker_count, snapshot->instance_count, snapshot->relay_count);
	configuration_enter_workers(snapshot);
	snapshot_release(snapshot);
	/* All that can fail for the configuration's sake has not: what a worker dies of from here
	 * on is a crash like others. */
	channel_say(CHANNEL_READY);
	if (workers_start() != 0) {
		log_say(EVENT_START, "a thread of a worker cannot be made");
		return EX_OSERR;
	}
	ticks_begin();
	serving->alive = alive_begin();
	configuration_started();
	if (!serving->arguments->foreground)
		let_go_of_stderr();
	worker_run(runtime.main);
	atomic_store(&runtime.stopping, true);
	workers_end();
	relay_past_save();
	log_say(EVENT_STOPPED, "%s",
		idle() ? "everything had ended"
		       : "what was on its way goes out after the next start");
	return EX_OK;
}

static void tell_refused(const struct problems *problems)
{
	char text[4096];
	const struct problem *problem = problems->first;
	while (problem && !problem->fatal)
		problem = problem->next;
	if (problem)
		link_say_refused(problem_format(problem, text, sizeof(text)));
}

/* At the first start to who started it; later there is nobody but the log. */
static void tell_problems(const struct problems *problems)
{
	if (!supervisor_served()) {
		print_problems(problems);
		return;
	}
	configuration_log_problems(problems);
	if (problems->errors)
		tell_refused(problems);
}

int serve(const struct arguments *arguments)
{
	struct serving serving = { .arguments = arguments };
	struct problems problems;
	problems_init(&problems);
	int code = begin(&serving, &problems);
	if (code != EX_OK && !problems.errors)
		problem_add(&problems, true, NULL, 0, "the start failed: %s", strerror(errno));
	tell_problems(&problems);
	problems_finish(&problems);
	if (code == EX_OK)
		code = run(&serving);
	admin_destroy(serving.admin);
	free_all(&serving);
	log_stop(1000);
	return code;
}
