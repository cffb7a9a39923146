/* dns_follow.c - a context that follows resolv.conf. A machine that moves to another network has
 * other name servers from one moment to the next, and the old ones may never answer again. */
#include "loop/dns_private.h"

#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <unbound.h>

#define LOOK_MS 1000    /* between two looks at the file */
#define FRESH_MS 3000   /* questions of one who looks come together */
#define RETIRE_MS 40000 /* longer than anybody waits for an answer */
#define SYSTEM_FILE "/etc/resolv.conf"
#define LINES_MOST 1000

/* Making and ending a context touches what all contexts of the process share. */
static pthread_mutex_t making = PTHREAD_MUTEX_INITIALIZER;

/* --- the options, kept beyond the configuration that they came from --- */

static struct gw_list copy_list(struct arena *arena, const struct gw_list *from)
{
	struct gw_str *items = arena_alloc(arena, (from->count + 1) * sizeof(*items));

	for (size_t i = 0; items && i < from->count; i++)
		items[i] = arena_str(arena, from->items[i]);
	return (struct gw_list){ items, items != NULL ? from->count : 0 };
}

static void copy_options(struct dns_follower *follower, const struct dns_options *from)
{
	struct arena *arena = &follower->arena;
	const char *file = from->resolv_conf ? from->resolv_conf : SYSTEM_FILE;

	follower->options = *from;
	follower->options.forward = copy_list(arena, &from->forward);
	follower->options.trust_anchor = arena_str(arena, from->trust_anchor);
	follower->options.resolv_conf = arena_str(arena, gw_str(file)).ptr;
}

static bool is_system(struct gw_str server)
{
	return gw_str_eq(server, gw_str(DNS_SYSTEM));
}

static bool asks_system(const struct dns_options *options, bool for_hosts)
{
	for (size_t i = 0; i < options->forward.count; i++)
		if (is_system(options->forward.items[i]))
			return true;
	return for_hosts && options->forward.count == 0;
}

/* --- the file: resolv.conf(5) --- */

/* A port may stand behind an address, as in dns.forward. False: it cannot be read. */
static bool read_system(const char *path, struct dns_system *system)
{
	FILE *file = fopen(path, "re");
	char line[512];
	int lines = 0;

	*system = (struct dns_system){ .count = 0 };
	if (!file)
		return false;
	while (system->count < DNS_SYSTEM_MOST && lines++ < LINES_MOST &&
	       fgets(line, sizeof(line), file) != NULL) {
		char *server = system->servers[system->count];

		if (sscanf(line, " nameserver %63[0-9a-fA-F.:@]", server) == 1 &&
		    dns_is_server(gw_str(server)))
			system->count++;
	}
	fclose(file);
	return true;
}

static bool is_same_system(const struct dns_system *a, const struct dns_system *b)
{
	bool same = a->count == b->count;

	for (size_t i = 0; same && i < a->count; i++)
		same = strcmp(a->servers[i], b->servers[i]) == 0;
	return same;
}

/* No server named is the one on this machine. */
static bool begin_system(struct dns_follower *follower, struct problems *problems)
{
	const char *path = follower->options.resolv_conf;
	struct dns_system *system = &follower->system;

	if (!follower->follows)
		return true;
	if (stat(path, &follower->file) == 0 && read_system(path, system)) {
		if (system->count == 0)
			strcpy(system->servers[system->count++], "127.0.0.1");
		return true;
	}
	if (problems)
		problem_add(problems, true, path, 0, "the name servers cannot be read: %s",
			    strerror(errno));
	return false;
}

/* --- contexts --- */

/* Addresses in place of "system". */
static struct gw_list servers_of(struct dns_follower *follower, struct arena *arena)
{
	struct gw_str system = gw_str(DNS_SYSTEM);
	struct gw_list forward = follower->options.forward;
	if (forward.count == 0 && follower->for_hosts)
		forward = (struct gw_list){ &system, 1 };
	struct gw_str *servers = arena_alloc(arena, (forward.count + 1) * DNS_SYSTEM_MOST *
							    sizeof(*servers));
	size_t count = 0;

	for (size_t i = 0; servers && i < forward.count; i++) {
		if (!is_system(forward.items[i]))
			servers[count++] = forward.items[i];
		else
			for (size_t k = 0; k < follower->system.count; k++)
				servers[count++] = gw_str(follower->system.servers[k]);
	}
	return (struct gw_list){ servers, count };
}

static struct ub_ctx *make(struct dns_follower *follower, struct problems *problems)
{
	struct dns_options options = follower->options;
	struct ub_ctx *context = NULL;
	struct arena arena;

