/* mx_group.c - with host = "mx": from the domain of the recipients to the relay queue of its mail
 * hosts.
 *
 * All domains with the same hosts are one MX group. An MX group's relay queue is made when somebody
 * sends there, and freed when nobody does any more. */
#include "client/client.h"
#include "queue/runtime.h"

#include <stdlib.h>

#define SWEEP_MS 30000
#define IN_CLEAR "#tls-not-required"
#define NAME_MOST                                                                                  \
	(256 + DNS_HOSTS * (DNS_NAME_MAX + 8) + DNS_NAME_MAX + STS_ID_MOST + sizeof(IN_CLEAR) + 8)

/* --- relay queues of MX groups --- */

static void fire_sweep(struct timer *timer)
{
	struct transport *transport = list_of(timer, struct transport, sweep);
	transport_enter(transport);
	mx_group_sweep(transport, worker_now(transport->worker));
	transport_leave(transport, true);
}

static void expect_sweep(struct transport *transport)
{
	if (transport->groups.count > 0 && !timer_pending(&transport->sweep))
		timer_set(transport->worker, &transport->sweep, SWEEP_MS, fire_sweep);
}

/* While mail is parked for an MX group that is down, each probe is a use. */
static bool is_unused(const struct relay_queue *queue, int64_t now)
{
	return queue->group && !queue->touched && !queue->waiting.first &&
	       LIST_EMPTY(&queue->busy) && LIST_EMPTY(&queue->idle) &&
	       now - queue->used_at >
		       MX_GROUP_KEPT + (queue->down_for ? RELAY_QUEUE_PROBE_MOST : 0);
}

void mx_group_sweep(struct transport *transport, int64_t now)
{
	struct relay_queue **at = &transport->queues, *queue;
	while ((queue = *at)) {
		if (!is_unused(queue, now)) {
			at = &queue->next;
			continue;
		}
		*at = queue->next;
		str_map_take(&transport->groups, queue->name);
		relay_queue_destroy(queue);
		free(queue);
	}
	expect_sweep(transport);
}

/* "relay/mx1.example.net,mx2.example.net"; what one domain's policy demands of a link another one's
 * may not, nor another policy of its own. False: too long. */
static bool name_mx_group(char text[NAME_MOST], const struct gw_relay *relay,
			  const struct dns_answer *mx, const struct sts_policy *sts,
			  struct gw_str *name)
{
	int len = snprintf(text, NAME_MOST - sizeof(IN_CLEAR),
			   sts ? "%.*s/%.*s#sts:%.*s:%s" : "%.*s/%.*s", GW_STR_ARGS(relay->name),
			   GW_STR_ARGS(mx->key), GW_STR_ARGS(sts ? sts->domain : gw_str("")),
			   sts ? sts->id : "");
	*name = gw_str_n(text, (size_t)len);
	return len > 0 && (size_t)len < NAME_MOST - sizeof(IN_CLEAR);
}

static struct relay_queue *make_relay_queue(struct transport *transport, struct gw_relay *relay,
					    struct gw_str name)
{
	struct relay_shared *shared = mx_group_shared(relay, name);
	struct relay_queue *queue = shared ? relay_queue_create(transport, shared) : NULL;
	if (!queue) {
		if (shared)
			mx_group_release(shared);
		return NULL;
	}
	queue->group = true;
	if (str_map_put(&transport->groups, queue) != 0) {
		transport->queues = queue->next;
		relay_queue_destroy(queue);
		free(queue);
		return NULL;
	}
	expect_sweep(transport);
	return queue;
}

static struct relay_queue *relay_queue_to(struct transport *transport, struct gw_relay *relay,
					  const struct dns_answer *mx, const struct sts_policy *sts)
{
	char text[NAME_MOST];
	struct gw_str name;
	struct relay_queue *queue;
	if (!name_mx_group(text, relay, mx, sts, &name))
		return NULL;
	queue = str_map_get(&transport->groups, name);
	return queue ? queue : make_relay_queue(transport, relay, name);
}

