/* site.c - with host = "mx": from the domain of the recipients to the lane of its mail hosts.
 *
 * All domains with the same hosts are one site. A site's lane is made when somebody sends there, and freed when nobody does any more. */
#include "client/client.h"
#include "queue/runtime.h"

#include <stdlib.h>

#define container(type, member, ptr) ((type *)((char *)(ptr) - offsetof(type, member)))

#define SWEEP_MS 30000
#define NAME_MOST (256 + DNS_HOSTS * (DNS_NAME_MAX + 1))

static struct dns *dns_of(const struct transport *transport)
{
	return worker_get(transport->worker, SLOT_DNS);
}

/* --- lanes of sites --- */

static void fire_sweep(struct timer *timer)
{
	struct transport *transport = container(struct transport, sweep, timer);
	transport_enter(transport);
	site_sweep(transport, worker_now(transport->worker));
	transport_leave(transport, true);
}

static void expect_sweep(struct transport *transport)
{
	if (transport->sites.count > 0 && !timer_pending(&transport->sweep))
		timer_set(transport->worker, &transport->sweep, SWEEP_MS, fire_sweep);
}

/* While mail is parked for a site that is down, each probe is a use. */
static bool is_unused(const struct lane *lane, int64_t now)
{
	return lane->site && !lane->touched && !lane->waiting.first && LIST_EMPTY(&lane->busy) && LIST_EMPTY(&lane->idle) &&
	       now - lane->used_at > SITE_KEPT + (lane->down_for ? LANE_PROBE_MOST : 0);
}

void site_sweep(struct transport *transport, int64_t now)
{
	struct lane **at = &transport->lanes, *lane;
	while ((lane = *at)) {
		if (!is_unused(lane, now)) {
			at = &lane->next;
			continue;
		}
		*at = lane->next;
		str_map_take(&transport->sites, lane->name);
		lane_destroy(lane);
		free(lane);
	}
	expect_sweep(transport);
}

/* "relay/mx1.example.net,mx2.example.net"; false: too long. */
static bool name_site(char text[NAME_MOST], const struct gw_relay *relay, const struct dns_answer *mx, struct gw_str *name)
{
	int len = snprintf(text, NAME_MOST, "%.*s/%.*s", GW_STR_ARGS(relay->name), GW_STR_ARGS(mx->key));
	*name = gw_str_n(text, (size_t)len);
	return len > 0 && len < NAME_MOST;
}

static struct lane *make_lane(struct transport *transport, struct gw_relay *relay, struct gw_str name)
{
	struct relay_shared *shared = site_shared(relay, name);
	struct lane *lane = shared ? lane_create(transport, shared) : NULL;
	if (!lane) {
		if (shared)
			site_release(shared);
		return NULL;
	}
	lane->site = true;
	if (str_map_put(&transport->sites, lane) != 0) {
		transport->lanes = lane->next;
		lane_destroy(lane);
		free(lane);
		return NULL;
	}
	expect_sweep(transport);
	return lane;
}

static struct lane *lane_to(struct transport *transport, struct gw_relay *relay, const struct dns_answer *mx)
{
	char text[NAME_MOST];
	struct gw_str name;
	struct lane *lane;
	if (!name_site(text, relay, mx, &name))
		return NULL;
	lane = str_map_get(&transport->sites, name);
	return lane ? lane : make_lane(transport, relay, name);
}

struct lane *site_known(struct transport *transport, struct gw_relay *relay, struct gw_str domain)
{
	const struct dns_answer *mx = dns_peek(dns_of(transport), domain);
	char text[NAME_MOST];
	struct gw_str name;
	return mx && mx->count && name_site(text, relay, mx, &name) ? str_map_get(&transport->sites, name) : NULL;
}

/* No host is called so. */
struct lane *site_aside(struct transport *transport, struct gw_relay *relay)
{
	char text[NAME_MOST];
	int len = snprintf(text, sizeof(text), "%.*s/(watched)", GW_STR_ARGS(relay->name));
	struct gw_str name = gw_str_n(text, (size_t)len < sizeof(text) ? (size_t)len : sizeof(text) - 1);
	struct lane *lane = str_map_get(&transport->sites, name);
	return lane ? lane : make_lane(transport, relay, name);
}

/* --- an attempt on its way to one --- */

/* RFC 5321 section 5.1: a host that is in the list itself may not pass mail on to those no better than it. */
size_t site_hosts(const struct dns_answer *mx, struct gw_str self)
{
	size_t i, count = 0;
	for (i = 0; i < mx->count && !gw_str_ieq(mx->hosts[i].name, self); i++)
		;
	while (count < mx->count && (i == mx->count || mx->hosts[count].preference < mx->hosts[i].preference))
		count++;
	return count;
}

static void give_up(struct transport *transport, struct attempt *attempt, bool permanent, const char *enhanced, struct gw_str text)
{
	struct outcome outcome;
	outcome_set(&outcome, attempt->arena, permanent ? GW_BOUNCED : GW_DEFERRED, STAGE_RESOLVE, !permanent, 0, enhanced, text, gw_str(""));
	attempt_settle(attempt, &outcome);
	attempt_end(transport, attempt);
}

static void go(struct transport *transport, struct attempt *attempt, const struct dns_answer *mx)
{
	const struct dns_verdict *verdict = &dns_verdicts[mx->outcome];
	struct lane *lane;

	if (verdict->enhanced) {
		give_up(transport, attempt, verdict->permanent, verdict->enhanced, mx->text);
	} else if (!site_hosts(mx, attempt->snapshot->settings.hostname)) {
		give_up(transport, attempt, true, "5.4.6", gw_str("the domain's best mail host is this gateway, which has no other way for it"));
	} else if (!(lane = attempt->watch ? site_aside(transport, attempt->relay) : lane_to(transport, attempt->relay, mx))) {
		attempt_fail(transport, attempt, "4.3.0", "out of memory");
	} else {
		attempt->mx = dns_hold(mx);
		lane_append(lane, attempt);
	}
}

static void answered(struct dns_mx_question *question, const struct dns_answer *mx)
{
	struct attempt *attempt = container(struct attempt, question, question);
	struct transport *transport = worker_get(attempt->worker, SLOT_TRANSPORT);
	transport_enter(transport);
	go(transport, attempt, mx);
	transport_leave(transport, true);
}

void site_ask(struct transport *transport, struct attempt *attempt)
{
	attempt->question.done = answered;
	if (dns_mx(dns_of(transport), attempt->rcpts[0]->domain, &attempt->question) != 0)
		attempt_fail(transport, attempt, "4.3.0", "out of memory");
}

void site_forget(struct attempt *attempt)
{
	dns_cancel(&attempt->question);
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

bool site_is_marked(const struct lane *lane, const union dns_address *address)
{
	size_t i;
	for (i = 0; i < SITE_MARKS; i++)
		if (lane->marks[i].until > worker_now(lane->transport->worker) && same_address(&lane->marks[i].address, address))
			return true;
	return false;
}

void site_mark(struct lane *lane, const union dns_address *address)
{
	if (site_is_marked(lane, address))
		return;
	lane->marks[lane->next_mark++ % SITE_MARKS] = (struct site_mark){ *address, worker_now(lane->transport->worker) + SITE_MARKED };
}
