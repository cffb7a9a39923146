#include "receive/admission.h"

#include "base/log.h"
#include "loop/listener.h"
#include "loop/preface.h"
#include "receive/session.h"
#include "smtp/proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>

/* Descriptors that clients leave to deliveries, the spool and the control socket; at most a
 * quarter of all. */
#define RESERVE_MOST 1024
#define SWEEP_MS 1000 /* between two looks for idle clients */
#define KNOCK_MS 5000 /* in which a load balancer has to say for whom it comes */
#define CROWD "too many sessions from your address"
#define NO_MEMORY "421 4.3.0 no memory, try again later\r\n"

/* A connection whose PROXY header is awaited. */
struct preface_wait {
	struct list_link link;
	struct admission *admission;
	struct snapshot *snapshot; /* held */
	const struct listen_settings *listener;
	struct preface *preface;
	struct sockaddr_storage peer;
	struct proxy_header header;
};

static rlim_t highest_descriptor(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
		return RLIM_INFINITY;
	return limit.rlim_cur -
	       (limit.rlim_cur / 4 < RESERVE_MOST ? limit.rlim_cur / 4 : RESERVE_MOST);
}

void admission_init(struct admission *admission, struct worker *worker)
{
	*admission = (struct admission){ .worker = worker, .highest = highest_descriptor() };
	list_init(&admission->sessions);
	list_init(&admission->preface_waits);
}

/* --- whether there is room --- */

void admission_refuse(int fd, const char *why)
{
	listener_refuse(fd, gw_str(why));
	COUNT(sessions_refused);
}

static bool full(const struct admission *admission, int fd, const struct snapshot *snapshot)
{
	return (rlim_t)fd > admission->highest ||
	       atomic_load_explicit(&counters.sessions_open, memory_order_relaxed) >=
		       snapshot->settings.limits.sessions;
}

static bool scarce(const struct admission *admission, int fd, const struct snapshot *snapshot)
{
	int64_t most = snapshot->settings.limits.sessions;
	return (rlim_t)fd > admission->highest - admission->highest / 8 ||
	       atomic_load_explicit(&counters.sessions_open, memory_order_relaxed) >=
		       most - most / 8;
}

/* Clients that connect and do nothing would keep the others out. */
static void make_room(struct admission *admission, const struct snapshot *snapshot)
{
	int64_t now = worker_now(admission->worker), wait = snapshot->settings.timeouts.scarce;
	if (now - admission->swept < SWEEP_MS)
		return;
	admission->swept = now;
	for (struct list_link *at = admission->sessions.next, *next; at != &admission->sessions;
	     at = next) {
		struct gw_session *session = list_of(at, struct gw_session, link);
		next = at->next;
		if (session_idle(session, wait))
			session_goodbye(session, "too many sessions, and this one is idle");
	}
}

static void peer_text(const struct sockaddr *peer, char text[INET6_ADDRSTRLEN])
{
	const void *address = &((const struct sockaddr_in *)peer)->sin_addr;
	if (peer->sa_family == AF_INET6)
		address = &((const struct sockaddr_in6 *)peer)->sin6_addr;
	if (!inet_ntop(peer->sa_family, address, text, INET6_ADDRSTRLEN))
		strcpy(text, "?");
}

static void log_peer(struct log_line *line, const struct sockaddr *peer)
{
	char text[INET6_ADDRSTRLEN];
	peer_text(peer, text);
	log_text(line, KEY_PEER, text);
}

static void emit_crowd(const struct admission *admission, struct snapshot *snapshot,
		       const struct sockaddr *peer)
{
	char text[INET6_ADDRSTRLEN];
	peer_text(peer, text);
	emit_turned_away(admission->worker, snapshot, 421, gw_str(CROWD), gw_str(text));
}

static void log_crowd(const struct sockaddr *peer, int64_t most)
{
	struct log_line *line = log_open(EVENT_CLIENT_CROWD);
	log_peer(line, peer);
	log_int(line, KEY_SESSIONS, most);
	log_close(line);
}

/* False: it was turned away. That is said and told to modules once until the address has no session
 * left: who floods would flood the log, and whatever counts events, as well. */
static bool enter(const struct admission *admission, int fd, struct snapshot *snapshot,
		  const struct sockaddr *address, struct peer **place)
{
	int64_t most = snapshot->settings.limits.sessions_per_client;
	enum client_limits_answer answer = most ? client_limits_enter(address, most, place)
						: CLIENT_LIMITS_ENTERED;
	if (answer == CLIENT_LIMITS_ENTERED)
		return true;
	admission_refuse(fd,
			 answer == CLIENT_LIMITS_NO_MEMORY ? NO_MEMORY : "421 4.7.0 " CROWD "\r\n");
	if (answer == CLIENT_LIMITS_FULL_FIRST) {
		log_crowd(address, most);
		emit_crowd(admission, snapshot, address);
	}
	return false;
}

