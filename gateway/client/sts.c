/* sts.c - how a policy is found out: the domain's record, then the file at its server. */
#include "client/sts.h"

#include "client/relay_queue.h"
#include "loop/dns_records.h"
#include "loop/http.h"

#include <stdlib.h>

#define RENEW_MOST_MS ((int64_t)24 * 3600 * 1000) /* a policy is fetched anew after that */
#define RECORD_MS 10000                           /* longest wait for the record */
#define FETCH_MS 20000                            /* and for the policy */

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

static void looked(struct sts_asking *asking, const char *what, const char *failure)
{
	sts_known_looked(asking->domain, worker_wall(asking->transport->worker), what, failure);
	answer_all(asking);
}

static bool is_text(const struct gw_http_answer *answer)
{
	struct gw_str type = gw_http_field(answer, gw_str("Content-Type"));

	return gw_str_ieq(gw_str_n(type.ptr, type.len < 10 ? type.len : 10), gw_str("text/plain"));
}

static const char *failure_of(const struct gw_http_answer *answer)
{
	if (answer->untrusted)
		return "sts-webpki-invalid";
	return answer->status == 200 ? "sts-policy-invalid" : "sts-policy-fetch-error";
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
		sts_known_replace(policy, answer->body);
	else if (answer->status == 0)
		snprintf(what, sizeof(what), "the policy cannot be fetched: %.*s",
			 GW_STR_ARGS(answer->error));
	else if (answer->status != 200)
		snprintf(what, sizeof(what), "the policy's server said %d", answer->status);
	else
		snprintf(what, sizeof(what), "%s", why);
	looked(asking, what, policy ? NULL : failure_of(answer));
}

static void fetch(struct sts_asking *asking)
{
	char url[DNS_NAME_MAX + 64];
	struct gw_http_request request = {
		.size = sizeof(request),
		.ca_file = gw_str(asking->ca),
		.deadline_ms = FETCH_MS,
		.answer_max = STS_BODY_MOST,
		/* whoever owns a domain names this server, and has no business in our network */
		.public_only = !dns_is_local(dns_of(asking->transport->worker)),
	};

	snprintf(url, sizeof(url), "https://mta-sts.%s/.well-known/mta-sts.txt", asking->name);
	request.url = gw_str(url);
	asking->fetch = http_begin_at(asking->transport->worker, &request, gw_str(asking->server),
				      fetched, asking);
	if (!asking->fetch)
		looked(asking, "the policy cannot be fetched: out of memory", NULL);
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
		looked(asking, why, NULL);
	else if (is_good_yet(asking))
		looked(asking, "the policy is the one that is known", NULL);
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

bool sts_ask(struct transport *transport, const struct gw_relay *relay, struct gw_str domain,
	     struct sts_question *question)
{
	char name[DNS_NAME_MAX + 1];
	struct sts_asking *asking;
	enum sts_knowledge known;

	question->asking = NULL;
	if (!dns_name(domain, name))
		return true;
	known = sts_known_look(gw_str(name), worker_wall(transport->worker));
	if (known == STS_KNOWN_NEW)
		return true;
	asking = str_map_get(&transport->sts, gw_str(name));
	if (!asking)
		asking = asking_create(transport, relay, name);
	if (known == STS_KNOWN_OLD || !asking)
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
