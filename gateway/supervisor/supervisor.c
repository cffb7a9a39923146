#include "supervisor/supervisor.h"

#include "supervisor/breaker.h"
#include "supervisor/hang.h"
#include "supervisor/listening.h"
#include "supervisor/state_lock.h"
#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#define STOP_MS 9500    /* a little more than the serving process gives itself */
#define STEADY_MS 60000 /* who served for this long begins with the pauses anew */
#define PAUSE_FIRST_MS 1000
#define PAUSE_MOST_MS 30000
#define LOOK_MS 1000 /* between two looks at who turns */
#define MAIN_PATIENCE 4

enum phase { WAITING /* to start it */, STARTING, SERVING };

static struct supervisor {
	const struct supervisor_options *options;
	enum phase phase;
	pid_t self, child;
	int folder, signals, link, ready, adopted;
	sigset_t mask_before;
	struct places *places;
	struct crashes crashes;
	struct hangs hangs;
	struct hang hung; /* why it is killed; seconds 0: it is not */
	int64_t look_at;
	struct breaker breaker;
	/* the last one, until a serving process that was ready told of it */
	struct death death;
	unsigned failures, restarts;
	/* why conf.d did not start; empty: it did, or was not tried yet */
	char refused[CHANNEL_TEXT];
	/* the process begins, or serves, with the last good configuration */
	bool kept;
	int64_t began_at, start_at, kill_at, watchdog_ms, watchdog_at;
	bool served, stopping, reload, over;
	int code;
} it = { .folder = -1, .signals = -1, .link = -1, .ready = -1 };

const struct crashes *supervisor_crashes(void)
{
	return &it.crashes;
}

const struct breaker *supervisor_breaker(void)
{
	return &it.breaker;
}

const char *supervisor_refused(void)
{
	return it.kept ? it.refused : NULL;
}

bool supervisor_served(void)
{
	return it.served;
}

const struct death *supervisor_death(void)
{
	return &it.death;
}

void supervisor_log_death(void)
{
	death_log(&it.death, EVENT_CRASHED);
}

int64_t supervisor_watchdog(void)
{
	return it.watchdog_ms;
}

/* --- who waits for the start --- */

/* Of its starter the daemon keeps nothing but stderr, and that until it serves: who waits for the
 * end of a pipe would wait for the daemon's. Gives where the descriptor is now. */
static int keep_only(int fd)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), kept = STDERR_FILENO + 1 + it.adopted;
	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
	}
	if (fd != kept && dup3(fd, kept, O_CLOEXEC) != kept)
		return fd;
	close_range((unsigned)kept + 1, ~0u, 0);
	return kept;
}

/* Its parent leaves when the gateway serves, with its exit code otherwise. */
static int detach(void)
{
	int ends[2];
	char byte;
	if (pipe2(ends, O_CLOEXEC) != 0)
		return -1;
	pid_t child = fork();
	if (child == 0) {
		setsid();
		return keep_only(ends[1]);
	}
	close(ends[1]);
	_exit(child > 0 && read(ends[0], &byte, 1) == 1 ? byte : EX_OSERR);
}

/* What is said from now on stands in the log file. */
static void let_go_of_stderr(void)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (null < 0)
		return;
	dup2(null, STDERR_FILENO);
	close(null);
}

static void say_started(int code)
{
	char byte = (char)code;
	if (it.ready < 0)
		return;
	ssize_t sent = write(it.ready, &byte, 1);
	(void)sent;
	close(it.ready);
	it.ready = -1;
	if (code == EX_OK)
		let_go_of_stderr();
}

static void end(int code)
{
	it.over = true;
	it.code = code;
}

/* --- the serving process begins --- */

