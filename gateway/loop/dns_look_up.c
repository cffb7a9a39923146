/* dns_look_up.c - the questions that one domain needs: its MX, then the addresses of each host, all
 * at once. */
#include "loop/dns_private.h"

#include "base/list.h"

#include <arpa/nameser.h>
#include <stdio.h>
#include <stdlib.h>
#include <unbound-event.h>

#define TIMEOUT_MS 30000
/* An answer that takes longer makes room for others, and is waited for beside them. */
#define MOMENT_MS 400

struct query {
	struct look_up *look_up;
	size_t host;
	int type;
};

/* libunbound cannot be told to forget a query, so the look-up lives until all have come back. */
struct look_up {
	LIST_ENTRY(look_up) link;
	struct dns *dns;
	struct domain *domain; /* NULL: nobody waits any more */
	struct timer limit;
	unsigned open;       /* queries on their way */
	unsigned asked_tlsa; /* bits of hosts */
	bool retried;        /* its domain was silent before */
	char name[DNS_NAME_MAX + 1];
	struct query mx, addresses[2 * DNS_HOSTS], tlsa[DNS_HOSTS];
	struct found found;
};

static void drop(struct look_up *look_up)
{
	LIST_REMOVE(look_up, link);
	timer_clear(&look_up->limit);
	free(look_up);
}

static unsigned *count_of(struct look_up *look_up)
{
	struct window *window = &look_up->dns->window;

	return look_up->found.slow ? &window->slow : &window->quick;
}

static void open_one(struct look_up *look_up)
{
	look_up->open++;
	++*count_of(look_up);
}

static void conclude(struct look_up *look_up)
{
	struct domain *domain = look_up->domain;

	look_up->domain = NULL;
	if (!domain)
		return;
	found_end(&look_up->found);
	domain_answered(domain, &look_up->found);
}

static void let_go(struct look_up *look_up)
{
	struct dns *dns = look_up->dns;

	--*count_of(look_up);
	if (--look_up->open == 0) {
		dns->window.retried -= look_up->retried;
		conclude(look_up);
		drop(look_up);
	}
	dns_window_turn(dns);
}

static void out_of_time(struct timer *timer)
{
	struct look_up *look_up = list_of(timer, struct look_up, limit);

	look_up->found.text = "the name servers did not answer in time";
	conclude(look_up);
}

static int64_t most_ms(const struct dns *dns)
{
	return dns->timeout_ms != 0 ? dns->timeout_ms : TIMEOUT_MS;
}

static void moment_is_over(struct timer *timer)
{
	struct look_up *look_up = list_of(timer, struct look_up, limit);
	struct dns *dns = look_up->dns;

	*count_of(look_up) -= look_up->open;
	look_up->found.slow = true;
	*count_of(look_up) += look_up->open;
	timer_set(dns->worker, timer, most_ms(dns) - MOMENT_MS, out_of_time);
	dns_window_turn(dns);
}

static void fail(struct look_up *look_up, const char *text)
{
	look_up->found.outcome = DNS_FAILED;
	look_up->found.text = text;
}

/* --- what comes back --- */

static enum dns_security security_of(int security)
{
	static const enum dns_security map[] = { DNS_INSECURE, DNS_BOGUS, DNS_SECURE };

	return security >= 0 && security <= 2 ? map[security] : DNS_INSECURE;
}

static void take_tlsa(void *arg, const struct tls_tlsa *tlsa)
{
	const struct query *query = arg;

	found_tlsa(&query->look_up->found, query->host, tlsa);
}

/* Absence counts where it is proven; and an alias into a zone without proof is absence. */
static void tlsa_came(void *arg, int rcode, void *packet, int len, int sec, char *why, int limited)
{
	struct query *query = arg;
	struct look_up *look_up = query->look_up;
	struct found_tlsa *tlsa = &look_up->found.hosts[query->host].tlsa;
	enum dns_security security = security_of(sec);
	enum packet_kind kind = PACKET_FAILED;
	uint32_t ttl = UINT32_MAX;

	if (look_up->domain != NULL) {
		if (rcode == 0 && security != DNS_BOGUS)
			kind = packet_tlsa(packet, len, &ttl, take_tlsa, query);
		tlsa->open = false;
		tlsa->state = kind == PACKET_FAILED || tlsa->lost              ? DNS_TLSA_FAILED
			      : kind == PACKET_FOUND && security == DNS_SECURE ? DNS_TLSA_FOUND
									       : DNS_TLSA_NONE;
		if (tlsa->state != DNS_TLSA_FOUND)
			tlsa->count = tlsa->used = 0;
		found_ttl(&look_up->found, ttl);
	}
	let_go(look_up);
}

/* RFC 7672 section 2.2.2: only behind addresses that are proven, since servers of zones that are
 * not signed may fail at a question that they do not know. */
static void ask_tlsa(struct look_up *look_up, size_t host)
{
	struct query *query = &look_up->tlsa[host];
	char name[DNS_NAME_MAX + 16];

	if (look_up->found.security != DNS_SECURE || look_up->found.hosts[host].tlsa.open ||
	    look_up->asked_tlsa & 1u << host)
		return;
	look_up->asked_tlsa |= 1u << host;
	*query = (struct query){ look_up, host, ns_t_tlsa };
	look_up->found.hosts[host].tlsa.open = true;
	open_one(look_up);
	snprintf(name, sizeof(name), "_25._tcp.%s", look_up->found.hosts[host].name);
	if (ub_resolve_event(look_up->dns->servers.context, name, ns_t_tlsa, ns_c_in, query,
			     tlsa_came, NULL) != 0)
		tlsa_came(query, ns_r_servfail, NULL, 0, 0, NULL, 0);
}

