/* client_link.c - what became of TLS on a connection to a domain's mail host, by the policy that
 * counts there (RFC 8460), for who counts.
 *
 * Each connection is told once, for the domain of the attempt that it was made for: the second one,
 * in clear, that follows where TLS did not come about is part of the first. */
#include "client/client.h"

static struct arena *arena_of(const struct client *client)
{
	return client->attempt->arena;
}

static struct gw_str copy(const struct client *client, struct gw_str text)
{
	struct gw_str made = arena_str(arena_of(client), text);

	return made.ptr ? made : gw_str("");
}

static bool is_counted(const struct client *client)
{
	return client->attempt && client->attempt->wants_links && !client->attempt->tap;
}

/* Where there is no memory it is as if nobody counted. */
static struct gw_link *note_begin(struct client *client, const struct dns_host *host)
{
	struct attempt *attempt = client->attempt;
	struct link_note *note;
	char domain[DNS_NAME_MAX + 1];

	if (!host || !dns_name(attempt->rcpts[0]->domain, domain) ||
	    !(note = arena_alloc(attempt->arena, sizeof(*note))))
		return NULL;
	note->link = (struct gw_link){ .size = sizeof(note->link),
				       .domain = copy(client, gw_str(domain)),
				       .host = copy(client, host->name),
				       .address = gw_str(""),
				       .source = gw_str(""),
				       .failure = gw_str(""),
				       .reason = gw_str("") };
	note->next = attempt->links;
	attempt->links = note;
	return &note->link;
}

static void note_failure(const struct client *client, struct gw_link *link, const char *failure,
			 struct gw_str reason)
{
	link->failure = gw_str(failure);
	link->reason = copy(client, reason);
}

/* --- the policy --- */

static void put_lines(struct gw_list *list, struct gw_str *lines, size_t count)
{
	if (!lines)
		return;
	list->items = lines;
	list->count = count;
}

static struct gw_str tlsa_line(const struct client *client, const struct tls_tlsa *tlsa)
{
	char octets[2 * 64 + 1];
	size_t i;

	for (i = 0; i < tlsa->len && 2 * i + 2 < sizeof(octets); i++)
		snprintf(octets + 2 * i, 3, "%02X", tlsa->octets[i]);
	octets[2 * i] = '\0';
	return arena_printf(arena_of(client), "%u %u %u %s%s", tlsa->usage, tlsa->selector,
			    tlsa->matching, octets, i < tlsa->len ? "..." : "");
}

static void put_dane(const struct client *client, const struct dns_host *host, struct gw_link *link)
{
	struct gw_str *lines = arena_alloc(arena_of(client), host->tlsa_count * sizeof(*lines) + 1);
	size_t i;

	link->policy = GW_LINK_DANE;
	link->policy_domain = link->host;
	put_lines(&link->policy_hosts, &link->host, 1);
	for (i = 0; lines && i < host->tlsa_count; i++)
		if (!(lines[i] = tlsa_line(client, &host->tlsa[i])).ptr)
			lines[i] = gw_str("");
	put_lines(&link->policy_text, lines, host->tlsa_count);
}

/* As it came, but for blanks and what is not known of it. */
static void put_sts(const struct client *client, const struct sts_policy *policy,
		    struct gw_link *link)
{
	struct arena *arena = arena_of(client);
	struct gw_str *lines = arena_alloc(arena, (policy->count + 3) * sizeof(*lines)),
		      *hosts = arena_alloc(arena, policy->count * sizeof(*hosts) + 1);
	size_t i;

	link->policy = GW_LINK_STS;
	if (!lines || !hosts)
		return;
	lines[0] = gw_str("version: STSv1");
	lines[1] = arena_printf(arena, "mode: %s", sts_mode_name(policy->mode));
	for (i = 0; i < policy->count; i++) {
		hosts[i] = copy(client, policy->mx[i]);
		lines[2 + i] = arena_printf(arena, "mx: %.*s", GW_STR_ARGS(policy->mx[i]));
	}
	lines[2 + i] = arena_printf(arena, "max_age: %lld",
				    (long long)(policy->expires_at - policy->fetched_at) / 1000);
	for (i = 0; i < policy->count + 3; i++)
		if (!lines[i].ptr)
			return;
	put_lines(&link->policy_text, lines, policy->count + 3);
	put_lines(&link->policy_hosts, hosts, policy->count);
}

