/* serve.c - the serving process from its first directory to its last free: what is begun in order
 * is ended in reverse. */
#include "daemon/daemon.h"

#include "admin/admin.h"
#include "supervisor/channel.h"
#include "supervisor/supervisor.h"
#include "base/clock.h"
#include "base/log.h"
#include "deliver/delivery.h"
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

static struct admin *admin;
static struct timer stop_timer;
static int64_t stop_by;

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
static const char *log_path(const struct arguments *arguments, const struct settings *settings)
{
	static char path[4096];
	if (arguments->foreground || !gw_str_eq(settings->log.path, gw_str("-")))
		return settings->log.path.ptr;
	snprintf(path, sizeof(path), "%s/log", arguments->state);
	return path;
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
	snprintf(runtime.log_path, sizeof(runtime.log_path), "%s", log_path(arguments, settings));
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

static void free_all(void)
{
	offload_destroy(runtime.pool);
	spool_stop(runtime.spool);
	workers_free();
	spool_close(runtime.spool);
	sockets_close();
	snapshot_publish(NULL);
	worker_destroy(runtime.main);
	state_close(runtime.state);
}

static bool idle(void)
{
	return atomic_load(&counters.sessions_open) == 0 &&
	       atomic_load(&counters.deliveries_open) == 0;
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
	/* Asked twice within a second is the supervisor and somebody who asked all processes; later
	 * it is impatience. */
	if (atomic_exchange(&runtime.stopping, true)) {
		if (worker_now(runtime.main) >= stop_by - STOP_MS + 1000)
			worker_stop(runtime.main);
		return;
	}
	log_say(EVENT_STOPPING, "signal %d: no new work; what is on its way may end",
		signal_number);
	stop_by = worker_now(runtime.main) + STOP_MS;
	drains = drains ? drains : calloc(runtime.worker_count, sizeof(*drains));
	for (unsigned i = 0; drains && i < runtime.worker_count; i++) {
		drains[i].run = drain_worker;
		worker_post(runtime.workers[i], &drains[i]);
	}
	timer_set(runtime.main, &stop_timer, STOP_LOOK_MS, look);
}

static bool reload(bool apply, struct problems *problems)
{
	bool fine = configuration_reload(apply, problems);
	if (fine && apply) {
		struct snapshot *snapshot = snapshot_current();
		admin_reloaded(admin, &snapshot->settings);
		snapshot_release(snapshot);
	}
	return fine;
}

static void on_reload(int signal_number, void *arg)
{
	struct problems problems;
	problems_init(&problems);
	reload(true, &problems);
	problems_finish(&problems);
}

static void on_reopen(int signal_number, void *arg)
{
	log_reopen();
	share_log();
}

/* --- the beginning --- */

static int begin(const struct arguments *arguments, struct problems *problems)
{
	static struct admin_operations operations = { .reload = reload,
						      .each_metric = services_each_metric,
						      .release = GATEWAY_RELEASE };
	runtime.state_dir = arguments->state;
	runtime.started_at = clock_wall();
	runtime.main = worker_create(127);
	if (!runtime.main || open_state(arguments, problems) != 0)
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
	chain_set_pool(runtime.pool);
	queue_set_runner(round_begin);
	relay_switch_restore();
	relay_status_set_opened(recall_relay);
	if (!runtime.pool || workers_create(settings, problems) != 0)
		return EX_OSERR;
	if (sockets_open(snapshot, problems) != 0)
		return EX_UNAVAILABLE;
	if (open_log(arguments, settings, problems) != 0 || recovery_run(settings, problems) != 0)
		return EX_CANTCREAT;
	operations.config_dir = arguments->config;
	operations.module_dir = arguments->modules;
	operations.notes = configuration_notes();
	admin = admin_create(runtime.main, arguments->state, settings, &operations, problems);
	return admin ? EX_OK : EX_UNAVAILABLE;
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

static int run(bool foreground)
{
	struct snapshot *snapshot = snapshot_current();
	worker_signal(runtime.main, SIGTERM, on_stop, NULL);
	worker_signal(runtime.main, SIGINT, on_stop, NULL);
	worker_signal(runtime.main, SIGHUP, on_reload, NULL);
	worker_signal(runtime.main, SIGUSR1, on_reopen, NULL);
	sockets_hand_out(snapshot, false);
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
	alive_begin();
	configuration_started();
	if (!foreground)
		let_go_of_stderr();
	worker_run(runtime.main);
	atomic_store(&runtime.stopping, true);
	workers_end();
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
	struct problems problems;
	problems_init(&problems);
	int code = begin(arguments, &problems);
	if (code != EX_OK && !problems.errors)
		problem_add(&problems, true, NULL, 0, "the start failed: %s", strerror(errno));
	tell_problems(&problems);
	problems_finish(&problems);
	if (code == EX_OK)
		code = run(arguments->foreground);
	admin_destroy(admin);
	alive_end();
	free_all();
	log_stop(1000);
	return code;
}