	arena_init(&arena, 0);
	options.forward = servers_of(follower, &arena);
	pthread_mutex_lock(&making);
	if (!arena.failed)
		context = follower->for_hosts
				  ? dns_context_hosts(follower->worker, &options)
				  : dns_context_create(follower->worker, &options, problems);
	pthread_mutex_unlock(&making);
	arena_finish(&arena);
	return context;
}

/* Answers what is on its way. */
static void context_end(struct ub_ctx *context)
{
	pthread_mutex_lock(&making);
	ub_ctx_delete(context);
	pthread_mutex_unlock(&making);
}

static void retired_end(struct timer *timer)
{
	struct dns_retired *retired = (struct dns_retired *)timer;
	struct ub_ctx *context = retired->context;

	retired->context = NULL;
	context_end(context);
}

/* NULL: the file changes faster than answers come; it is looked at again later. */
static struct dns_retired *free_place(struct dns_follower *follower)
{
	for (size_t i = 0; i < DNS_RETIRED_MOST; i++)
		if (!follower->retired[i].context)
			return &follower->retired[i];
	return NULL;
}

static void log_renewed(const struct dns_follower *follower, bool taken)
{
	const char *path = follower->options.resolv_conf;

	if (taken)
		log_say(EVENT_NAME_SERVERS, "those that %s names now are asked", path);
	else
		log_say(EVENT_NAME_SERVERS_KEPT,
			"%s has changed and cannot be used: those of before are asked", path);
}

/* What was asked is waited for where it was asked. */
static void retire(struct dns_follower *follower, struct dns_retired *place, struct ub_ctx *context)
{
	place->context = context;
	timer_set(follower->worker, &place->end, RETIRE_MS, retired_end);
}

static void renew(struct dns_follower *follower, struct dns_retired *place)
{
	struct problems problems;
	struct ub_ctx *context;

	problems_init(&problems);
	context = make(follower, &problems);
	problems_finish(&problems);
	log_renewed(follower, context);
	if (!context)
		return;
	retire(follower, place, follower->context);
	follower->context = context;
}

bool dns_follow_begin(struct dns_follower *follower, struct worker *worker,
		      const struct dns_options *options, bool for_hosts, struct problems *problems)
{
	arena_init(&follower->arena, 0);
	follower->worker = worker;
	follower->for_hosts = for_hosts;
	follower->follows = asks_system(options, for_hosts);
	copy_options(follower, options);
	if (follower->arena.failed || !begin_system(follower, problems))
		return false;
	follower->looked = worker_now(worker);
	follower->context = make(follower, problems);
	return follower->context != NULL;
}

static bool is_same_file(const struct stat *a, const struct stat *b)
{
	return a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_size == b->st_size && a->st_ino == b->st_ino && a->st_dev == b->st_dev;
}

/* A file that is gone, or names nobody, is about to be written, or the network is away: those of
 * before are as good as any. */
static void look(struct dns_follower *follower)
{
	const char *path = follower->options.resolv_conf;
	struct dns_retired *place = free_place(follower);
	struct dns_system system;
	struct stat file;

	if (!place || stat(path, &file) != 0 || is_same_file(&file, &follower->file) ||
	    !read_system(path, &system))
		return;
	follower->file = file;
	if (system.count == 0 || is_same_system(&system, &follower->system))
		return;
	follower->system = system;
	renew(follower, place);
}

struct ub_ctx *dns_follow(struct dns_follower *follower)
{
	int64_t now = worker_now(follower->worker);

	if (follower->follows && follower->context && now - follower->looked >= LOOK_MS) {
		follower->looked = now;
		look(follower);
	}
	return follower->context;
}

struct ub_ctx *dns_follow_fresh(struct dns_follower *follower)
{
	struct ub_ctx *known = dns_follow(follower), *made;
	int64_t now = worker_now(follower->worker);
	struct dns_retired *place = free_place(follower);

	if (follower->fresh && (now - follower->fresh_since < FRESH_MS || !place))
		return follower->fresh;
	made = make(follower, NULL);
	if (!made)
		return follower->fresh ? follower->fresh : known;
	if (follower->fresh)
		retire(follower, place, follower->fresh);
	follower->fresh = made;
	follower->fresh_since = now;
	return made;
}

void dns_follow_end(struct dns_follower *follower)
{
	struct ub_ctx *context = follower->context, *fresh = follower->fresh;

	for (size_t i = 0; i < DNS_RETIRED_MOST; i++) {
		timer_clear(&follower->retired[i].end);
		retired_end(&follower->retired[i].end);
	}
	follower->context = follower->fresh = NULL;
	context_end(context);
	if (fresh)
		context_end(fresh);
	arena_finish(&follower->arena);
}