/* Links of which no policy demands anything carry no other mail. */
static struct relay_queue *relay_queue_in_clear(struct transport *transport, struct gw_relay *relay,
						const struct dns_answer *mx)
{
	char text[NAME_MOST];
	struct gw_str name;
	struct relay_queue *queue;
	if (!name_mx_group(text, relay, mx, NULL, &name))
		return NULL;
	memcpy(text + name.len, IN_CLEAR, sizeof(IN_CLEAR)); /* there is room */
	name.len += strlen(IN_CLEAR);
	queue = str_map_get(&transport->groups, name);
	if (!queue)
		queue = make_relay_queue(transport, relay, name);
	if (queue)
		queue->tls_not_required = true;
	return queue;
}

static struct relay_queue *relay_queue_for(struct transport *transport, struct attempt *attempt,
					   const struct dns_answer *mx)
{
	if (attempt->tap)
		return mx_group_aside(transport, attempt->relay);
	if (!tls_not_required(attempt, mx))
		return relay_queue_to(transport, attempt->relay, mx, attempt->sts);
	sts_policy_release(attempt->sts);
	attempt->sts = NULL;
	return relay_queue_in_clear(transport, attempt->relay, mx);
}

static bool counts_sts(const struct gw_relay *relay)
{
	return relay->mx && relay->mta_sts && relay->tls != TLS_NONE;
}

/* What is to be enforced now, with a reference; NULL: nothing. */
static const struct sts_policy *sts_in_force(const struct gw_relay *relay, struct gw_str domain)
{
	const struct sts_policy *policy = counts_sts(relay) ? sts_known(domain) : NULL;

	if (!policy || policy->mode == STS_MODE_ENFORCE)
		return policy;
	sts_policy_release(policy);
	return NULL;
}

struct relay_queue *mx_group_known(struct transport *transport, struct gw_relay *relay,
				   struct gw_str domain)
{
	const struct dns_answer *mx = dns_peek(dns_of(transport->worker), domain);
	const struct sts_policy *sts = mx && mx->count ? sts_in_force(relay, domain) : NULL;
	struct relay_queue *queue = NULL;
	char text[NAME_MOST];
	struct gw_str name;

	if (mx && mx->count && name_mx_group(text, relay, mx, sts, &name))
		queue = str_map_get(&transport->groups, name);
	sts_policy_release(sts);
	return queue;
}

/* No host is called so. */
struct relay_queue *mx_group_aside(struct transport *transport, struct gw_relay *relay)
{
	char text[NAME_MOST];
	int len = snprintf(text, sizeof(text), "%.*s/(watched)", GW_STR_ARGS(relay->name));
	struct gw_str name = gw_str_n(text,
				      (size_t)len < sizeof(text) ? (size_t)len : sizeof(text) - 1);
	struct relay_queue *queue = str_map_get(&transport->groups, name);
	return queue ? queue : make_relay_queue(transport, relay, name);
}

/* --- an attempt on its way to one --- */

/* RFC 5321 section 5.1: a host that is in the list itself may not pass mail on to those no better
 * than it. */
size_t mx_group_hosts(const struct dns_answer *mx, struct gw_str self)
{
	size_t i, count = 0;
	for (i = 0; i < mx->count && !gw_str_ieq(mx->hosts[i].name, self); i++)
		;
	while (count < mx->count &&
	       (i == mx->count || mx->hosts[count].preference < mx->hosts[i].preference))
		count++;
	return count;
}

static void give_up(struct transport *transport, struct attempt *attempt, bool permanent,
		    const char *enhanced, struct gw_str text)
{
	struct outcome outcome;
	outcome_set(&outcome, attempt->arena, permanent ? GW_BOUNCED : GW_DEFERRED, STAGE_RESOLVE,
		    !permanent, 0, enhanced, text, gw_str(""));
	attempt_finish(attempt, &outcome);
	attempt_end(transport, attempt);
}