static int serve(int link)
{
	const struct supervisor_options *options = it.options;
	close(it.signals);
	listening_close();
	if (it.ready >= 0)
		close(it.ready);
	channel_use(link);
	places_watch(it.places);
	sigprocmask(SIG_SETMASK, &it.mask_before, NULL);
	int code = state_lock_serving(it.folder) == 0 ? options->become(options->arg) : EX_OSERR;
	/* Changed rights take it back, so it comes after them. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != it.self)
		_exit(EX_OSERR);
	return code == EX_OK ? options->serve(options->arg) : code;
}

static void cannot_fork(void)
{
	log_say(EVENT_FORK, "%s", strerror(errno));
	it.child = 0;
	it.start_at = clock_monotonic() + PAUSE_FIRST_MS;
	if (!it.served)
		end(EX_OSERR);
}

/* True: this is the serving process. */
static bool start(int *link)
{
	int ends[2] = { -1, -1 };
	places_clear(it.places);
	listening_forget();
	fflush(NULL);
	it.child = socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0 ? fork() : -1;
	if (it.child == 0) {
		close(ends[0]);
		*link = ends[1];
		return true;
	}
	close(ends[1]);
	if (it.child < 0) {
		close(ends[0]);
		cannot_fork();
		return false;
	}
	it.link = ends[0];
	fcntl(it.link, F_SETFL, O_NONBLOCK);
	it.phase = STARTING;
	it.began_at = clock_monotonic();
	return false;
}

/* --- what it says --- */

static void tell_ready(void)
{
	it.phase = SERVING;
	it.served = true;
	it.watchdog_at = it.look_at = 0;
	it.hung = (struct hang){ 0 };
	hangs_clear(&it.hangs);
	say_started(EX_OK);
	if (!it.stopping)
		sd_notifyf(0, "READY=1\nSTATUS=process %d serves%s, started again %u times",
			   (int)it.child, it.kept ? " with the last good configuration" : "",
			   it.restarts);
	crashes_settle(&it.crashes);
	it.death = (struct death){ 0 };
	if (it.reload)
		kill(it.child, SIGHUP);
	it.reload = false;
}

static void tell_reloading(void)
{
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld\nSTATUS=reading the configuration",
		   (long long)clock_monotonic() * 1000);
}

static void answer_listen(const struct channel_order *order)
{
	struct link_answer answer = { 0 };
	const int *fds = it.stopping ? NULL : listening_give(order, &answer.count);
	if (!fds)
		answer = (struct link_answer){ .error = it.stopping ? ECANCELED : errno };
	if (channel_send_fds(it.link, &answer, sizeof(answer), fds, answer.count) != 0)
		log_say(EVENT_SOCKET, "the serving process cannot be answered: %s",
			strerror(errno));
}

static void obey(const struct channel_order *order)
{
	switch (order->kind) {
	case CHANNEL_LISTEN:
		answer_listen(order);
		break;
	case CHANNEL_KEEP:
	case CHANNEL_UNDO:
		listening_settle(order->kind == CHANNEL_KEEP);
		break;
	case CHANNEL_READY:
		tell_ready();
		break;
	case CHANNEL_RELOADING:
		tell_reloading();
		break;
	case CHANNEL_ALIVE:
		sd_notify(0, "WATCHDOG=1");
		break;
	case CHANNEL_LOG:
		break;
	case CHANNEL_REFUSED:
		snprintf(it.refused, sizeof(it.refused), "%.*s", CHANNEL_TEXT - 1, order->text);
		it.kept = it.kept && it.refused[0];
		break;
	}
}

/* Only a log comes with a descriptor, and only a file may be one: what could block is none. */
static void take_fds(const struct channel_order *order, const int *fds, unsigned count)
{
	struct stat info;
	bool wanted = order->kind == CHANNEL_LOG && count == 1 && fstat(fds[0], &info) == 0 &&
		      S_ISREG(info.st_mode);
	for (unsigned i = wanted ? 1 : 0; i < count; i++)
		close(fds[i]);
	if (wanted)
		log_copy_to(fds[0]);
}

static void read_orders(void)
{
	struct channel_order order;
	int fds[CHANNEL_SOCKETS];
	unsigned count;
	ssize_t got;
	while (it.link >= 0 &&
	       (got = channel_receive_fds(it.link, &order, sizeof(order), fds, &count)) != -1) {
		take_fds(got == (ssize_t)sizeof(order)
				 ? &order
				 : &(struct channel_order){ .kind = CHANNEL_KINDS },
			 fds, count);
		if (got == (ssize_t)sizeof(order))
			obey(&order);
		if (got > 0)
			continue;
		close(it.link);
		it.link = -1;
	}
}

/* --- it dies --- */

