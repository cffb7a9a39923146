/* tls_explain.c - gatewayctl tls explain DOMAIN: which TLS mail for a domain goes with, where each
 * fact is from, and what the last attempt got. */
#include "admin/request.h"

#include "base/clock.h"
#include "client/relay_queue.h"

#include <stdlib.h>

struct asking {
	struct post there, back;
	struct request *request;
	struct snapshot *snapshot;
	const struct gw_relay *relay; /* the first with host = "mx" that is on; NULL: none */
	struct dns_mx_question mx;
	struct sts_question sts;
	struct gw_str domain;
	json_t *rows;
	const char *end;
};

static void add(struct asking *asking, const char *what, const char *from, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
static void add(struct asking *asking, const char *what, const char *from, const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	json_array_append_new(asking->rows, json_pack("{s:s, s:o, s:s}", "what", what, "fact",
						      text_of(gw_str(text)), "from", from));
}

/* --- the answer, on main --- */

static void answer(struct post *post)
{
	static const char *const columns[][2] = { { "what", "WHAT" },
						  { "fact", "FACT" },
						  { "from", "FROM" } };
	struct asking *asking = list_of(post, struct asking, back);
	json_t *rows, *table = table_create(columns, 3, &rows);

	json_array_extend(rows, asking->rows);
	json_object_set_new(table, "text", json_string(asking->end));
	request_answer(asking->request, table);
	snapshot_release(asking->snapshot);
	json_decref(asking->rows);
	free(asking);
}

/* --- what is found out, on a worker --- */

static const char *when(int64_t at, char text[CLOCK_RFC3339])
{
	return at ? clock_rfc3339(at, text) : "never";
}

static void tell_last(struct asking *asking)
{
	struct sts_told told;
	char at[CLOCK_RFC3339];

	sts_tell(asking->domain, &told);
	if (told.looked_at)
		add(asking, "mta-sts look", "DNS, HTTPS", "%s, at %s", told.what,
		    when(told.looked_at, at));
	if (told.tried_at)
		add(asking, "last attempt", "since the start", "wanted %s, got %s%s%s%s%s, at %s",
		    told.wanted, told.got, told.host[0] ? " at " : "", told.host,
		    told.why[0] ? ": " : "", told.why, when(told.tried_at, at));
	else
		add(asking, "last attempt", "since the start", "none");
}

static const struct sts_policy *tell_policy(struct asking *asking)
{
	const struct sts_policy *policy = sts_known(asking->domain);
	char from[CLOCK_RFC3339], until[CLOCK_RFC3339];

	if (policy)
		add(asking, "mta-sts policy", "state store", "%s, id %s, fetched %s, until %s",
		    sts_mode_name(policy->mode), policy->id, when(policy->fetched_at, from),
		    when(policy->expires_at, until));
	else
		add(asking, "mta-sts policy", "DNS, HTTPS", "none");
	return policy;
}

static const char *host_applies(const struct asking *asking, const struct dns_host *host,
				const struct sts_policy *policy)
{
	enum dns_tlsa state = asking->relay->dane ? host->tlsa_state : DNS_TLSA_NONE;
	bool enforced = policy && policy->mode == STS_MODE_ENFORCE && asking->relay->mta_sts;

	if (asking->relay->tls == TLS_NONE)
		return "no TLS: the relay says so";
	if (state == DNS_TLSA_FAILED)
		return "passed over: its TLSA records cannot be told";
	if (state == DNS_TLSA_FOUND)
		return host->tlsa_count ? "dane" : "encryption: no TLSA record is usable";
	if (enforced)
		return sts_policy_names(policy, host->name)
			       ? "mta-sts"
			       : "passed over: the mta-sts policy does not name it";
	return asking->relay->tls == TLS_OPPORTUNISTIC ? "opportunistic" : "as the relay demands";
}

static void tell_hosts(struct asking *asking, const struct sts_policy *policy)
{
	static const char *const security[] = { "bogus", "not signed", "proven" };
	const struct dns_answer *mx = asking->mx.answer;

	if (!mx->count)
		add(asking, "mail hosts", "DNS", "none: %.*s", GW_STR_ARGS(mx->text));
	else
		add(asking, "mail hosts", "DNS", "%zu, %s", mx->count, security[mx->security]);
	for (size_t i = 0; i < mx->count; i++) {
		const struct dns_host *host = &mx->hosts[i];
		add(asking, "mail host", "DNS", "%.*s: addresses %s, %zu usable TLSA records: %s",
		    GW_STR_ARGS(host->name), security[host->security], host->tlsa_count,
		    host_applies(asking, host, policy));
	}
	asking->end = mx->count ? host_applies(asking, &mx->hosts[0], policy)
				: "no mail host is known";
}

static void tell(struct asking *asking)
{
	const struct sts_policy *policy = tell_policy(asking);

	tell_hosts(asking, policy);
	sts_policy_release(policy);
	tell_last(asking);
	worker_post(runtime.main, &asking->back);
}

static void policy_known(struct sts_question *question)
{
	struct asking *asking = list_of(question, struct asking, sts);
	const struct dns_answer *mx = asking->mx.answer;

	tell(asking);
	dns_release(mx);
}

static void hosts_known(struct dns_mx_question *question, const struct dns_answer *mx)
{
	struct asking *asking = list_of(question, struct asking, mx);
	struct transport *transport = worker_get(runtime.workers[0], SLOT_TRANSPORT);

	asking->mx.answer = dns_hold(mx);
	asking->sts.done = policy_known;
	if (!asking->relay->mta_sts ||
	    sts_ask(transport, asking->relay, asking->domain, &asking->sts))
		policy_known(&asking->sts);
}

static void ask(struct post *post)
{
	struct asking *asking = list_of(post, struct asking, there);

	asking->mx.done = hosts_known;
	if (dns_mx(dns_of(runtime.workers[0]), asking->domain, &asking->mx) == 0)
		return;
	asking->end = "no memory";
	worker_post(runtime.main, &asking->back);
}

/* --- the question, on main --- */

static const struct gw_relay *direct_relay(const struct snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->relay_count; i++)
		if (snapshot->relays[i].mx && snapshot->relays[i].enabled)
			return &snapshot->relays[i];
	return NULL;
}

void verb_tls_explain(struct request *request, const char *const *words, size_t count)
{
	struct snapshot *snapshot = snapshot_current();
	const struct gw_relay *relay = snapshot ? direct_relay(snapshot) : NULL;
	struct asking *asking = relay ? calloc(1, sizeof(*asking)) : NULL;

	if (!asking) {
		snapshot_release(snapshot);
		request_say(
			request, relay ? EX_OSERR : EX_UNAVAILABLE,
			relay ? "no memory"
			      : "no relay with host = \"mx\" is on: what TLS the others want, `relay list` says");
		return;
	}
	asking->request = request;
	asking->snapshot = snapshot;
	asking->relay = relay;
	asking->domain = gw_str(words[0]);
	asking->rows = json_array();
	asking->end = "";
	asking->there.run = ask;
	asking->back.run = answer;
	worker_post(runtime.workers[0], &asking->there);
}