static const struct sts_policy *sts_of(const struct client *client)
{
	return client->sts ? client->sts : client->attempt->sts_tested;
}

static bool has_dane(const struct client *client, const struct dns_host *host)
{
	return client->attempt->relay->dane && host->tlsa_state != DNS_TLSA_NONE;
}

static void put_policy(const struct client *client, const struct dns_host *host,
		       struct gw_link *link)
{
	const struct sts_policy *sts = sts_of(client);
	const char *failure;

	link->policy_domain = link->domain;
	if (has_dane(client, host)) {
		put_dane(client, host, link);
	} else if (sts) {
		put_sts(client, sts, link);
	} else if (client->attempt->relay->mta_sts &&
		   (failure = sts_known_failure(client->attempt->rcpts[0]->domain))) {
		link->policy = GW_LINK_STS;
		note_failure(client, link, failure, gw_str("the policy cannot be had"));
	}
}

/* Of "mx.example.net [192.0.2.7]", and of our end. */
static void put_addresses(const struct client *client, struct gw_link *link)
{
	struct gw_str text = client->host;
	size_t open = gw_str_find(text, '['), close = gw_str_find(text, ']');

	if (open < close && close < text.len)
		link->address = copy(client, gw_str_n(text.ptr + open + 1, close - open - 1));
	if (client->stream)
		link->source = copy(client, stream_local(client->stream));
}

/* NULL: nobody counts this link. */
static struct gw_link *link_begin(struct client *client)
{
	const struct dns_host *host;
	struct gw_link *link;

	if (!is_counted(client) || client->level.wish == LINK_CLEAR || client->clear)
		return NULL;
	host = client_mx_host(client);
	link = note_begin(client, host);
	if (!link)
		return NULL;
	put_policy(client, host, link);
	put_addresses(client, link);
	return link;
}

/* --- what became of it --- */

/* What a policy in testing minds, or TLSA records of which none is usable. */
static void judge(const struct client *client, const struct dns_host *host, struct gw_link *link)
{
	const char *wrong = stream_tls_failure(client->stream);

	if (link->policy == GW_LINK_DANE) {
		if (!host->tlsa_count)
			note_failure(client, link, "tlsa-invalid",
				     gw_str("none of the TLSA records can be used"));
		return;
	}
	if (link->policy != GW_LINK_STS || client->sts)
		return;
	if (!sts_policy_names(sts_of(client), host->name))
		note_failure(client, link, "validation-failure",
			     gw_str("the policy does not name the mail host"));
	else if (wrong)
		note_failure(client, link, wrong, client->doubt);
}

void client_link_stands(struct client *client)
{
	struct gw_link *link = link_begin(client);

	if (link && !link->failure.len)
		judge(client, client_mx_host(client), link);
}

void client_link_clear(struct client *client)
{
	struct gw_link *link = link_begin(client);

	if (link && !link->failure.len)
		note_failure(client, link, "starttls-not-supported", client->doubt);
}

void client_link_failed(struct client *client, const struct outcome *outcome)
{
	struct gw_link *link = outcome->local ? NULL : link_begin(client);
	bool refused = client->at == AT_STARTTLS &&
		       (outcome->reply.code || !(client->offers & OFFER_STARTTLS));
	const char *wrong = client->stream ? stream_tls_failure(client->stream) : NULL;

	if (link && !link->failure.len)
		note_failure(client, link,
			     refused ? "starttls-not-supported"
			     : wrong ? wrong
				     : "validation-failure",
			     outcome->reply.text);
}

void client_link_passed(struct client *client, const struct dns_host *host)
{
	const struct attempt *attempt = client->attempt;
	struct gw_link *link;

	/* each of its addresses is passed over */
	if (!is_counted(client) || (attempt->links && !attempt->links->link.address.len &&
				    gw_str_eq(attempt->links->link.host, host->name)))
		return;
	link = note_begin(client, host);
	if (!link)
		return;
	put_policy(client, host, link);
	note_failure(client, link,
		     link->policy == GW_LINK_DANE ? "dnssec-invalid" : "validation-failure",
		     gw_str(client->passed_over));
}
