#include "servers.h"

#include "authority.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define PORT 53

struct heard {
	bool is_wanted;
	int64_t when;
	size_t count;
	struct served *served; /* SERVERS_MOST; NULL: nothing was heard */
};

/* One domain at a time. The worker that began it has it until it is ready, then the thread. */
struct asking {
	bool is_open, is_ready;
	size_t first, keys; /* of the domain */
	int64_t when;
	char name[sizeof "_domainkey." + GW_DOMAIN_MAX]; /* whose servers are looked for */
	size_t at;                                       /* how much of it was too much */
	size_t count, names, open;
	bool failed[SERVERS_MOST]; /* an address of that name is not known now */
	struct served servers[SERVERS_MOST];
};

struct servers {
	const struct lives *lives;
	pthread_mutex_t lock;
	pthread_cond_t change;
	pthread_t thread;
	bool runs;
	atomic_bool stops;
	struct asking asking;
	struct heard heard[]; /* as the keys */
};

/* --- the thread --- */

static void ask_one(const struct key *key, struct served *served, struct authority_answer *got)
{
	char name[KEY_NAME_MAX];

	if (!*served->address)
		return;
	key_name(key, name);
	authority_ask(served->address, PORT, name, got);
	served->is_alias = got->is_alias;
	served->no_route = got->no_route;
	served->record = got->answer.status == GW_DNS_FAILED ? DKIM_RECORD_UNKNOWN
							     : life_judge(key, &got->answer);
	snprintf(served->why, sizeof served->why, "%.*s", GW_STR_ARGS(got->answer.error));
}

/* Who did not answer for one key is not waited for with the next. */
static bool is_silent(const struct served *before)
{
	return before && *before->address && before->record == DKIM_RECORD_UNKNOWN;
}

/* Without the lock: nobody else touches what is ready. `before`: what was heard of the key before.
 */
static void ask_all(struct servers *servers, size_t number, const struct served *before,
		    struct served *out)
{
	const struct asking *asking = &servers->asking;
	struct authority_answer *got = malloc(sizeof *got);
	size_t i;

	memcpy(out, asking->servers, sizeof asking->servers);
	for (i = 0; got && i < asking->count && !servers->stops; i++) {
		if (is_silent(before ? &before[i] : NULL))
			out[i] = before[i];
		else
			ask_one(&servers->lives->signer->keys[number], &out[i], got);
	}
	free(got);
}

static void take(struct servers *servers, size_t number, struct served *served)
{
	struct heard *heard = &servers->heard[number];

	free(heard->served);
	heard->served = served;
	heard->count = served ? servers->asking.count : 0;
	heard->when = servers->asking.when;
	heard->is_wanted = false;
}

/* Under the lock, which it leaves for the while. */
static void work(struct servers *servers)
{
	struct asking *asking = &servers->asking;
	struct served *served = NULL, *before;
	size_t i;

	for (i = asking->first; i < asking->first + asking->keys; i++) {
		before = served;
		pthread_mutex_unlock(&servers->lock);
		served = calloc(SERVERS_MOST, sizeof *served);
		if (served)
			ask_all(servers, i, before, served);
		pthread_mutex_lock(&servers->lock);
		take(servers, i, served);
	}
	asking->is_open = asking->is_ready = false;
}

static void *run(void *arg)
{
	struct servers *servers = arg;

	pthread_mutex_lock(&servers->lock);
	while (!servers->stops) {
		if (servers->asking.is_ready)
			work(servers);
		else
			pthread_cond_wait(&servers->change, &servers->lock);
	}
	pthread_mutex_unlock(&servers->lock);
	return NULL;
}

/* --- the worker: who is asked --- */

/* There is no thread for it: nothing is heard. */
static void forget(struct servers *servers)
{
	size_t i;

	for (i = 0; i < servers->asking.keys; i++)
		servers->heard[servers->asking.first + i].is_wanted = false;
	servers->asking.is_open = servers->asking.is_ready = false;
}

