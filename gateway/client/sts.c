/* sts.c - what is known of MTA-STS policies, and how it is found out. */
#include "client/sts.h"

#include "base/clock.h"
#include "base/map.h"
#include "client/relay_queue.h"
#include "loop/dns_records.h"
#include "loop/http.h"
#include "queue/runtime.h"

#include <pthread.h>
#include <stdlib.h>

#define OWNER "mta-sts"
#define CHECK_MS (5 * 60 * 1000)                  /* between two looks at a domain's record */
#define RENEW_MOST_MS ((int64_t)24 * 3600 * 1000) /* a policy is fetched anew after that */
#define RECORD_MS 10000                           /* longest wait for the record */
#define FETCH_MS 20000                            /* and for the policy */
#define KNOWN_MOST 10000                          /* domains */

struct known {
	struct gw_str domain;            /* first, for the map */
	const struct sts_policy *policy; /* the last good one; NULL: there was none */
	int64_t checked_at;              /* wall ms; 0: never */
	struct sts_told told;
	char name[];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct str_map table;

/* --- what is known; under the lock --- */

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

static const char *record_key(struct gw_str domain, char key[300])
{
	snprintf(key, 300, "%.*s", (int)(domain.len < 290 ? domain.len : 290), domain.ptr);
	return key;
}

/* "ID FETCHED\n" and the policy as it came. */
static const struct sts_policy *load(struct gw_str domain)
{
	char key[300], id[STS_ID_MOST + 1] = "", *text;
	struct sts_policy *policy = NULL;
	long long fetched = 0;
	const char *why;
	long len;
	int head = 0;

	if (!runtime.state || !(text = malloc(STS_BODY_MOST + 64)))
		return NULL;
	len = state_record_get(runtime.state, gw_str(OWNER), gw_str(record_key(domain, key)), text,
			       STS_BODY_MOST + 63);
	if (len > 0 && len < (long)STS_BODY_MOST + 63) {
		text[len] = '\0';
		if (sscanf(text, "%32[0-9a-zA-Z] %lld\n%n", id, &fetched, &head) == 2 && head > 0)
			policy = sts_policy_read(domain, gw_str(text + head), id, fetched, &why);
	}
	free(text);
	return policy;
}

static void save(struct gw_str domain, const struct sts_policy *policy, struct gw_str body)
{
	char key[300], *text = malloc(body.len + 64);
	int head;

	if (!text || !runtime.state) {
		free(text);
		return;
	}
	head = snprintf(text, 64, "%s %lld\n", policy->id, (long long)policy->fetched_at);
	memcpy(text + head, body.ptr, body.len);
	state_record_put(runtime.state, gw_str(OWNER), gw_str(record_key(domain, key)),
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

/* An end of its time is an end: it is forgotten on disk too. */
static void drop_old(struct known *known, int64_t now)
{
	char key[300];

	if (!known->policy || known->policy->expires_at > now)
		return;
	sts_policy_release(known->policy);
	known->policy = NULL;
	if (runtime.state)
		state_record_drop(runtime.state, gw_str(OWNER),
				  gw_str(record_key(known->domain, key)));
}

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

/* --- finding out --- */

struct sts_asking {
	struct gw_str domain; /* first, for the map; in `name` */
	struct transport *transport;
	TAILQ_HEAD(, sts_question) waiting;
	struct dns_query *record;
	struct http_transfer *fetch;
	char *ca, *server;
	char id[STS_ID_MOST + 1];
	char name[];
};

static void asking_free(struct sts_asking *asking)
{
	str_map_take(&asking->transport->sts, asking->domain);
	if (asking->record)
		dns_records_cancel(asking->record);
	if (asking->fetch)
		http_cancel(asking->fetch);
	free(asking->ca);
	free(asking->server);
	free(asking);
}

void sts_cancel(struct sts_question *question)
{
	if (!question->asking)
		return;
	TAILQ_REMOVE(&question->asking->waiting, question, link);
	question->asking = NULL;
}

static void answer_all(struct sts_asking *asking)
{
	struct transport *transport = asking->transport;
	struct sts_question *question;

	transport_enter(transport);
	while ((question = TAILQ_FIRST(&asking->waiting)) != NULL) {
		sts_cancel(question);
		question->done(question);
	}
	asking_free(asking);
	transport_leave(transport, true);
}

/* The look is over: what it found, and perhaps another policy, whose reference is taken over. */
static void looked(struct sts_asking *asking, const struct sts_policy *policy, const char *what)
{
	int64_t now = worker_wall(asking->transport->worker);
	struct known *known;

	pthread_mutex_lock(&lock);
	known = known_of(asking->domain, true);
	if (known) {
		known->checked_at = known->told.looked_at = now;
		put(known->told.what, sizeof(known->told.what), gw_str(what));
	}
	if (known && policy) {
		sts_policy_release(known->policy);
		known->policy = policy;
		policy = NULL;
	}
	pthread_mutex_unlock(&lock);
	sts_policy_release(policy);
	answer_all(asking);
}

static bool is_text(const struct gw_http_answer *answer)
{
	struct gw_str type = gw_http_field(answer, gw_str("Content-Type"));

	return gw_str_ieq(gw_str_n(type.ptr, type.len < 10 ? type.len : 10), gw_str("text/plain"));
}

static void fetched(const struct gw_http_answer *answer, void *arg)
{
	struct sts_asking *asking = arg;
	struct sts_policy *policy = NULL;
	const char *why = "the policy is no text/plain";
	char what[200] = "the policy was fetched";

	asking->fetch = NULL;
	if (answer->status == 200 && is_text(answer))
		policy = sts_policy_read(asking->domain, answer->body, asking->id,
					 worker_wall(asking->transport->worker), &why);
	if (policy)
		save(asking->domain, policy, answer->body);
	else if (answer->status == 0)
		snprintf(what, sizeof(what), "the policy cannot be fetched: %.*s",
			 GW_STR_ARGS(answer->error));
	else if (answer->status != 200)
		snprintf(what, sizeof(what), "the policy's server said %d", answer->status);
	else
		snprintf(what, sizeof(what), "%s", why);
	looked(asking, policy, what);
}

static void fetch(struct sts_asking *asking)
{
	char url[DNS_NAME_MAX + 64];
	struct gw_http_request request = {
		.size = sizeof(request),
		.ca_file = gw_str(asking->ca),
		.deadline_ms = FETCH_MS,
		.answer_max = STS_BODY_MOST,
	};

	snprintf(url, sizeof(url), "https://mta-sts.%s/.well-known/mta-sts.txt", asking->name);
	request.url = gw_str(url);
	asking->fetch = http_begin_at(asking->transport->worker, &request, gw_str(asking->server),
				      fetched, asking);
	if (!asking->fetch)
		looked(asking, NULL, "the policy cannot be fetched: out of memory");
}

/* The policy of that id is here and young; an old one is fetched anew before its time ends. */
static bool is_good_yet(const struct sts_asking *asking)
{
	const struct sts_policy *policy = sts_known(asking->domain);
	int64_t now = worker_wall(asking->transport->worker), half;
	bool good = false;

	if (policy) {
		half = (policy->expires_at - policy->fetched_at) / 2;
		good = strcmp(policy->id, asking->id) == 0 &&
		       now < policy->fetched_at + (half < RENEW_MOST_MS ? half : RENEW_MOST_MS);
	}
	sts_policy_release(policy);
	return good;
}

static void record_came(const struct gw_dns_answer *answer, void *arg)
{
	struct sts_asking *asking = arg;
	const char *why = answer->status == GW_DNS_FAILED
				  ? "its TXT record cannot be looked up now"
				  : sts_records_read(answer->records, asking->id);

	asking->record = NULL;
	if (why)
		looked(asking, NULL, why);
	else if (is_good_yet(asking))
		looked(asking, NULL, "the policy is the one that is known");
	else
		fetch(asking);
}

static struct dns_query *ask_record(struct sts_asking *asking)
{
	char name[DNS_NAME_MAX + 16];
	struct gw_dns_question question = {
		.size = sizeof(question),
		.type = GW_DNS_TXT,
		.deadline_ms = RECORD_MS,
	};

	snprintf(name, sizeof(name), "_mta-sts.%s", asking->name);
	question.name = gw_str(name);
	return dns_records_ask(dns_of(asking->transport->worker), &question, record_came, asking);
}

static struct sts_asking *asking_create(struct transport *transport, const struct gw_relay *relay,
					const char *name)
{
	size_t len = strlen(name);
	struct sts_asking *asking = calloc(1, sizeof(*asking) + len + 1);

	if (!asking)
		return NULL;
	memcpy(asking->name, name, len);
	asking->domain = gw_str_n(asking->name, len);
	asking->transport = transport;
	TAILQ_INIT(&asking->waiting);
	asking->ca = strndup(relay->ca.len ? relay->ca.ptr : "", relay->ca.len);
	asking->server = strndup(relay->mta_sts_server.len ? relay->mta_sts_server.ptr : "",
				 relay->mta_sts_server.len);
	if (asking->ca && asking->server && str_map_put(&transport->sts, asking) == 0 &&
	    (asking->record = ask_record(asking)) != NULL)
		return asking;
	asking_free(asking);
	return NULL;
}

enum knowledge { KNOW_NOTHING, KNOW_OLD, KNOW_NEW };

static enum knowledge look(const char *name, int64_t now)
{
	enum knowledge found = KNOW_NOTHING;
	struct known *known;

	pthread_mutex_lock(&lock);
	known = known_of(gw_str(name), true);
	if (known) {
		drop_old(known, now);
		if (known->checked_at && now - known->checked_at < CHECK_MS)
			found = KNOW_NEW;
		else if (known->policy)
			found = KNOW_OLD;
	}
	pthread_mutex_unlock(&lock);
	return found;
}

bool sts_ask(struct transport *transport, const struct gw_relay *relay, struct gw_str domain,
	     struct sts_question *question)
{
	char name[DNS_NAME_MAX + 1];
	struct sts_asking *asking;
	enum knowledge known;

	question->asking = NULL;
	if (!dns_name(domain, name))
		return true;
	known = look(name, worker_wall(transport->worker));
	if (known == KNOW_NEW)
		return true;
	asking = str_map_get(&transport->sts, gw_str(name));
	if (!asking)
		asking = asking_create(transport, relay, name);
	if (known == KNOW_OLD || !asking)
		return true;
	question->asking = asking;
	TAILQ_INSERT_TAIL(&asking->waiting, question, link);
	return false;
}

void sts_stop(struct transport *transport)
{
	struct sts_asking *asking;
	size_t at = 0;

	while ((asking = str_map_next(&transport->sts, &at)) != NULL) {
		while (!TAILQ_EMPTY(&asking->waiting))
			sts_cancel(TAILQ_FIRST(&asking->waiting));
		asking_free(asking);
	}
}
