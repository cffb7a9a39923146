#include "receive/entrance.h"

#include "base/log.h"
#include "loop/preface.h"
#include "receive/session.h"
#include "smtp/proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>

#define RESERVE_MOST 1024 /* descriptors that clients leave to deliveries, the spool and the control socket; at most a quarter of all */
#define SWEEP_MS 1000     /* between two looks for idle clients */
#define KNOCK_MS 5000     /* in which a load balancer has to say for whom it comes */
#define NO_MEMORY "421 4.3.0 no memory, try again later\r\n"

/* A connection whose PROXY header is awaited. */
struct knock {
	struct list_link link;
	struct entrance *entrance;
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
	return limit.rlim_cur - (limit.rlim_cur / 4 < RESERVE_MOST ? limit.rlim_cur / 4 : RESERVE_MOST);
}

void entrance_init(struct entrance *entrance, struct worker *worker)
{
	*entrance = (struct entrance){ .worker = worker, .highest = highest_descriptor() };
	list_init(&entrance->sessions);
	list_init(&entrance->knocks);
}

/* --- whether there is room --- */

void entrance_refuse(int fd, const char *why)
{
	ssize_t sent = send(fd, why, strlen(why), MSG_NOSIGNAL | MSG_DONTWAIT);
	(void)sent;
	close(fd);
	COUNT(sessions_refused);
}

static bool full(const struct entrance *entrance, int fd, const struct snapshot *snapshot)
{
	return (rlim_t)fd > entrance->highest ||
	       atomic_load_explicit(&counters.sessions_open, memory_order_relaxed) >= snapshot->settings.limits.sessions;
}

static bool scarce(const struct entrance *entrance, int fd, const struct snapshot *snapshot)
{
	int64_t most = snapshot->settings.limits.sessions;
	return (rlim_t)fd > entrance->highest - entrance->highest / 8 ||
	       atomic_load_explicit(&counters.sessions_open, memory_order_relaxed) >= most - most / 8;
}

/* Clients that connect and do nothing would keep the others out. */
static void make_room(struct entrance *entrance, const struct snapshot *snapshot)
{
	int64_t now = worker_now(entrance->worker), wait = snapshot->settings.timeouts.scarce;
	if (now - entrance->swept < SWEEP_MS)
		return;
	entrance->swept = now;
	for (struct list_link *at = entrance->sessions.next, *next; at != &entrance->sessions; at = next) {
		struct gw_session *session = list_of(at, struct gw_session, link);
		next = at->next;
		if (session_idle(session, wait))
			session_goodbye(session, "too many sessions, and this one is idle");
	}
}

static void log_peer(struct log_line *line, const struct sockaddr *peer)
{
	char text[INET6_ADDRSTRLEN] = "?";
	if (peer->sa_family == AF_INET6)
		inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)peer)->sin6_addr, text, sizeof(text));
	else
		inet_ntop(AF_INET, &((const struct sockaddr_in *)peer)->sin_addr, text, sizeof(text));
	log_text(line, "peer", text);
}

/* Said once until the address has no session left: who floods would flood the log as well. */
static void log_crowd(const struct sockaddr *peer, int64_t most)
{
	struct log_line *line = log_open(LOG_WARN, "client-crowd");
	log_peer(line, peer);
	log_int(line, "sessions", most);
	log_close(line);
}

/* False: it was turned away. */
static bool enter(int fd, const struct sockaddr *address, int64_t most, struct peer **place)
{
	enum peers_answer answer = most ? peers_enter(address, most, place) : PEERS_ENTERED;
	if (answer == PEERS_ENTERED)
		return true;
	if (answer == PEERS_FULL_FIRST)
		log_crowd(address, most);
	entrance_refuse(fd, answer == PEERS_NO_MEMORY ? NO_MEMORY : "421 4.7.0 too many sessions from your address\r\n");
	return false;
}