static void ready(struct servers *servers)
{
	pthread_mutex_lock(&servers->lock);
	servers->asking.is_ready = true;
	if (!servers->runs)
		servers->runs = pthread_create(&servers->thread, NULL, run, servers) == 0;
	if (!servers->runs)
		forget(servers);
	pthread_cond_signal(&servers->change);
	pthread_mutex_unlock(&servers->lock);
}

/* Nobody can be asked. */
static void give_up(struct servers *servers, const char *why)
{
	servers->asking.count = 0;
	snprintf(servers->asking.servers[0].why, sizeof servers->asking.servers[0].why, "%s", why);
	ready(servers);
}

static bool ask(struct gw_call *call, size_t nth, enum gw_dns_type type, const char *name)
{
	const struct gw_dns_question question = { .size = sizeof question,
						  .type = type,
						  .name = gw_str(name) };

	return gw->dns_ask(call, &question, (void *)(SERVERS_MARK + nth + 1)) != 0;
}

static void ask_zone(struct gw_call *call, struct servers *servers)
{
	if (!ask(call, 0, GW_DNS_NS, servers->asking.name + servers->asking.at))
		give_up(servers, "the name servers cannot be asked for");
}

void servers_timer(struct gw_call *call, struct servers *servers)
{
	const struct signer *signer = servers->lives->signer;
	struct asking *asking = &servers->asking;
	const struct key *keys;
	size_t i;

	pthread_mutex_lock(&servers->lock);
	for (i = 0; i < signer->key_count && !servers->heard[i].is_wanted; i++)
		;
	if (asking->is_open || i == signer->key_count) {
		pthread_mutex_unlock(&servers->lock);
		return;
	}
	*asking = (struct asking){ .is_open = true, .when = gw->now(call) };
	pthread_mutex_unlock(&servers->lock);
	asking->keys = signer_keys(signer, gw_str(signer->keys[i].domain), &keys);
	asking->first = (size_t)(keys - signer->keys);
	snprintf(asking->name, sizeof asking->name, "_domainkey.%s", keys->domain);
	ask_zone(call, servers);
}

/* Of the question for the addresses of a server; 0 is the one for the servers. */
static size_t number_of(size_t nth, bool six)
{
	return 1 + 2 * nth + six;
}

/* The zone is cut at this label or above it. */
static void take_zone(struct gw_call *call, struct servers *servers,
		      const struct gw_dns_answer *answer)
{
	struct asking *asking = &servers->asking;
	struct gw_str rest = gw_str(asking->name + asking->at);
	size_t i, label = gw_str_find(rest, '.');

	if (answer->status == GW_DNS_FAILED) {
		give_up(servers, "the name servers are not known now");
		return;
	}
	if (answer->status != GW_DNS_FOUND) {
		asking->at += label + 1;
		if (label == rest.len || !strchr(asking->name + asking->at, '.'))
			give_up(servers, "there are no name servers");
		else
			ask_zone(call, servers);
		return;
	}
	for (i = 0; i < answer->records.count && i < SERVERS_MOST; i++)
		snprintf(asking->servers[i].name, sizeof asking->servers[i].name, "%.*s",
			 GW_STR_ARGS(answer->records.items[i]));
	asking->names = asking->count = i;
	asking->open = 2 * i;
	for (i = 0; i < asking->names; i++) {
		asking->open -= !ask(call, number_of(i, false), GW_DNS_A, asking->servers[i].name);
		asking->open -= !ask(call, number_of(i, true), GW_DNS_AAAA,
				     asking->servers[i].name);
	}
	if (!asking->open)
		give_up(servers, "the name servers cannot be asked for");
}

