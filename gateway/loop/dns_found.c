/* dns_found.c - what a look-up finds, sorted and judged, and packed into the answer that is shared.
 */
#include "loop/dns_private.h"

#include <arpa/inet.h>
#include <stdlib.h>

#define SECOND ((int64_t)1000)
#define KEEP_LEAST SECOND
#define KEEP_MOST (3600 * SECOND)
#define KEEP_NOTHING_MOST (900 * SECOND) /* that there is no such thing */
#define KEEP_FAILURE (15 * SECOND)

const struct dns_verdict dns_verdicts[DNS_OUTCOMES] = {
	[DNS_NULL_MX] = { true, "5.1.10" },
	[DNS_NO_DOMAIN] = { true, "5.1.2" },
	[DNS_NO_ADDRESS] = { true, "5.4.4" },
	[DNS_FAILED] = { false, "4.4.3" },
};

void found_init(struct found *found, bool local)
{
	found->outcome = DNS_FAILED;
	found->security = DNS_INSECURE;
	found->text = "";
	found->why[0] = '\0';
	found->local = local;
	found->slow = found->literal = false;
	found->ttl = UINT32_MAX;
	found->count = 0;
}

void found_ttl(struct found *found, uint32_t ttl)
{
	if (ttl < found->ttl)
		found->ttl = ttl;
}

/* --- hosts --- */

static int compare_hosts(const void *left, const void *right)
{
	const struct found_host *a = left, *b = right;

	if (a->preference != b->preference)
		return a->preference < b->preference ? -1 : 1;
	return a->lot < b->lot ? -1 : a->lot > b->lot;
}

static int compare_names(const void *left, const void *right)
{
	const struct found_host *a = left, *b = right;

	if (a->preference != b->preference)
		return a->preference < b->preference ? -1 : 1;
	return strcmp(a->name, b->name);
}

static struct found_host *same_name(struct found *found, const char *name)
{
	size_t i;

	for (i = 0; i < found->count; i++)
		if (strcmp(found->hosts[i].name, name) == 0)
			return &found->hosts[i];
	return NULL;
}

static struct found_host *worst(struct found *found)
{
	struct found_host *host = &found->hosts[0];
	size_t i;

	for (i = 1; i < found->count; i++)
		if (compare_hosts(&found->hosts[i], host) > 0)
			host = &found->hosts[i];
	return host;
}

/* "192.0.2.1" or "[192.0.2.1]": no host is called so. */
static bool is_address(const char *name)
{
	struct gw_str text = gw_str(name);
	char inside[INET_ADDRSTRLEN] = "";
	struct in_addr address;

	if (text.len && text.ptr[text.len - 1] == '.')
		text.len--;
	if (text.len > 2 && text.ptr[0] == '[' && text.ptr[text.len - 1] == ']')
		text = gw_str_n(text.ptr + 1, text.len - 2);
	if (text.len >= sizeof(inside))
		return false;
	memcpy(inside, text.ptr, text.len);
	return inet_pton(AF_INET, inside, &address) == 1;
}

void found_mx(struct found *found, unsigned preference, const char *name)
{
	struct found_host host = { .preference = preference,
				   .lot = arc4random(),
				   .security = DNS_SECURE },
			  *other;

	if (is_address(name)) {
		found->literal = true;
		return;
	}
	if (!dns_name(gw_str(name), host.name))
		return;
	other = same_name(found, host.name);
	if (other) {
		if (preference < other->preference)
			other->preference = preference;
		return;
	}
	if (found->count < DNS_HOSTS) {
		found->hosts[found->count++] = host;
		return;
	}
	other = worst(found);
	if (compare_hosts(&host, other) < 0)
		*other = host;
}

void found_address(struct found *found, size_t nth, const union dns_address *address)
{
	struct found_host *host = &found->hosts[nth];

	if (!found->local && !dns_address_is_usable(address))
		return;
	if (address->any.sa_family == AF_INET6 && host->v6_count < DNS_ADDRESSES)
		host->v6[host->v6_count++] = address->v6.sin6_addr;
	else if (address->any.sa_family == AF_INET && host->v4_count < DNS_ADDRESSES)
		host->v4[host->v4_count++] = address->v4.sin_addr;
}

