/* child.c - the end of a serving process: of what, and how soon the next one begins. */
#include "supervisor/supervisor_private.h"

#include "base/clock.h"
#include "base/log.h"

#include <stdio.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#define STEADY_MS 60000 /* who served for this long begins with the pauses anew */
#define PAUSE_MOST_MS 30000

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
static bool try_kept(struct supervisor *supervisor, int status)
{
	bool failed = supervisor->phase == STARTING &&
		      !(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	bool was_kept = supervisor->kept;
	supervisor->kept = failed && !was_kept;
	if (failed && !supervisor->refused[0])
		snprintf(supervisor->refused, sizeof(supervisor->refused),
			 WIFSIGNALED(status) ? "it crashed while it began (signal %d)"
					     : "it ended while it began (exit code %d)",
			 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	if (failed)
		log_say(EVENT_CONFIGURATION_ERROR, "%s does not start%s: %s",
			was_kept ? "the last good configuration" : "conf.d",
			was_kept ? "" : ", the last good configuration is tried",
			supervisor->refused);
	if (!supervisor->kept)
		supervisor->refused[0] = '\0';
	return supervisor->kept;
}

static void start_again(struct supervisor *supervisor, bool at_once)
{
	int64_t now = clock_monotonic();
	supervisor->failures = supervisor->phase == SERVING &&
					       now - supervisor->began_at >= STEADY_MS
				       ? 1
				       : supervisor->failures + 1;
	supervisor->restarts++;
	int64_t pause = at_once ? 0 : pause_after(supervisor->failures);
	supervisor->phase = WAITING;
	supervisor->start_at = now + pause;
	log_say(EVENT_RESTART, "the serving process is started again in %lld ms", (long long)pause);
	sd_notifyf(0, "STATUS=the serving process died and is started again in %lld ms",
		   (long long)pause);
}

static int code_of(struct supervisor *supervisor, int status)
{
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	return supervisor->stopping && WTERMSIG(status) == SIGTERM ? EX_OK : EX_SOFTWARE;
}

static void bury(struct supervisor *supervisor, int status)
{
	bool asked = supervisor->stopping && (WIFEXITED(status) || WTERMSIG(status) == SIGTERM);
	orders_read(supervisor);
	if (supervisor->link >= 0)
		close(supervisor->link);
	supervisor->link = -1;
	if (!asked && (supervisor->served || WIFSIGNALED(status))) {
		death_find(&supervisor->death, supervisor->child, status, supervisor->places);
		if (supervisor->hung.seconds)
			death_blame(&supervisor->death, &supervisor->hung.place,
				    supervisor->hung.seconds);
		death_count(&supervisor->death, &supervisor->crashes);
		breaker_count(&supervisor->breaker, &supervisor->death, clock_monotonic());
		death_log(&supervisor->death, EVENT_DIED);
	}
	supervisor->child = 0;
	supervisor->hung = (struct hang){ 0 };
	if (supervisor->stopping || !supervisor->served)
		supervisor_end(supervisor, code_of(supervisor, status));
	else
		start_again(supervisor, try_kept(supervisor, status));
}

void child_reap(struct supervisor *supervisor)
{
	int status;
	if (supervisor->child > 0 &&
	    waitpid(supervisor->child, &status, WNOHANG) == supervisor->child)
		bury(supervisor, status);
}
