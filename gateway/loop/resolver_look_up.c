/* resolver_look_up.c - one host name on its way: the hosts file, the DNS, the system. */
#include "loop/resolver_private.h"

#include "base/list.h"
#include "loop/hosts_file.h"

#include <arpa/nameser.h>
#include <netdb.h>
#include <unbound-event.h>

#define SECOND ((int64_t)1000)
#define KEEP_LEAST SECOND
#define KEEP_MOST (3600 * SECOND)
#define KEEP_UNTIMED (60 * SECOND) /* what has no TTL */
#define KEEP_FAILURE (10 * SECOND)
#define DNS_MOST (5 * SECOND)
#define OTHER_FAMILY 50 /* ms: RFC 8305 section 3, the Resolution Delay */

static struct host *host_of(struct post *post)
{
	return list_of(post, struct host, work.post);
}

/* Nobody asks on: who waits for it, if anybody still does, is told so. */
static void give_up(struct host *host)
{
	host->answer.error = EAI_AGAIN;
	host_answered(host, KEEP_FAILURE);
}

void host_leave(struct host *host)
{
	host->resolver = NULL;
	timer_clear(&host->limit);
	if (!host->answered && host->source == HOST_FROM_DNS)
		give_up(host);
}

static struct host *host_at_work(struct offload *work)
{
	return list_of(work, struct host, work);
}

/* `done` has a reference. */
static bool run(struct host *host, struct offload_line *line, void (*work)(struct offload *),
		void (*done)(struct post *))
{
	host->work.work = work;
	host->work.post.run = done;
	host->references++;
	if (offload_run(line, host->resolver->worker, &host->work))
		return true;
	host->references--;
	return false;
}

static void put(struct resolved *answer, const union dns_address *address)
{
	socklen_t len = address->any.sa_family == AF_INET6 ? sizeof(address->v6)
							   : sizeof(address->v4);

	if (answer->count == RESOLVER_ADDRESSES)
		return;
	memcpy(&answer->addresses[answer->count], address, len);
	answer->lengths[answer->count++] = len;
}

/* --- the system --- */

static void ask_system(struct offload *work)
{
	struct host *host = host_at_work(work);
	struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM },
			*found = NULL, *each;

	host->answer.error = getaddrinfo(host->name, NULL, &hints, &found);
	for (each = found; each; each = each->ai_next)
		if (each->ai_family == AF_INET6 || each->ai_family == AF_INET)
			put(&host->answer, (const union dns_address *)each->ai_addr);
	if (found)
		freeaddrinfo(found);
}

static void system_said(struct post *post)
{
	struct host *host = host_of(post);

	host_answered(host, host->answer.error == 0 ? KEEP_UNTIMED : KEEP_FAILURE);
	host_drop(host);
}

static bool begin_system(struct host *host)
{
	host->source = HOST_FROM_SYSTEM;
	host->answer = (struct resolved){ 0 };
	return run(host, host->resolver->system, ask_system, system_said);
}

static void go_to_system(struct host *host)
{
	timer_clear(&host->limit);
	if (!begin_system(host))
		give_up(host);
}

/* --- the DNS --- */

/* Of many addresses half are of the other family. */
static void fill(struct host *host)
{
	size_t half = RESOLVER_ADDRESSES / 2, six = host->six.count, i;

	if (six > half && six + host->four.count > RESOLVER_ADDRESSES)
		six = host->four.count < half ? RESOLVER_ADDRESSES - host->four.count : half;
	host->answer = (struct resolved){ 0 };
	for (i = 0; i < six; i++)
		put(&host->answer, &host->six.addresses[i]);
	for (i = 0; i < host->four.count; i++)
		put(&host->answer, &host->four.addresses[i]);
}

static void shorten(struct host *host, uint32_t ttl)
{
	int64_t keep = ttl * SECOND < KEEP_LEAST ? KEEP_LEAST : ttl * SECOND,
		until = worker_now(host->resolver->worker) + keep;

	if (until < host->until)
		host->until = until;
}

/* What has come by now is the answer, if anything has. */
static void conclude(struct timer *timer)
{
	struct host *host = list_of(timer, struct host, limit);

	if (host->six.count + host->four.count == 0) {
		go_to_system(host);
		return;
	}
	timer_clear(&host->limit);
	fill(host);
	host_answered(host, host->until - worker_now(host->resolver->worker));
}

