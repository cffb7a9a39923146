/* sts_known.c - the MTA-STS policies that are known, in a table, and in the state store. */
#include "client/sts_known.h"

#include "base/clock.h"
#include "base/map.h"
#include "client/transport.h"
#include "queue/runtime.h"

#include <pthread.h>
#include <stdlib.h>

#define OWNER "mta-sts"
#define CHECK_MS (5 * 60 * 1000) /* between two looks at a domain's record */
#define KNOWN_MOST 10000         /* domains */

struct known {
	struct gw_str domain;            /* first, for the map */
	const struct sts_policy *policy; /* the last good one; NULL: there was none */
	int64_t checked_at;              /* wall ms; 0: never */
	struct sts_told told;
	const char *failure; /* of the last look */
	char name[];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct str_map table;

/* --- the table and the store behind it; under the lock --- */

static void forget(bool policies)
{
	struct known *known;
	size_t at = 0;

	while ((known = str_map_next(&table, &at)) != NULL) {
		if (known->policy && !policies)
			continue;
		str_map_take(&table, known->domain);
		sts_policy_release(known->policy);
		free(known);
	}
}

/* Those without a policy are found again soon, and of the others the store has what came: nobody's
 * policy keeps another one's from counting. */
static void make_room(void)
{
	forget(false);
	if (table.count >= KNOWN_MOST && runtime.state)
		forget(true);
}

/* "ID FETCHED\n" and the policy as it came. */
static const struct sts_policy *load(struct gw_str domain)
{
	char id[STS_ID_MOST + 1] = "", *text;
	struct sts_policy *policy = NULL;
	long long fetched = 0;
	const char *why;
	long len;
	int head = 0;

	if (!runtime.state || !(text = malloc(STS_BODY_MOST + 64)))
		return NULL;
	len = state_record_get(runtime.state, gw_str(OWNER), domain, text, STS_BODY_MOST + 63);
	if (len > 0 && len < (long)STS_BODY_MOST + 63) {
		text[len] = '\0';
		if (sscanf(text, "%32[0-9a-zA-Z] %lld\n%n", id, &fetched, &head) == 2 && head > 0)
			policy = sts_policy_read(domain, gw_str(text + head), id, fetched, &why);
	}
	free(text);
	return policy;
}

static void save(const struct sts_policy *policy, struct gw_str body)
{
	char *text = malloc(body.len + 64);
	int head;

	if (!text || !runtime.state) {
		free(text);
		return;
	}
	head = snprintf(text, 64, "%s %lld\n", policy->id, (long long)policy->fetched_at);
	memcpy(text + head, body.ptr, body.len);
	state_record_put(runtime.state, gw_str(OWNER), policy->domain,
			 gw_str_n(text, (size_t)head + body.len));
	free(text);
}

static struct known *known_of(struct gw_str domain, bool make)
{
	struct known *known = str_map_get(&table, domain);

	if (known || !make)
		return known;
	if (table.count >= KNOWN_MOST)
		make_room();
	known = table.count < KNOWN_MOST ? calloc(1, sizeof(*known) + domain.len + 1) : NULL;
	if (!known)
		return NULL;
	memcpy(known->name, domain.ptr, domain.len);
	known->domain = gw_str_n(known->name, domain.len);
	known->policy = load(known->domain);
	if (str_map_put(&table, known) == 0)
		return known;
	sts_policy_release(known->policy);
	free(known);
	return NULL;
}

static void drop_old(struct known *known, int64_t now)
{
	if (!known->policy || known->policy->expires_at > now)
		return;
	sts_policy_release(known->policy);
	known->policy = NULL;
	if (runtime.state)
		state_record_drop(runtime.state, gw_str(OWNER), known->domain);
}

/* --- what others ask and say --- */

const struct sts_policy *sts_known(struct gw_str domain)
{
	const struct sts_policy *policy = NULL;
	char name[DNS_NAME_MAX + 1];
	struct known *known;

	if (!dns_name(domain, name))
		return NULL;
	pthread_mutex_lock(&lock);
	known = known_of(gw_str(name), true);
	if (known && known->policy && known->policy->expires_at > clock_wall())
		policy = sts_policy_hold(known->policy);
	pthread_mutex_unlock(&lock);
	return policy;
}

void sts_tell(struct gw_str domain, struct sts_told *told)
{
	char name[DNS_NAME_MAX + 1];
	struct known *known;

	*told = (struct sts_told){ 0 };
	if (!dns_name(domain, name))
		return;
	pthread_mutex_lock(&lock);
	known = known_of(gw_str(name), false);
	if (known)
		*told = known->told;
	pthread_mutex_unlock(&lock);
}

static void put(char *to, size_t size, struct gw_str text)
{
	snprintf(to, size, "%.*s", GW_STR_ARGS(text));
}

void sts_note(struct gw_str domain, const struct attempt_tls *tls, struct gw_str host,
	      struct gw_str why)
{
	char name[DNS_NAME_MAX + 1];
	struct known *known;

	if (!tls->wanted.len || !dns_name(domain, name))
		return;
	pthread_mutex_lock(&lock);
	known = known_of(gw_str(name), true);
	if (known) {
		struct sts_told *told = &known->told;
		told->tried_at = clock_wall();
		put(told->wanted, sizeof(told->wanted), tls->wanted);
		put(told->got, sizeof(told->got), tls->got.len ? tls->got : gw_str("no link"));
		put(told->host, sizeof(told->host), host);
		put(told->why, sizeof(told->why), tls->doubt.len ? tls->doubt : why);
	}
	pthread_mutex_unlock(&lock);
}

enum sts_knowledge sts_known_look(struct gw_str domain, int64_t now)
{
	enum sts_knowledge found = STS_KNOWN_NOT;
	struct known *known;

	pthread_mutex_lock(&lock);
	known = known_of(domain, true);
	if (known) {
		drop_old(known, now);
		if (known->checked_at && now - known->checked_at < CHECK_MS)
			found = STS_KNOWN_NEW;
		else if (known->policy)
			found = STS_KNOWN_OLD;
	}
	pthread_mutex_unlock(&lock);
	return found;
}

const char *sts_known_failure(struct gw_str domain)
{
	const char *failure = NULL;
	char name[DNS_NAME_MAX + 1];
	const struct known *known;

	if (!dns_name(domain, name))
		return NULL;
	pthread_mutex_lock(&lock);
	known = known_of(gw_str(name), false);
	if (known && (!known->policy || known->policy->expires_at <= clock_wall()))
		failure = known->failure;
	pthread_mutex_unlock(&lock);
	return failure;
}

void sts_known_looked(struct gw_str domain, int64_t now, const char *what, const char *failure)
{
	struct known *known;

	pthread_mutex_lock(&lock);
	known = known_of(domain, true);
	if (known) {
		known->checked_at = known->told.looked_at = now;
		known->failure = failure;
		put(known->told.what, sizeof(known->told.what), gw_str(what));
	}
	pthread_mutex_unlock(&lock);
}

void sts_known_replace(const struct sts_policy *policy, struct gw_str body)
{
	struct known *known;

	save(policy, body);
	pthread_mutex_lock(&lock);
	known = known_of(policy->domain, true);
	if (known) {
		sts_policy_release(known->policy);
		known->policy = policy;
		policy = NULL;
	}
	pthread_mutex_unlock(&lock);
	sts_policy_release(policy);
}
