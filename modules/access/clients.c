/* clients.c - from the fragment's clients to networks that can be looked up, and the refusal of
 * what would be an open relay. */
#include "access.h"

#include <stdio.h>

static bool is_word(char c)
{
	return c != ' ' && c != '\t';
}

static bool pattern_names(struct gw_str pattern, struct gw_str domain)
{
	struct gw_str tail = gw_str_from(pattern, 1);

	if (pattern.ptr[0] != '*')
		return gw_str_ieq(pattern, domain);
	return tail.len == 0 || (domain.len > tail.len &&
				 gw_str_ieq(gw_str_from(domain, domain.len - tail.len), tail));
}

static bool is_ascii(struct gw_str text)
{
	size_t i;

	for (i = 0; i < text.len; i++)
		if ((unsigned char)text.ptr[i] > 127)
			return false;
	return true;
}

/* The domain in A-labels; as it is where it is that already, or can be no domain. */
static struct gw_str ascii_of(const struct gw_call *call, struct gw_str domain,
			      char room[GW_DOMAIN_MAX + 1])
{
	long size = is_ascii(domain) ? -1 : gw->domain_ascii(call, domain, room);

	return size < 0 ? domain : gw_str_n(room, (size_t)size);
}

static bool pattern_names_ascii(const struct gw_call *call, struct gw_str pattern,
				struct gw_str domain)
{
	bool below = pattern.len > 2 && pattern.ptr[0] == '*' && pattern.ptr[1] == '.';
	char room[GW_DOMAIN_MAX + 1];
	struct gw_str name;

	if (is_ascii(pattern))
		return pattern_names(pattern, domain);
	name = ascii_of(call, gw_str_from(pattern, below ? 2 : 0), room);
	if (!below)
		return gw_str_ieq(name, domain);
	return domain.len > name.len + 1 && domain.ptr[domain.len - name.len - 1] == '.' &&
	       gw_str_ieq(gw_str_from(domain, domain.len - name.len), name);
}

bool domains_name(const struct gw_call *call, struct gw_str domains, struct gw_str domain)
{
	char room[GW_DOMAIN_MAX + 1];
	size_t at = 0, start;

	domain = ascii_of(call, domain, room);
	while (at < domains.len) {
		for (start = at; at < domains.len && is_word(domains.ptr[at]); at++)
			;
		if (at > start &&
		    pattern_names_ascii(call, gw_str_n(domains.ptr + start, at - start), domain))
			return true;
		at++;
	}
	return false;
}

bool networks_have(const struct networks *networks, const struct network *peer)
{
	size_t i;

	for (i = 0; i < networks->count; i++)
		if (network_has(&networks->items[i], peer))
			return true;
	return false;
}

const struct client *access_client(const struct access *access, const struct network *peer)
{
	size_t i;

	for (i = 0; i < access->client_count; i++)
		if (networks_have(&access->clients[i].networks, peer))
			return &access->clients[i];
	return NULL;
}

static bool names_login(struct gw_list logins, struct gw_str login)
{
	size_t i;

	for (i = 0; i < logins.count; i++)
		if (gw_str_ieq(logins.items[i], login))
			return true;
	return false;
}

bool access_login_is_elsewhere(const struct access *access, struct gw_str login,
			       const struct network *peer)
{
	bool bound = false;
	size_t i;

	for (i = 0; login.len && i < access->client_count; i++) {
		if (!names_login(access->clients[i].config->logins, login))
			continue;
		if (peer && networks_have(&access->clients[i].networks, peer))
			return false;
		bound = true;
	}
	return bound;
}

/* --- from texts to networks; the number of errors told --- */

static size_t no_memory(struct gw_call *call)
{
	gw->problem(call, true, "no memory");
	return 1;
}

/* `key`: where they were written, for what is told of them. */
static size_t parse_networks(struct gw_call *call, struct networks *networks, struct gw_list texts,
			     const char *key)
{
	size_t i, errors = 0;

	networks->items = gw->alloc(call, texts.count * sizeof *networks->items + 1);
	if (!networks->items)
		return no_memory(call);
	networks->count = texts.count;
	for (i = 0; i < texts.count; i++) {
		const char *wrong = network_parse(&networks->items[i], texts.items[i]);

		if (!wrong)
			continue;
		gw->problem_at(call, NULL, key, true, "network \"%.*s\" %s",
			       GW_STR_ARGS(texts.items[i]), wrong);
		errors++;
	}
	return errors;
}