static void admit(struct admission *admission, int fd, struct snapshot *snapshot,
		  const struct listen_settings *listener, const struct sockaddr *peer)
{
	struct peer *place = NULL;
	if (full(admission, fd, snapshot)) {
		admission_refuse(fd, "421 4.7.0 too many sessions, try again later\r\n");
		return;
	}
	if (!enter(admission, fd, snapshot, peer, &place))
		return;
	struct gw_session *session = session_create(admission->worker, fd, snapshot, listener,
						    peer);
	if (!session) {
		client_limits_leave(place);
		admission_refuse(fd, NO_MEMORY);
		return;
	}
	session->peer = place;
	if (session->mode != MODE_CLOSING)
		list_add(&admission->sessions, &session->link);
}

/* --- for whom a load balancer connects --- */

static void preface_wait_destroy(struct preface_wait *preface_wait)
{
	list_take(&preface_wait->link);
	preface_destroy(preface_wait->preface);
	snapshot_release(preface_wait->snapshot);
	free(preface_wait);
}

/* Balancers look whether somebody listens by connecting without a word, all the time. */
static void log_unsaid(const struct preface_wait *preface_wait, enum preface_end end)
{
	static const char *const reasons[] = {
		[PREFACE_WRONG] = "no PROXY header",
		[PREFACE_LOST] = "closed within the PROXY header",
		[PREFACE_TIMEOUT] = "no PROXY header in time",
	};
	if (end == PREFACE_LOST && !preface_bytes(preface_wait->preface).len)
		return;
	struct log_line *line = log_open(EVENT_PROXY_REFUSED);
	log_peer(line, (const struct sockaddr *)&preface_wait->peer);
	log_str(line, KEY_LISTENER, preface_wait->listener->name);
	log_text(line, KEY_REASON, reasons[end]);
	log_close(line);
	COUNT(sessions_refused);
}

static void heard(struct preface *preface, enum preface_end end, void *arg)
{
	struct preface_wait *preface_wait = arg;
	const struct sockaddr_storage *peer = preface_wait->header.named
						      ? &preface_wait->header.source
						      : &preface_wait->peer;
	if (end == PREFACE_READ)
		admit(preface_wait->admission, preface_take(preface), preface_wait->snapshot,
		      preface_wait->listener, (const struct sockaddr *)peer);
	else
		log_unsaid(preface_wait, end);
	preface_wait_destroy(preface_wait);
}

static ssize_t measure(struct gw_str bytes, void *arg)
{
	struct preface_wait *preface_wait = arg;
	return proxy_parse(bytes, &preface_wait->header);
}

static const struct preface_form proxy_form = {
	.most = PROXY_MAX, .ms = KNOCK_MS, .measure = measure, .ended = heard
};

static void await_header(struct admission *admission, int fd, const struct sockaddr *peer,
			 struct snapshot *snapshot, const struct listen_settings *listener)
{
	struct preface_wait *preface_wait = calloc(1, sizeof(*preface_wait));
	if (!preface_wait || !(preface_wait->preface = preface_create(admission->worker, fd,
								      &proxy_form, preface_wait))) {
		free(preface_wait);
		admission_refuse(fd, NO_MEMORY);
		return;
	}
	preface_wait->admission = admission;
	preface_wait->snapshot = snapshot_hold(snapshot);
	preface_wait->listener = listener;
	memcpy(&preface_wait->peer, peer,
	       peer->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
					   : sizeof(struct sockaddr_in));
	list_add(&admission->preface_waits, &preface_wait->link);
}

static bool is_balancer(const struct listen_settings *listener, const struct sockaddr *peer)
{
	struct ip ip;
	if (!listener->balancer_count || !ip_of(peer, &ip))
		return false;
	for (size_t i = 0; i < listener->balancer_count; i++)
		if (network_holds(&listener->balancers[i], &ip))
			return true;
	return false;
}

void admission_accept(struct admission *admission, int fd, const struct sockaddr *peer,
		      struct snapshot *snapshot, const struct listen_settings *listener)
{
	if (scarce(admission, fd, snapshot))
		make_room(admission, snapshot);
	if (full(admission, fd, snapshot))
		admission_refuse(fd, "421 4.7.0 too many sessions, try again later\r\n");
	else if (is_balancer(listener, peer))
		await_header(admission, fd, peer, snapshot, listener);
	else
		admit(admission, fd, snapshot, listener, peer);
}

void admission_close(struct admission *admission)
{
	while (!list_empty(&admission->preface_waits))
		preface_wait_destroy(
			list_of(admission->preface_waits.next, struct preface_wait, link));
}
