/* client_mx.c - which of an MX group's addresses a connection tries, and in which order: hosts by
 * preference, equals as drawn for this connection, addresses that failed a moment ago after all
 * others. */
#include "client/client.h"

static void add_host(struct client *client, const struct dns_host *host, bool marked)
{
	size_t i, six = 0, at[2];
	while (six < host->count && host->addresses[six].any.sa_family == AF_INET6)
		six++;
	at[0] = 0;
	at[1] = six;
	/* Families by turns, IPv6 first. */
	for (i = 0; i < host->count && client->plan_count < CLIENT_PLAN; i++) {
		size_t turn = at[1] == host->count || (at[0] < six && at[0] <= at[1] - six) ? 0 : 1;
		const union dns_address *address = &host->addresses[at[turn]++];
		if (mx_group_is_marked(client->queue, address) == marked)
			client->plan[client->plan_count++] = (struct client_target){ host,
										     address };
	}
}

const struct dns_host *client_mx_host(const struct client *client)
{
	return client->mx && client->plan_at ? client->plan[client->plan_at - 1].host : NULL;
}

/* RFC 7672 section 2.2.1: whether it is the right one cannot be told now. RFC 8461 section 4.1: the
 * domain does not name it; but what DANE proves needs no policy. */
static bool is_passed_over(struct client *client, const struct dns_host *host)
{
	const struct gw_relay *relay = client->attempt->relay;
	enum dns_tlsa state = relay->dane && relay->tls != TLS_NONE ? host->tlsa_state
								    : DNS_TLSA_NONE;

	if (client->queue->tls_not_required)
		return false;
	if (state == DNS_TLSA_FAILED)
		client->passed_over =
			"the TLSA records of the mail host cannot be looked up, or DNSSEC does not prove them";
	else if (state == DNS_TLSA_NONE && client->sts &&
		 !sts_policy_names(client->sts, host->name))
		client->passed_over = "the domain's MTA-STS policy does not name the mail host";
	else
		return false;
	client_link_passed(client, host);
	return true;
}

void client_mx_begin(struct client *client, const struct dns_answer *mx)
{
	unsigned char order[DNS_HOSTS];
	size_t i, count = mx_group_hosts(mx, client_settings(client)->hostname);

	client->mx = dns_hold(mx);
	client->sts = client->attempt->sts ? sts_policy_hold(client->attempt->sts) : NULL;
	dns_order(mx, order);
	for (i = 0; i < count; i++)
		add_host(client, &mx->hosts[order[i]], false);
	for (i = 0; i < count; i++)
		add_host(client, &mx->hosts[order[i]], true);
}

const union dns_address *client_mx_next(struct client *client)
{
	const struct client_target *target = &client->plan[client->plan_at];
	while (client->plan_at < client->plan_count && is_passed_over(client, target->host))
		target = &client->plan[++client->plan_at];
	if (client->plan_at == client->plan_count)
		return NULL;
	client->plan_at++;
	client->name = target->host->name;
	return target->address;
}
