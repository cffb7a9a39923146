/* resolver.c - who asks for which host, and the answers that are kept. */
#include "loop/resolver_private.h"

#include "base/list.h"
#include "loop/listener.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <unbound.h>

#define NAME_MOST 255
#define NAMES_MOST 1024 /* of one worker; beyond it one is forgotten for each that comes */

/* One resolver_ask; outlives its cancellation. */
struct question {
	struct question *next;
	struct post post;
	struct host *host;
	struct resolve *resolve; /* NULL: cancelled */
	uint16_t port;
};

void host_drop(struct host *host)
{
	if (--host->references != 0)
		return;
	timer_clear(&host->limit);
	free(host->name);
	free(host);
}

static struct host *host_create(struct gw_str name)
{
	struct host *host = calloc(1, sizeof(*host));

	if (!host)
		return NULL;
	host->name = strndup(name.ptr, name.len);
	if (!host->name) {
		free(host);
		return NULL;
	}
	host->key = gw_str_n(host->name, name.len);
	host->last = &host->first;
	host->references = 1;
	return host;
}

static void set_port(struct sockaddr_storage *address, uint16_t port)
{
	if (address->ss_family == AF_INET6)
		((struct sockaddr_in6 *)address)->sin6_port = htons(port);
	else
		((struct sockaddr_in *)address)->sin_port = htons(port);
}

/* Tells the answer and ends the question. */
static void tell(struct question *question)
{
	struct resolve *resolve = question->resolve;
	struct host *host = question->host;
	size_t i;

	if (resolve) {
		resolve->pending = NULL;
		for (i = 0; i < host->answer.count; i++)
			set_port(&host->answer.addresses[i], question->port);
		resolve->done(resolve, &host->answer);
	}
	host_drop(host);
	free(question);
}

static void tell_posted(struct post *post)
{
	tell(list_of(post, struct question, post));
}

void host_answered(struct host *host, int64_t keep_ms)
{
	struct question *question = host->first, *next;

	host->answered = true;
	if (host->resolver)
		host->until = worker_now(host->resolver->worker) + keep_ms;
	host->first = NULL;
	for (; question; question = next) {
		next = question->next;
		tell(question);
	}
}

static void forget(struct resolver *resolver, struct host *host)
{
	str_map_take(&resolver->hosts, host->key);
	host->resolver = NULL;
	host_drop(host);
}

/* One name is forgotten at a time, since the map may not change while it is walked; `all`: though
 * its time has not come. */
static bool forget_one(struct resolver *resolver, int64_t now, bool all)
{
	struct host *host;
	size_t at = 0;

	while ((host = str_map_next(&resolver->hosts, &at)) != NULL) {
		if (host->answered && (all || host->until <= now)) {
			forget(resolver, host);
			return true;
		}
	}
	return false;
}

static void make_room(struct resolver *resolver, int64_t now)
{
	if (resolver->hosts.count < NAMES_MOST)
		return;
	if (!forget_one(resolver, now, false))
		forget_one(resolver, now, true);
}

static struct host *begin(struct resolver *resolver, struct gw_str name)
{
	struct host *host = host_create(name);

	if (!host)
		return NULL;
	make_room(resolver, worker_now(resolver->worker));
	if (str_map_put(&resolver->hosts, host) < 0) {
		host_drop(host);
		return NULL;
	}
	host->resolver = resolver;
	if (host_look_up(host))
		return host;
	forget(resolver, host);
	return NULL;
}

/* A host of the map with an answer or one to come, never an outdated one. Not a new reference. */
static struct host *find(struct resolver *resolver, struct gw_str name)
{
	struct host *host = str_map_get(&resolver->hosts, name);

	if (host && host->answered && host->until <= worker_now(resolver->worker)) {
		forget(resolver, host);
		host = NULL;
	}
	return host != NULL ? host : begin(resolver, name);
}

/* What needs no look-up: a numeric address, or what can be no name. Its reference is the
 * question's. */
static struct host *answer_at_once(struct gw_str name)
{
	struct sockaddr_storage address;
	socklen_t len;
	bool numeric = listener_address(name, 0, &address, &len);
	struct host *host;

	if (!numeric && name.len != 0 && name.len <= NAME_MOST && !gw_str_has_nul(name))
		return NULL;
	host = host_create(gw_str(""));
	if (!host)
		return NULL;
	host->answered = true;
	host->answer.error = numeric ? 0 : EAI_NONAME;
	host->answer.count = numeric ? 1 : 0;
	host->answer.addresses[0] = address;
	host->answer.lengths[0] = numeric ? len : 0;
	return host;
}

static struct host *host_for(struct resolver *resolver, struct gw_str name)
{
	struct host *host = answer_at_once(name);

	if (host)
		return host;
	host = find(resolver, name);
	if (host)
		host->references++;
	return host;
}

int resolver_ask(struct resolver *resolver, struct gw_str host, uint16_t port,
		 struct resolve *resolve)
{
	struct question *question = calloc(1, sizeof(*question));

	if (question)
		question->host = host_for(resolver, host);
	if (!question || !question->host) {
		free(question);
		return -1;
	}
	question->port = port;
	question->resolve = resolve;
	question->post.run = tell_posted;
	resolve->pending = question;
	if (question->host->answered) {
		worker_post(resolver->worker, &question->post);
		return 0;
	}
	*question->host->last = question;
	question->host->last = &question->next;
	return 0;
}

void resolver_cancel(struct resolve *resolve)
{
	struct question *question = resolve->pending;

	if (question)
		question->resolve = NULL;
	resolve->pending = NULL;
}

struct resolver *resolver_create(struct worker *worker, struct offload_pool *pool,
				 const struct dns_options *dns, const char *hosts)
{
	struct resolver *resolver = calloc(1, sizeof(*resolver));

	if (!resolver)
		return NULL;
	resolver->worker = worker;
	resolver->hosts_file = hosts;
	resolver->files = offload_line(pool, "hosts");
	resolver->system = offload_line(pool, "names");
	if (!resolver->files || !resolver->system) {
		free(resolver);
		return NULL;
	}
	if (dns)
		dns_follow_begin(&resolver->servers, worker, dns, true, NULL);
	str_map_init(&resolver->hosts);
	LIST_INIT(&resolver->open);
	return resolver;
}

void resolver_destroy(struct resolver *resolver)
{
	struct host *host;
	size_t at = 0;

	if (!resolver)
		return;
	while ((host = str_map_next(&resolver->hosts, &at)) != NULL) {
		host_leave(host);
		host_drop(host);
	}
	str_map_finish(&resolver->hosts);
	dns_follow_end(&resolver->servers);
	host_end_queries(resolver);
	free(resolver);
}