/* A server of several addresses is as many. */
static void take_addresses(struct asking *asking, size_t nth, const struct gw_dns_answer *answer)
{
	struct served *server;
	size_t i;

	asking->failed[nth] |= answer->status == GW_DNS_FAILED;
	for (i = 0; i < answer->records.count; i++) {
		server = &asking->servers[nth];
		if (*server->address) {
			if (asking->count == SERVERS_MOST)
				return;
			asking->servers[asking->count] = *server;
			server = &asking->servers[asking->count++];
		}
		snprintf(server->address, sizeof server->address, "%.*s",
			 GW_STR_ARGS(answer->records.items[i]));
	}
}

static void name_the_unknown(struct asking *asking)
{
	size_t i;

	for (i = 0; i < asking->names; i++)
		if (!*asking->servers[i].address)
			snprintf(asking->servers[i].why, sizeof asking->servers[i].why, "%s",
				 asking->failed[i] ? "its address is not known now"
						   : "has no address: not asked");
}

void servers_answered(struct gw_call *call, struct servers *servers, size_t nth,
		      const struct gw_dns_answer *answer)
{
	struct asking *asking = &servers->asking;

	if (nth == 0) {
		take_zone(call, servers, answer);
		return;
	}
	if ((nth - 1) / 2 < asking->names)
		take_addresses(asking, (nth - 1) / 2, answer);
	if (--asking->open == 0) {
		name_the_unknown(asking);
		ready(servers);
	}
}

/* --- from outside --- */

struct servers *servers_create(const struct lives *lives)
{
	struct servers *servers = calloc(1, sizeof *servers + lives->signer->key_count *
								      sizeof *servers->heard);

	if (!servers)
		return NULL;
	servers->lives = lives;
	pthread_mutex_init(&servers->lock, NULL);
	pthread_cond_init(&servers->change, NULL);
	return servers;
}

void servers_destroy(struct servers *servers)
{
	size_t i;

	if (!servers)
		return;
	pthread_mutex_lock(&servers->lock);
	servers->stops = true;
	pthread_cond_signal(&servers->change);
	pthread_mutex_unlock(&servers->lock);
	if (servers->runs)
		pthread_join(servers->thread, NULL);
	for (i = 0; i < servers->lives->signer->key_count; i++)
		free(servers->heard[i].served);
	pthread_cond_destroy(&servers->change);
	pthread_mutex_destroy(&servers->lock);
	free(servers);
}

void servers_want(struct servers *servers, const char *domain)
{
	const struct signer *signer = servers->lives->signer;
	size_t i;

	pthread_mutex_lock(&servers->lock);
	for (i = 0; i < signer->key_count; i++)
		if (strcmp(signer->keys[i].domain, domain) == 0)
			servers->heard[i].is_wanted = true;
	pthread_mutex_unlock(&servers->lock);
}

bool servers_busy(struct servers *servers)
{
	bool busy = false;
	size_t i;

	pthread_mutex_lock(&servers->lock);
	for (i = 0; i < servers->lives->signer->key_count; i++)
		busy |= servers->heard[i].is_wanted;
	pthread_mutex_unlock(&servers->lock);
	return busy;
}

/* Where no way leads to one address of a server, another one of it says what it serves. */
static bool is_beside(const struct served *served, size_t count, size_t nth)
{
	size_t i;

	for (i = 0; served[nth].no_route && i < count; i++)
		if (i != nth && strcmp(served[i].name, served[nth].name) == 0 &&
		    (!served[i].no_route || i < nth))
			return true;
	return false;
}

size_t servers_of(struct servers *servers, size_t number, struct served out[SERVERS_MOST],
		  int64_t *when)
{
	const struct heard *heard = &servers->heard[number];
	size_t count = 0, i;

	pthread_mutex_lock(&servers->lock);
	*when = heard->when;
	*out[0].why = '\0';
	if (heard->served)
		out[0] = heard->served[0];
	for (i = 0; i < heard->count; i++)
		if (!is_beside(heard->served, heard->count, i))
			out[count++] = heard->served[i];
	pthread_mutex_unlock(&servers->lock);
	return count;
}
