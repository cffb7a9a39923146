#include "loop/resolver.h"

#include "base/map.h"
#include "loop/listener.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>

#define KEEP_MS 60000
#define KEEP_FAILURE_MS 10000
#define NAME_MOST 255
#define NAMES_MOST 1024 /* of one worker; beyond it one is forgotten for each that comes */

/* One name: being looked up, or with its answer. The resolver, each question and the look-up hold it. */
struct host {
	struct gw_str key; /* first, for the map */
	char *name;
	struct resolver *resolver; /* NULL: it is gone */
	unsigned references;
	bool answered;
	int64_t until;
	struct question *first, **last; /* wait for the look-up */
	struct offload look_up;
	struct resolved answer;
};

/* One resolver_ask; outlives its cancellation. */
struct question {
	struct question *next;
	struct post post;
	struct host *host;
	struct resolve *resolve; /* NULL: cancelled */
	uint16_t port;
};

struct resolver {
	struct worker *worker;
	struct offload_line *line;
	struct str_map hosts;
};

static void host_drop(struct host *host)
{
	if (--host->references != 0)
		return;
	free(host->name);
	free(host);
}

static struct host *host_create(struct gw_str name)
{
	struct host *host = calloc(1, sizeof(*host));

	if (host == NULL)
		return NULL;
	host->name = strndup(name.ptr, name.len);
	if (host->name == NULL) {
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

	if (resolve != NULL) {
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
	tell((struct question *)((char *)post - offsetof(struct question, post)));
}

static void keep_addresses(struct resolved *answer, const struct addrinfo *found)
{
	for (; found != NULL && answer->count < RESOLVER_ADDRESSES; found = found->ai_next) {
		if (found->ai_addrlen > sizeof(answer->addresses[0]))
			continue;
		memcpy(&answer->addresses[answer->count], found->ai_addr, found->ai_addrlen);
		answer->lengths[answer->count++] = found->ai_addrlen;
	}
}

/* On a thread of the pool; nobody else touches the answer meanwhile. */
static void look_up(struct offload *offload)
{
	struct host *host = (struct host *)((char *)offload - offsetof(struct host, look_up));
	struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM }, *found = NULL;

	host->answer.error = getaddrinfo(host->name, NULL, &hints, &found);
	if (host->answer.error == 0)
		keep_addresses(&host->answer, found);
	if (found != NULL)
		freeaddrinfo(found);
}

static void looked_up(struct post *post)
{
	struct host *host = (struct host *)((char *)post - offsetof(struct host, look_up.post));
	struct question *question = host->first, *next;

	host->answered = true;
	if (host->resolver != NULL)
		host->until = worker_now(host->resolver->worker) + (host->answer.error == 0 ? KEEP_MS : KEEP_FAILURE_MS);
	host->first = NULL;
	for (; question != NULL; question = next) {
		next = question->next;
		tell(question);
	}
	host_drop(host);
}

static void forget(struct resolver *resolver, struct host *host)
{
	str_map_take(&resolver->hosts, host->key);
	host->resolver = NULL;
	host_drop(host);
}

/* One name is forgotten at a time, since the map may not change while it is walked; `all`: though its time has not come. */
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

	if (host == NULL)
		return NULL;
	make_room(resolver, worker_now(resolver->worker));
	if (str_map_put(&resolver->hosts, host) < 0) {
		host_drop(host);
		return NULL;
	}
	host->resolver = resolver;
	host->references++; /* of the look-up */
	host->look_up.work = look_up;
	host->look_up.post.run = looked_up;
	if (!offload_run(resolver->line, resolver->worker, &host->look_up)) {
		host->references--;
		forget(resolver, host);
		return NULL;
	}
	return host;
}

/* A host of the map with an answer or one to come, never an outdated one. Not a new reference. */
static struct host *find(struct resolver *resolver, struct gw_str name)
{
	struct host *host = str_map_get(&resolver->hosts, name);

	if (host != NULL && host->answered && host->until <= worker_now(resolver->worker)) {
		forget(resolver, host);
		host = NULL;
	}
	return host != NULL ? host : begin(resolver, name);
}

/* What needs no look-up: a numeric address, or what can be no name. Its reference is the question's. */
static struct host *answer_at_once(struct gw_str name)
{
	struct sockaddr_storage address;
	socklen_t len;
	bool numeric = listener_address(name, 0, &address, &len);
	struct host *host;

	if (!numeric && name.len != 0 && name.len <= NAME_MOST && !gw_str_has_nul(name))
		return NULL;
	host = host_create(gw_str(""));
	if (host == NULL)
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

	if (host != NULL)
		return host;
	host = find(resolver, name);
	if (host != NULL)
		host->references++;
	return host;
}

int resolver_ask(struct resolver *resolver, struct gw_str host, uint16_t port, struct resolve *resolve)
{
	struct question *question = calloc(1, sizeof(*question));

	if (question != NULL)
		question->host = host_for(resolver, host);
	if (question == NULL || question->host == NULL) {
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

	if (question != NULL)
		question->resolve = NULL;
	resolve->pending = NULL;
}

struct resolver *resolver_create(struct worker *worker, struct offload_pool *pool)
{
	struct resolver *resolver = calloc(1, sizeof(*resolver));

	if (resolver == NULL)
		return NULL;
	resolver->worker = worker;
	resolver->line = offload_line(pool, "names");
	if (resolver->line == NULL) {
		free(resolver);
		return NULL;
	}
	str_map_init(&resolver->hosts);
	return resolver;
}

void resolver_destroy(struct resolver *resolver)
{
	struct host *host;
	size_t at = 0;

	if (resolver == NULL)
		return;
	while ((host = str_map_next(&resolver->hosts, &at)) != NULL) {
		host->resolver = NULL;
		host_drop(host);
	}
	str_map_finish(&resolver->hosts);
	free(resolver);
}