static void admit(struct entrance *entrance, int fd, struct snapshot *snapshot, const struct listen_settings *listener,
		  const struct sockaddr *peer)
{
	struct peer *place = NULL;
	if (full(entrance, fd, snapshot)) {
		entrance_refuse(fd, "421 4.7.0 too many sessions, try again later\r\n");
		return;
	}
	if (!enter(fd, peer, snapshot->settings.limits.sessions_per_client, &place))
		return;
	struct gw_session *session = session_create(entrance->worker, fd, snapshot, listener, peer);
	if (!session) {
		peers_leave(place);
		entrance_refuse(fd, NO_MEMORY);
		return;
	}
	session->peer = place;
	if (session->mode != MODE_CLOSING)
		list_add(&entrance->sessions, &session->link);
}

/* --- for whom a load balancer connects --- */

static void knock_destroy(struct knock *knock)
{
	list_take(&knock->link);
	preface_destroy(knock->preface);
	snapshot_release(knock->snapshot);
	free(knock);
}

/* Balancers look whether somebody listens by connecting without a word, all the time. */
static void log_unsaid(const struct knock *knock, enum preface_end end)
{
	static const char *const reasons[] = {
		[PREFACE_WRONG] = "no PROXY header", [PREFACE_LOST] = "closed within the PROXY header", [PREFACE_TIMEOUT] = "no PROXY header in time",
	};
	if (end == PREFACE_LOST && !preface_bytes(knock->preface).len)
		return;
	struct log_line *line = log_open(LOG_WARN, "proxy-refused");
	log_peer(line, (const struct sockaddr *)&knock->peer);
	log_str(line, "listener", knock->listener->name);
	log_text(line, "reason", reasons[end]);
	log_close(line);
	COUNT(sessions_refused);
}

static void heard(struct preface *preface, enum preface_end end, void *arg)
{
	struct knock *knock = arg;
	const struct sockaddr_storage *peer = knock->header.named ? &knock->header.source : &knock->peer;
	if (end == PREFACE_READ)
		admit(knock->entrance, preface_take(preface), knock->snapshot, knock->listener, (const struct sockaddr *)peer);
	else
		log_unsaid(knock, end);
	knock_destroy(knock);
}

static ssize_t measure(struct gw_str bytes, void *arg)
{
	struct knock *knock = arg;
	return proxy_parse(bytes, &knock->header);
}

static const struct preface_form proxy_form = { .most = PROXY_MAX, .ms = KNOCK_MS, .measure = measure, .ended = heard };

static void await_header(struct entrance *entrance, int fd, const struct sockaddr *peer, struct snapshot *snapshot,
			 const struct listen_settings *listener)
{
	struct knock *knock = calloc(1, sizeof(*knock));
	if (!knock || !(knock->preface = preface_create(entrance->worker, fd, &proxy_form, knock))) {
		free(knock);
		entrance_refuse(fd, NO_MEMORY);
		return;
	}
	knock->entrance = entrance;
	knock->snapshot = snapshot_hold(snapshot);
	knock->listener = listener;
	memcpy(&knock->peer, peer, peer->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in));
	list_add(&entrance->knocks, &knock->link);
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

void entrance_accept(struct entrance *entrance, int fd, const struct sockaddr *peer, struct snapshot *snapshot,
		     const struct listen_settings *listener)
{
	if (scarce(entrance, fd, snapshot))
		make_room(entrance, snapshot);
	if (full(entrance, fd, snapshot))
		entrance_refuse(fd, "421 4.7.0 too many sessions, try again later\r\n");
	else if (is_balancer(listener, peer))
		await_header(entrance, fd, peer, snapshot, listener);
	else
		admit(entrance, fd, snapshot, listener, peer);
}

void entrance_close(struct entrance *entrance)
{
	while (!list_empty(&entrance->knocks))
		knock_destroy(list_of(entrance->knocks.next, struct knock, link));
}