static void go(struct transport *transport, struct attempt *attempt, const struct dns_answer *mx)
{
	const struct dns_verdict *verdict = &dns_verdicts[mx->outcome];
	struct relay_queue *queue;

	if (verdict->enhanced) {
		give_up(transport, attempt, verdict->permanent, verdict->enhanced, mx->text);
	} else if (!mx_group_hosts(mx, attempt->snapshot->settings.hostname)) {
		give_up(transport, attempt, true, "5.4.6",
			gw_str("the domain's best mail host is this gateway, which has no other way for it"));
	} else if (!(queue = relay_queue_for(transport, attempt, mx))) {
		attempt_fail(transport, attempt, "4.3.0", "out of memory");
	} else {
		if (!attempt->mx)
			attempt->mx = dns_hold(mx);
		relay_queue_append(queue, attempt);
	}
}

static void go_by_policy(struct transport *transport, struct attempt *attempt,
			 const struct dns_answer *mx)
{
	const struct sts_policy *policy = counts_sts(attempt->relay)
						  ? sts_known(attempt->rcpts[0]->domain)
						  : NULL;

	if (policy && policy->mode == STS_MODE_ENFORCE)
		attempt->sts = policy;
	else if (policy && policy->mode == STS_MODE_TESTING && attempt->wants_links)
		attempt->sts_tested = policy;
	else
		sts_policy_release(policy);
	go(transport, attempt, mx);
}

static void policy_known(struct sts_question *question)
{
	struct attempt *attempt = list_of(question, struct attempt, sts_question);
	struct transport *transport = worker_get(attempt->worker, SLOT_TRANSPORT);

	transport_enter(transport);
	go_by_policy(transport, attempt, attempt->mx);
	transport_leave(transport, true);
}

static void answered(struct dns_mx_question *question, const struct dns_answer *mx)
{
	struct attempt *attempt = list_of(question, struct attempt, question);
	struct transport *transport = worker_get(attempt->worker, SLOT_TRANSPORT);
	transport_enter(transport);
	attempt->sts_question.done = policy_known;
	if (!mx->count || !counts_sts(attempt->relay) ||
	    sts_ask(transport, attempt->relay, attempt->rcpts[0]->domain, &attempt->sts_question))
		go_by_policy(transport, attempt, mx);
	else
		attempt->mx = dns_hold(mx);
	transport_leave(transport, true);
}

void mx_group_ask(struct transport *transport, struct attempt *attempt)
{
	attempt->question.done = answered;
	if (dns_mx(dns_of(transport->worker), attempt->rcpts[0]->domain, &attempt->question) != 0)
		attempt_fail(transport, attempt, "4.3.0", "out of memory");
}

void mx_group_forget(struct attempt *attempt)
{
	dns_cancel(&attempt->question);
	sts_cancel(&attempt->sts_question);
	sts_policy_release(attempt->sts);
	sts_policy_release(attempt->sts_tested);
	attempt->sts = attempt->sts_tested = NULL;
	dns_release(attempt->mx);
	attempt->mx = NULL;
}

/* --- addresses that do not answer --- */

static bool same_address(const union dns_address *a, const union dns_address *b)
{
	if (a->any.sa_family != b->any.sa_family)
		return false;
	if (a->any.sa_family == AF_INET)
		return a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
	return memcmp(&a->v6.sin6_addr, &b->v6.sin6_addr, sizeof a->v6.sin6_addr) == 0;
}

bool mx_group_is_marked(const struct relay_queue *queue, const union dns_address *address)
{
	size_t i;
	for (i = 0; i < MX_GROUP_MARKS; i++)
		if (queue->marks[i].until > worker_now(queue->transport->worker) &&
		    same_address(&queue->marks[i].address, address))
			return true;
	return false;
}

void mx_group_mark(struct relay_queue *queue, const union dns_address *address)
{
	if (mx_group_is_marked(queue, address))
		return;
	queue->marks[queue->next_mark++ % MX_GROUP_MARKS] = (struct mx_group_mark){
		*address, worker_now(queue->transport->worker) + MX_GROUP_MARKED
	};
}