static int64_t pause_after(unsigned failures)
{
	int64_t pause = failures < 2 ? 0 : PAUSE_FIRST_MS;
	for (unsigned i = 2; i < failures && pause < PAUSE_MOST_MS; i++)
		pause *= 2;
	return pause < PAUSE_MOST_MS ? pause : PAUSE_MOST_MS;
}

/* Whatever it is that a start ends of, what was good before is the better guess: but for SIGKILL,
 * which is somebody's decision. By turns with conf.d, so that one that was mended is found. True:
 * that is tried at once. */
static bool try_kept(int status)
{
	bool failed = it.phase == STARTING && !(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	bool was_kept = it.kept;
	it.kept = failed && !was_kept;
	if (failed && !it.refused[0])
		snprintf(it.refused, sizeof(it.refused),
			 WIFSIGNALED(status) ? "it crashed while it began (signal %d)"
					     : "it ended while it began (exit code %d)",
			 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	if (failed)
		log_say(EVENT_CONFIGURATION_ERROR, "%s does not start%s: %s",
			was_kept ? "the last good configuration" : "conf.d",
			was_kept ? "" : ", the last good configuration is tried", it.refused);
	if (!it.kept)
		it.refused[0] = '\0';
	return it.kept;
}

static void start_again(bool at_once)
{
	int64_t now = clock_monotonic();
	it.failures = it.phase == SERVING && now - it.began_at >= STEADY_MS ? 1 : it.failures + 1;
	it.restarts++;
	int64_t pause = at_once ? 0 : pause_after(it.failures);
	it.phase = WAITING;
	it.start_at = now + pause;
	log_say(EVENT_RESTART, "the serving process is started again in %lld ms", (long long)pause);
	sd_notifyf(0, "STATUS=the serving process died and is started again in %lld ms",
		   (long long)pause);
}

static int code_of(int status)
{
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	return it.stopping && WTERMSIG(status) == SIGTERM ? EX_OK : EX_SOFTWARE;
}

static void bury(int status)
{
	bool asked = it.stopping && (WIFEXITED(status) || WTERMSIG(status) == SIGTERM);
	read_orders();
	if (it.link >= 0)
		close(it.link);
	it.link = -1;
	if (!asked && (it.served || WIFSIGNALED(status))) {
		death_find(&it.death, it.child, status, it.places);
		if (it.hung.seconds)
			death_blame(&it.death, &it.hung.place, it.hung.seconds);
		death_count(&it.death, &it.crashes);
		breaker_count(&it.breaker, &it.death, clock_monotonic());
		death_log(&it.death, EVENT_DIED);
	}
	it.child = 0;
	it.hung = (struct hang){ 0 };
	if (it.stopping || !it.served)
		end(code_of(status));
	else
		start_again(try_kept(status));
}

static void reap(void)
{
	int status;
	if (it.child > 0 && waitpid(it.child, &status, WNOHANG) == it.child)
		bury(status);
}

/* --- signals --- */

static void stop(void)
{
	if (!it.stopping)
		it.kill_at = clock_monotonic() + STOP_MS;
	it.stopping = true;
	sd_notify(0, "STOPPING=1");
	listening_close();
	if (it.child > 0)
		kill(it.child, SIGTERM);
	else
		end(EX_OK);
}

static void handle(int signal_number)
{
	switch (signal_number) {
	case SIGTERM:
	case SIGINT:
		stop();
		break;
	case SIGHUP:
		it.reload = it.phase == STARTING;
		if (it.phase == SERVING)
			kill(it.child, SIGHUP);
		break;
	case SIGUSR1:
		if (it.phase == SERVING)
			kill(it.child, SIGUSR1);
		break;
	case SIGCHLD:
		reap();
		break;
	}
}

static void read_signals(void)
{
	struct signalfd_siginfo signals[8];
	ssize_t got = read(it.signals, signals, sizeof(signals));
	for (ssize_t i = 0; i < got / (ssize_t)sizeof(signals[0]); i++)
		handle((int)signals[i].ssi_signo);
}

static int watch_signals(void)
{
	sigset_t mask;
	sigemptyset(&mask);
	for (size_t i = 0; i < 5; i++)
		sigaddset(&mask, (int[]){ SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGCHLD }[i]);
	sigprocmask(SIG_BLOCK, &mask, &it.mask_before);
	it.signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	return it.signals < 0 ? -1 : 0;
}

/* --- time --- */

/* A third of the time is for people who may want to look before it is over. The main thread reads
 * configurations and runs programs for their secrets: it has more time. */
static void watch_workers(int64_t now)
{
	struct hang hang;
	unsigned most = it.options->worker_timeout;
	if (!most || it.phase != SERVING || it.stopping || it.hung.seconds || now < it.look_at)
		return;
	it.look_at = now + LOOK_MS;
	if (!hangs_look(&it.hangs, it.places, &hang))
		return;
	most *= hang.worker == HANG_MAIN ? MAIN_PATIENCE : 1;
	if (hang.seconds == (most + 2) / 3 || hang.seconds >= most)
		hang_log(&hang, hang.seconds >= most ? EVENT_HUNG : EVENT_HANGS);
	if (hang.seconds < most)
		return;
	it.hung = hang;
	kill(it.child, SIGKILL);
}

/* While nothing serves, or it only begins, the supervisor answers for the service; later those that
 * turn the loops do. */
static void watch_time(int64_t now)
{
	if (it.stopping && it.child > 0 && now >= it.kill_at) {
		log_say(EVENT_STOP, "the serving process %d does not end: killed", (int)it.child);
		kill(it.child, SIGKILL);
		it.kill_at = now + STOP_MS;
	}
	if (it.watchdog_ms && it.phase != SERVING && now >= it.watchdog_at) {
		sd_notify(0, "WATCHDOG=1");
		it.watchdog_at = now + it.watchdog_ms;
	}
}

static int until(int64_t now)
{
	int64_t next = now + 60000;
	if (it.phase == WAITING && it.start_at < next)
		next = it.start_at;
	if (it.stopping && it.kill_at < next)
		next = it.kill_at;
	if (it.watchdog_ms && it.phase != SERVING && it.watchdog_at < next)
		next = it.watchdog_at;
	if (it.options->worker_timeout && it.phase == SERVING && !it.stopping && it.look_at < next)
		next = it.look_at;
	return next > now ? (int)(next - now) : 0;
}

static void turn(void)
{
	struct pollfd ready[] = { { .fd = it.signals, .events = POLLIN },
				  { .fd = it.link, .events = POLLIN } };
	if (poll(ready, 2, until(clock_monotonic())) > 0) {
		if (ready[1].revents)
			read_orders();
		if (ready[0].revents)
			read_signals();
	}
	watch_time(clock_monotonic());
	watch_workers(clock_monotonic());
}

/* --- all of it --- */

static int prepare(void)
{
	uint64_t watchdog_us = 0;
	it.folder = state_lock_supervisor(it.options->state);
	if (it.folder < 0)
		return EX_CANTCREAT;
	it.self = getpid();
	it.places = places_create();
	if (!it.places || watch_signals() != 0)
		return EX_OSERR;
	crashes_load(&it.crashes, it.folder);
	if (sd_watchdog_enabled(0, &watchdog_us) > 0)
		it.watchdog_ms = (int64_t)watchdog_us / 3000;
	return EX_OK;
}

static void adopt_sockets(void)
{
	int fds[CHANNEL_SOCKETS], count = sd_listen_fds(1);
	for (int i = 0; i < count && i < CHANNEL_SOCKETS; i++)
		fds[i] = SD_LISTEN_FDS_START + i;
	it.adopted = count > 0 ? count : 0;
	if (count > 0)
		listening_adopt(fds, (unsigned)(count < CHANNEL_SOCKETS ? count : CHANNEL_SOCKETS));
}

static void finish(void)
{
	listening_close();
	places_destroy(it.places);
	state_unlock(it.folder);
}

int supervise(const struct supervisor_options *options)
{
	int link;
	it.options = options;
	adopt_sockets();
	it.ready = options->foreground ? -1 : detach();
	it.code = prepare();
	for (it.over = it.code != EX_OK; !it.over; turn())
		if (it.phase == WAITING && clock_monotonic() >= it.start_at && start(&link))
			return serve(link);
	say_started(it.code);
	finish();
	return it.code;
}