void found_literal(struct found *found, const union dns_address *address)
{
	const void *bytes = address->any.sa_family == AF_INET6
				    ? (const void *)&address->v6.sin6_addr
				    : (const void *)&address->v4.sin_addr;
	struct found_host *host = &found->hosts[0];

	*host = (struct found_host){ .security = DNS_INSECURE };
	inet_ntop(address->any.sa_family, bytes, host->name, sizeof(host->name));
	found->count = 1;
	found_address(found, 0, address);
}

static void keep_tlsa(struct found_tlsa *kept, const struct tls_tlsa *tlsa)
{
	if (kept->count == DNS_TLSA_MOST || kept->used + tlsa->len > DNS_TLSA_OCTETS)
		return;
	memcpy(kept->octets + kept->used, tlsa->octets, tlsa->len);
	kept->records[kept->count++] = *tlsa;
	kept->used += tlsa->len;
}

/* The first always fits: no host is without what its records demand because they are long or many.
 * A whole certificate or key that does not fit is as well told by its digest. */
void found_tlsa(struct found *found, size_t nth, const struct tls_tlsa *tlsa)
{
	struct found_tlsa *kept = &found->hosts[nth].tlsa;
	unsigned char digest[TLS_PIN] = { 0 };
	struct tls_tlsa shorter = *tlsa;

	if (!tls_tlsa_usable(tlsa))
		return;
	if (tlsa->matching == 0 && kept->used + tlsa->len > DNS_TLSA_OCTETS) {
		kept->lost |= !tls_digest(tlsa->octets, tlsa->len, digest);
		shorter = (struct tls_tlsa){ tlsa->usage, tlsa->selector, 1, TLS_PIN, digest };
	}
	keep_tlsa(kept, &shorter);
}

/* --- the end --- */

/* Of many addresses half are of the other family. */
static void cut_addresses(struct found_host *host)
{
	size_t half = DNS_ADDRESSES / 2;

	if (host->v6_count + host->v4_count <= DNS_ADDRESSES)
		return;
	if (host->v4_count < half)
		host->v6_count = DNS_ADDRESSES - host->v4_count;
	else if (host->v6_count > half)
		host->v6_count = half;
	host->v4_count = DNS_ADDRESSES - host->v6_count;
}

static bool any_incomplete(const struct found *found)
{
	size_t i;

	for (i = 0; i < found->count; i++)
		if (found->hosts[i].incomplete || found->hosts[i].tlsa.state == DNS_TLSA_FAILED)
			return true;
	return false;
}

static bool any_address(const struct found *found)
{
	size_t i;

	for (i = 0; i < found->count; i++)
		if (found->hosts[i].v6_count + found->hosts[i].v4_count != 0)
			return true;
	return false;
}

static void judge(struct found *found)
{
	if (found->outcome > DNS_LITERAL || any_address(found))
		return;
	if (found->literal) { /* its owner may see to it before the mail goes back */
		found->outcome = DNS_FAILED;
		found->text =
			"the domain's MX record names an address instead of a host, which is a mistake of the domain's";
	} else if (any_incomplete(found)) {
		found->outcome = DNS_FAILED;
		found->text = "the addresses of the domain's mail hosts cannot be looked up now";
	} else {
		found->outcome = DNS_NO_ADDRESS;
		found->text = "none of the domain's mail hosts has an address that mail can go to";
	}
}

void found_end(struct found *found)
{
	size_t i;

	for (i = 0; i < found->count; i++) {
		struct found_host *host = &found->hosts[i];
		host->incomplete = host->incomplete || host->open != 0;
		if (host->tlsa.open)
			host->tlsa.state = DNS_TLSA_FAILED;
		if (host->open != 0)
			host->security = host->security < DNS_INSECURE ? host->security
								       : DNS_INSECURE;
		cut_addresses(host);
	}
	judge(found);
	if (found->outcome > DNS_LITERAL)
		found->count = 0;
	else
		found->text = "";
	qsort(found->hosts, found->count, sizeof(found->hosts[0]), compare_names);
}

int64_t found_keep_ms(const struct found *found)
{
	int64_t most = found->outcome > DNS_LITERAL ? KEEP_NOTHING_MOST : KEEP_MOST,
		ms = (int64_t)found->ttl * SECOND;

	if (found->outcome == DNS_FAILED || any_incomplete(found))
		most = KEEP_FAILURE;
	ms = ms < most ? ms : most;
	return ms > KEEP_LEAST ? ms : KEEP_LEAST;
}