static size_t join_domains(struct gw_call *call, struct client *client)
{
	struct gw_list domains = client->config->domains;
	size_t i, size = 1;
	char *at;

	for (i = 0; i < domains.count; i++)
		size += domains.items[i].len + 1;
	client->domains.ptr = at = gw->alloc(call, size);
	if (!at)
		return no_memory(call);
	for (i = 0; i < domains.count; i++) {
		if (i)
			*at++ = ' ';
		memcpy(at, domains.items[i].ptr, domains.items[i].len);
		at += domains.items[i].len;
	}
	client->domains.len = (size_t)(at - client->domains.ptr);
	return 0;
}

/* --- what may not be --- */

static bool has_wide(const struct networks *networks)
{
	size_t i;

	for (i = 0; i < networks->count; i++)
		if (network_is_wide(&networks->items[i]))
			return true;
	return false;
}

/* Networks of mail services are shared by all their customers: an address alone says nothing about
 * whose mail it is. NULL: fine; else `*key` of the client is to blame. */
static const char *flaw_of(struct gw_call *call, const struct config *config,
			   const struct client *client, const char **key)
{
	*key = "networks";
	if (client->networks.count == 0)
		return "has no networks; a client that only logs in is a matter of its auth module";
	if (client->config->login)
		return NULL;
	if (has_wide(&client->networks))
		return "would be an open relay: so wide a network needs login = true";
	*key = "domains";
	if (client->domains.len == 0 ||
	    domains_name(call, client->domains, gw_str("any.name.at.all.invalid")))
		return "is known by its network alone: say which sender domains it may use, or set login = true";
	if (config->from == FROM_OFF && config->sender == SENDER_ANY)
		return "is known by its network alone, and with from = \"off\" and sender = \"any\" nobody would look at its domains";
	return NULL;
}

static size_t start_client(struct gw_call *call, struct client *client, size_t nth)
{
	const char *flaw, *key;
	char place[48];
	size_t errors;

	snprintf(place, sizeof place, "clients[%zu].networks", nth);
	errors = parse_networks(call, &client->networks, client->config->networks, place) +
		 join_domains(call, client);
	flaw = errors ? NULL : flaw_of(call, gw->conf(call), client, &key);
	if (!flaw)
		return errors;
	snprintf(place, sizeof place, "clients[%zu].%s", nth, key);
	gw->problem_at(call, NULL, place, true, "client %.*s %s", GW_STR_ARGS(client->config->name),
		       flaw);
	return 1;
}

static size_t start_clients(struct gw_call *call, struct access *access, struct gw_groups rows)
{
	const struct client_config *configs = rows.items;
	size_t i, errors = 0;

	access->clients = gw->alloc(call, rows.count * sizeof *access->clients + 1);
	if (!access->clients)
		return no_memory(call);
	access->client_count = rows.count;
	for (i = 0; i < rows.count; i++) {
		access->clients[i].config = &configs[i];
		errors += start_client(call, &access->clients[i], i);
	}
	return errors;
}

int access_start(struct gw_call *call)
{
	const struct config *config = gw->conf(call);
	struct access *access = gw->alloc(call, sizeof *access);
	size_t errors;

	if (!access) {
		no_memory(call);
		return -1;
	}
	errors = parse_networks(call, &access->networks, config->networks, "networks") +
		 start_clients(call, access, config->clients);
	gw->instance_data_set(call, access);
	return errors ? -1 : 0;
}

/* --- who is known --- */

static bool tell_client(struct gw_call *call, const struct client *client)
{
	const struct client_config *config = client->config;
	struct gw_str network = config->networks.items[0];
	struct gw_client known = { .size = sizeof known,
				   .name = config->name,
				   .type = config->type,
				   .domains = client->domains,
				   .peer = gw_str_n(network.ptr, gw_str_find(network, '/')),
				   .logins = config->logins,
				   .needs_login = config->login };

	return gw->client_known(call, &known);
}

void access_clients(struct gw_call *call)
{
	const struct access *access = gw->instance_data(call);
	size_t i;

	for (i = 0; i < access->client_count && tell_client(call, &access->clients[i]); i++)
		;
}