static void take_address(void *arg, const union dns_address *address)
{
	const struct query *query = arg;

	found_address(&query->look_up->found, query->host, address);
}

static void addresses_came(void *arg, int rcode, void *packet, int len, int sec, char *why,
			   int limited)
{
	struct query *query = arg;
	struct look_up *look_up = query->look_up;
	struct found_host *host = &look_up->found.hosts[query->host];
	enum dns_security security = security_of(sec);
	enum packet_kind kind = PACKET_FAILED;
	uint32_t ttl = UINT32_MAX;

	if (look_up->domain) {
		if (rcode == 0 && security != DNS_BOGUS)
			kind = packet_addresses(packet, len, query->type, &ttl, take_address,
						query);
		host->open--;
		host->incomplete = host->incomplete || kind == PACKET_FAILED;
		if (security < host->security)
			host->security = security;
		found_ttl(&look_up->found, ttl);
		if (kind == PACKET_FOUND && security == DNS_SECURE)
			ask_tlsa(look_up, query->host);
	}
	let_go(look_up);
}

static void ask_address(struct look_up *look_up, size_t nth, size_t host, int type)
{
	struct query *query = &look_up->addresses[nth];

	*query = (struct query){ look_up, host, type };
	open_one(look_up);
	look_up->found.hosts[host].open++;
	if (ub_resolve_event(look_up->dns->servers.context, look_up->found.hosts[host].name, type,
			     ns_c_in, query, addresses_came, NULL) != 0)
		addresses_came(query, ns_r_servfail, NULL, 0, 0, NULL, 0);
}

static void ask_addresses(struct look_up *look_up)
{
	size_t i;

	for (i = 0; i < look_up->found.count; i++) {
		ask_address(look_up, 2 * i, i, ns_t_aaaa);
		ask_address(look_up, 2 * i + 1, i, ns_t_a);
	}
}

struct mx_taker {
	struct found *found;
	bool null;
};

static void take_mx(void *arg, unsigned preference, const char *host)
{
	struct mx_taker *taker = arg;

	if (host[0] == '\0' || strcmp(host, ".") == 0)
		taker->null = true;
	else
		found_mx(taker->found, preference, host);
}

/* A null MX counts only where it is alone. */
static void mx_found(struct look_up *look_up, bool null)
{
	look_up->found.outcome = DNS_FOUND;
	if (look_up->found.count != 0 || !null)
		return;
	look_up->found.outcome = DNS_NULL_MX;
	look_up->found.text = "the domain takes no mail: it has a null MX";
}

static void no_mx(struct look_up *look_up)
{
	look_up->found.outcome = DNS_IMPLICIT;
	found_mx(&look_up->found, 0, look_up->name);
}

static void no_name(struct look_up *look_up)
{
	look_up->found.outcome = DNS_NO_DOMAIN;
	look_up->found.text = "there is no such domain";
}

static void read_mx(struct look_up *look_up, const void *packet, int len)
{
	struct mx_taker taker = { .found = &look_up->found };
	uint32_t ttl = UINT32_MAX;

	switch (packet_mx(packet, len, &ttl, take_mx, &taker)) {
	case PACKET_FOUND:
		mx_found(look_up, taker.null);
		break;
	case PACKET_NONE:
		no_mx(look_up);
		break;
	case PACKET_NO_NAME:
		no_name(look_up);
		break;
	case PACKET_FAILED:
		fail(look_up, "the name servers do not know the domain's mail hosts now");
	}
	found_ttl(&look_up->found, ttl);
}

static void forged(struct look_up *look_up, const char *why)
{
	fail(look_up, "the domain's DNSSEC signatures do not prove its records");
	snprintf(look_up->found.why, sizeof(look_up->found.why), "%s", why ? why : "");
}

static void mx_came(void *arg, int rcode, void *packet, int len, int sec, char *why, int limited)
{
	struct look_up *look_up = ((struct query *)arg)->look_up;

	if (look_up->domain) {
		look_up->found.security = security_of(sec);
		if (look_up->found.security == DNS_BOGUS)
			forged(look_up, why);
		else
			read_mx(look_up, rcode == 0 ? packet : NULL, len);
		ask_addresses(look_up);
	}
	let_go(look_up);
}

/* --- its life --- */

struct look_up *look_up_create(struct dns *dns, struct domain *domain, const char *name)
{
	struct look_up *look_up = malloc(sizeof(*look_up));

	if (!look_up)
		return NULL;
	look_up->dns = dns;
	look_up->domain = domain;
	look_up->limit = (struct timer){ 0 };
	look_up->open = 0;
	look_up->asked_tlsa = 0;
	look_up->retried = domain->silent;
	strcpy(look_up->name, name);
	look_up->mx = (struct query){ look_up, 0, ns_t_mx };
	found_init(&look_up->found, dns->local);
	LIST_INSERT_HEAD(&dns->look_ups, look_up, link);
	return look_up;
}

void look_up_begin(struct look_up *look_up)
{
	struct dns *dns = look_up->dns;
	bool brief = most_ms(dns) <= MOMENT_MS;

	timer_set(dns->worker, &look_up->limit, brief ? most_ms(dns) : MOMENT_MS,
		  brief ? out_of_time : moment_is_over);
	dns->window.retried += look_up->retried;
	open_one(look_up);
	if (ub_resolve_event(dns_follow(&dns->servers), look_up->name, ns_t_mx, ns_c_in,
			     &look_up->mx, mx_came, NULL) != 0)
		mx_came(&look_up->mx, ns_r_servfail, NULL, 0, 0, NULL, 0);
}

void look_up_forget(struct look_up *look_up)
{
	look_up->domain = NULL;
}

void look_up_end_all(struct dns *dns)
{
	while (!LIST_EMPTY(&dns->look_ups))
		drop(LIST_FIRST(&dns->look_ups));
}
