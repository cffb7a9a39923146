#include "supervisor/supervisor_private.h"

#include "supervisor/listening.h"
#include "supervisor/state_lock.h"
#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sysexits.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#define STOP_MS 9500 /* a little more than the serving process gives itself */
#define LOOK_MS 1000 /* between two looks at who turns */
#define MAIN_PATIENCE 4

/* In the serving process: what the supervisor knew when it forked. */
static struct supervisor own = { .folder = -1, .signals = -1, .link = -1, .ready = -1 };

const struct crashes *supervisor_crashes(void)
{
	return &own.crashes;
}

const struct breaker *supervisor_breaker(void)
{
	return &own.breaker;
}

const char *supervisor_refused(void)
{
	return own.kept ? own.refused : NULL;
}

bool supervisor_served(void)
{
	return own.served;
}

const struct death *supervisor_death(void)
{
	return &own.death;
}

void supervisor_log_death(void)
{
	death_log(&own.death, EVENT_CRASHED);
}

int64_t supervisor_watchdog(void)
{
	return own.watchdog_ms;
}

void supervisor_end(struct supervisor *supervisor, int code)
{
	supervisor->over = true;
	supervisor->code = code;
}

/* --- the serving process begins --- */

static int serve(struct supervisor *supervisor, int link)
{
	const struct supervisor_options *options = supervisor->options;
	close(supervisor->signals);
	listening_close();
	if (supervisor->ready >= 0)
		close(supervisor->ready);
	channel_use(link);
	places_watch(supervisor->places);
	sigprocmask(SIG_SETMASK, &supervisor->mask_before, NULL);
	int code = state_lock_serving(supervisor->folder) == 0 ? options->become(options->arg)
							       : EX_OSERR;
	/* Changed rights take it back, so it comes after them. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != supervisor->self)
		_exit(EX_OSERR);
	return code == EX_OK ? options->serve(options->arg) : code;
}

static void cannot_fork(struct supervisor *supervisor)
{
	log_say(EVENT_FORK, "%s", strerror(errno));
	supervisor->child = 0;
	supervisor->start_at = clock_monotonic() + PAUSE_FIRST_MS;
	if (!supervisor->served)
		supervisor_end(supervisor, EX_OSERR);
}

/* True: this is the serving process. */
static bool start(struct supervisor *supervisor, int *link)
{
	int ends[2] = { -1, -1 };
	places_clear(supervisor->places);
	listening_forget();
	fflush(NULL);
	supervisor->child = socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0
				    ? fork()
				    : -1;
	if (supervisor->child == 0) {
		close(ends[0]);
		*link = ends[1];
		return true;
	}
	close(ends[1]);
	if (supervisor->child < 0) {
		close(ends[0]);
		cannot_fork(supervisor);
		return false;
	}
	supervisor->link = ends[0];
	fcntl(supervisor->link, F_SETFL, O_NONBLOCK);
	supervisor->phase = STARTING;
	supervisor->began_at = clock_monotonic();
	return false;
}

/* --- signals --- */

static void stop(struct supervisor *supervisor)
{
	if (!supervisor->stopping)
		supervisor->kill_at = clock_monotonic() + STOP_MS;
	supervisor->stopping = true;
	sd_notify(0, "STOPPING=1");
	listening_close();
	if (supervisor->child > 0)
		kill(supervisor->child, SIGTERM);
	else
		supervisor_end(supervisor, EX_OK);
}

static void handle(struct supervisor *supervisor, int signal_number)
{
	switch (signal_number) {
	case SIGTERM:
	case SIGINT:
		stop(supervisor);
		break;
	case SIGHUP:
		supervisor->reload = supervisor->phase == STARTING;
		if (supervisor->phase == SERVING)
			kill(supervisor->child, SIGHUP);
		break;
	case SIGUSR1:
		if (supervisor->phase == SERVING)
			kill(supervisor->child, SIGUSR1);
		break;
	case SIGCHLD:
		child_reap(supervisor);
		break;
	}
}

static void read_signals(struct supervisor *supervisor)
{
	struct signalfd_siginfo signals[8];
	ssize_t got = read(supervisor->signals, signals, sizeof(signals));
	for (ssize_t i = 0; i < got / (ssize_t)sizeof(signals[0]); i++)
		handle(supervisor, (int)signals[i].ssi_signo);
}

static int watch_signals(struct supervisor *supervisor)
{
	sigset_t mask;
	sigemptyset(&mask);
	for (size_t i = 0; i < 5; i++)
		sigaddset(&mask, (int[]){ SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGCHLD }[i]);
	sigprocmask(SIG_BLOCK, &mask, &supervisor->mask_before);
	supervisor->signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	return supervisor->signals < 0 ? -1 : 0;
}

/* --- time --- */

/* A third of the time is for people who may want to look before it is over. The main thread reads
 * configurations and runs programs for their secrets: it has more time. */
static void watch_workers(struct supervisor *supervisor, int64_t now)
{
	struct hang hang;
	unsigned most = supervisor->options->worker_timeout;
	if (!most || supervisor->phase != SERVING || supervisor->stopping ||
	    supervisor->hung.seconds || now < supervisor->look_at)
		return;
	supervisor->look_at = now + LOOK_MS;
	if (!hangs_look(&supervisor->hangs, supervisor->places, &hang))
		return;
	most *= hang.worker == HANG_MAIN ? MAIN_PATIENCE : 1;
	if (hang.seconds == (most + 2) / 3 || hang.seconds >= most)
		hang_log(&hang, hang.seconds >= most ? EVENT_HUNG : EVENT_HANGS);
	if (hang.seconds < most)
		return;
	supervisor->hung = hang;
	kill(supervisor->child, SIGKILL);
}

/* While nothing serves, or it only begins, the supervisor answers for the service; later those that
 * turn the loops do. */
static void watch_time(struct supervisor *supervisor, int64_t now)
{
	if (supervisor->stopping && supervisor->child > 0 && now >= supervisor->kill_at) {
		log_say(EVENT_STOP, "the serving process %d does not end: killed",
			(int)supervisor->child);
		kill(supervisor->child, SIGKILL);
		supervisor->kill_at = now + STOP_MS;
	}
	if (supervisor->watchdog_ms && supervisor->phase != SERVING &&
	    now >= supervisor->watchdog_at) {
		sd_notify(0, "WATCHDOG=1");
		supervisor->watchdog_at = now + supervisor->watchdog_ms;
	}
}

static int until(struct supervisor *supervisor, int64_t now)
{
	int64_t next = now + 60000;
	if (supervisor->phase == WAITING && supervisor->start_at < next)
		next = supervisor->start_at;
	if (supervisor->stopping && supervisor->kill_at < next)
		next = supervisor->kill_at;
	if (supervisor->watchdog_ms && supervisor->phase != SERVING &&
	    supervisor->watchdog_at < next)
		next = supervisor->watchdog_at;
	if (supervisor->options->worker_timeout && supervisor->phase == SERVING &&
	    !supervisor->stopping && supervisor->look_at < next)
		next = supervisor->look_at;
	return next > now ? (int)(next - now) : 0;
}

static void turn(struct supervisor *supervisor)
{
	struct pollfd ready[] = { { .fd = supervisor->signals, .events = POLLIN },
				  { .fd = supervisor->link, .events = POLLIN } };
	if (poll(ready, 2, until(supervisor, clock_monotonic())) > 0) {
		if (ready[1].revents)
			orders_read(supervisor);
		if (ready[0].revents)
			read_signals(supervisor);
	}
	watch_time(supervisor, clock_monotonic());
	watch_workers(supervisor, clock_monotonic());
}

/* --- all of it --- */

static int prepare(struct supervisor *supervisor)
{
	uint64_t watchdog_us = 0;
	supervisor->folder = state_lock_supervisor(supervisor->options->state);
	if (supervisor->folder < 0)
		return EX_CANTCREAT;
	supervisor->self = getpid();
	supervisor->places = places_create();
	if (!supervisor->places || watch_signals(supervisor) != 0)
		return EX_OSERR;
	crashes_load(&supervisor->crashes, supervisor->folder);
	if (sd_watchdog_enabled(0, &watchdog_us) > 0)
		supervisor->watchdog_ms = (int64_t)watchdog_us / 3000;
	return EX_OK;
}

static void adopt_sockets(struct supervisor *supervisor)
{
	int fds[CHANNEL_SOCKETS], count = sd_listen_fds(1);
	for (int i = 0; i < count && i < CHANNEL_SOCKETS; i++)
		fds[i] = SD_LISTEN_FDS_START + i;
	supervisor->adopted = count > 0 ? count : 0;
	if (count > 0)
		listening_adopt(fds, (unsigned)(count < CHANNEL_SOCKETS ? count : CHANNEL_SOCKETS));
}

static void finish(struct supervisor *supervisor)
{
	listening_close();
	places_destroy(supervisor->places);
	state_unlock(supervisor->folder);
}

int supervise(const struct supervisor_options *options)
{
	struct supervisor *supervisor = &own;
	int link;
	supervisor->options = options;
	adopt_sockets(supervisor);
	supervisor->ready = options->foreground ? -1 : starter_detach(supervisor);
	supervisor->code = prepare(supervisor);
	for (supervisor->over = supervisor->code != EX_OK; !supervisor->over; turn(supervisor))
		if (supervisor->phase == WAITING && clock_monotonic() >= supervisor->start_at &&
		    start(supervisor, &link))
			return serve(supervisor, link);
	starter_tell(supervisor, supervisor->code);
	finish(supervisor);
	return supervisor->code;
}
