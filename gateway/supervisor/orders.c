/* orders.c - what the serving process says, and is done about it. */
#include "supervisor/supervisor_private.h"

#include "supervisor/listening.h"
#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

static void tell_ready(struct supervisor *supervisor)
{
	supervisor->phase = SERVING;
	supervisor->served = true;
	supervisor->watchdog_at = supervisor->look_at = 0;
	supervisor->hung = (struct hang){ 0 };
	hangs_clear(&supervisor->hangs);
	starter_tell(supervisor, EX_OK);
	if (!supervisor->stopping)
		sd_notifyf(0, "READY=1\nSTATUS=process %d serves%s, started again %u times",
			   (int)supervisor->child,
			   supervisor->kept ? " with the last good configuration" : "",
			   supervisor->restarts);
	crashes_settle(&supervisor->crashes);
	supervisor->death = (struct death){ 0 };
	if (supervisor->reload)
		kill(supervisor->child, SIGHUP);
	supervisor->reload = false;
}

static void tell_reloading(void)
{
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld\nSTATUS=reading the configuration",
		   (long long)clock_monotonic() * 1000);
}

static void answer_listen(struct supervisor *supervisor, const struct channel_order *order)
{
	struct link_answer answer = { 0 };
	const int *fds = supervisor->stopping ? NULL : listening_give(order, &answer.count);
	if (!fds)
		answer = (struct link_answer){ .error = supervisor->stopping ? ECANCELED : errno };
	if (channel_send_fds(supervisor->link, &answer, sizeof(answer), fds, answer.count) != 0)
		log_say(EVENT_SOCKET, "the serving process cannot be answered: %s",
			strerror(errno));
}

static void obey(struct supervisor *supervisor, const struct channel_order *order)
{
	switch (order->kind) {
	case CHANNEL_LISTEN:
		answer_listen(supervisor, order);
		break;
	case CHANNEL_KEEP:
	case CHANNEL_UNDO:
		listening_settle(order->kind == CHANNEL_KEEP);
		break;
	case CHANNEL_READY:
		tell_ready(supervisor);
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
		snprintf(supervisor->refused, sizeof(supervisor->refused), "%.*s", CHANNEL_TEXT - 1,
			 order->text);
		supervisor->kept = supervisor->kept && supervisor->refused[0];
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

void orders_read(struct supervisor *supervisor)
{
	struct channel_order order;
	int fds[CHANNEL_SOCKETS];
	unsigned count;
	ssize_t got;
	while (supervisor->link >= 0 &&
	       (got = channel_receive_fds(supervisor->link, &order, sizeof(order), fds, &count)) !=
		       -1) {
		take_fds(got == (ssize_t)sizeof(order)
				 ? &order
				 : &(struct channel_order){ .kind = CHANNEL_KINDS },
			 fds, count);
		if (got == (ssize_t)sizeof(order))
			obey(supervisor, &order);
		if (got > 0)
			continue;
		close(supervisor->link);
		supervisor->link = -1;
	}
}