/* An answer that comes late is for those who ask later. */
static void heard(struct host *host)
{
	if (host->answered)
		fill(host);
	else if (!host->six.open && !host->four.open)
		conclude(&host->limit);
	else if (host->six.count + host->four.count != 0)
		timer_set(host->resolver->worker, &host->limit, OTHER_FAMILY, conclude);
}

static void take(void *arg, const union dns_address *address)
{
	struct host_query *query = arg;

	if (query->count < RESOLVER_ADDRESSES)
		query->addresses[query->count++] = *address;
}

static void close_query(struct host_query *query)
{
	struct host *host = query->host;

	query->open = false;
	if (!host->six.open && !host->four.open)
		LIST_REMOVE(host, link);
	host_drop(host);
}

static void came(void *arg, int rcode, void *packet, int len, int security, char *why, int limited)
{
	struct host_query *query = arg;
	struct host *host = query->host;
	uint32_t ttl = UINT32_MAX;

	host->references++;
	close_query(query);
	if (host->resolver && host->source == HOST_FROM_DNS) {
		if (packet_addresses(rcode == 0 ? packet : NULL, len, query->type, &ttl, take,
				     query) == PACKET_FOUND)
			shorten(host, ttl);
		heard(host);
	}
	host_drop(host);
}

static void open_query(struct host *host, struct host_query *query, int type)
{
	query->host = host;
	query->type = type;
	query->open = true;
	host->references++;
}

static void ask(struct host_query *query)
{
	struct ub_ctx *context = query->host->resolver->servers.context;

	if (ub_resolve_event(context, query->host->asked, query->type, ns_c_in, query, came,
			     NULL) != 0)
		came(query, ns_r_servfail, NULL, 0, 0, NULL, 0);
}

/* An answer that libunbound has already comes from inside: both are open before the first is asked.
 */
static void ask_dns(struct host *host)
{
	struct resolver *resolver = host->resolver;

	host->source = HOST_FROM_DNS;
	host->until = worker_now(resolver->worker) + KEEP_MOST;
	timer_set(resolver->worker, &host->limit, DNS_MOST, conclude);
	open_query(host, &host->six, ns_t_aaaa);
	open_query(host, &host->four, ns_t_a);
	LIST_INSERT_HEAD(&resolver->open, host, link);
	dns_follow(&resolver->servers);
	ask(&host->six);
	ask(&host->four);
}

void host_end_queries(struct resolver *resolver)
{
	struct host *host;

	while ((host = LIST_FIRST(&resolver->open)) != NULL) {
		host->references++;
		if (host->six.open)
			close_query(&host->six);
		if (host->four.open)
			close_query(&host->four);
		host_drop(host);
	}
}

/* --- the hosts file --- */

static void read_file(struct offload *work)
{
	struct host *host = host_at_work(work);
	union dns_address found[RESOLVER_ADDRESSES];
	size_t count = hosts_file_find(host->hosts_file, host->asked, found, RESOLVER_ADDRESSES), i;

	for (i = 0; i < count; i++)
		put(&host->answer, &found[i]);
}

static void file_was_read(struct post *post)
{
	struct host *host = host_of(post);

	if (host->answer.count != 0)
		host_answered(host, KEEP_UNTIMED);
	else if (host->resolver)
		ask_dns(host);
	else
		give_up(host);
	host_drop(host);
}

/* "127.1" and "0x7f.1" are old forms of addresses, which the system reads. */
static bool is_number(const char *name)
{
	const char *last = strrchr(name, '.');

	last = last ? last + 1 : name;
	return last[strspn(last, "0123456789")] == '\0' || strncmp(last, "0x", 2) == 0;
}

static bool is_of_dns(struct host *host)
{
	return host->resolver->servers.context != NULL && dns_name(host->key, host->asked) &&
	       strchr(host->asked, '.') != NULL && !is_number(host->asked);
}

bool host_look_up(struct host *host)
{
	if (!is_of_dns(host))
		return begin_system(host);
	host->hosts_file = host->resolver->hosts_file;
	return run(host, host->resolver->files, read_file, file_was_read);
}
