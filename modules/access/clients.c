/* clients.c - from the fragment's clients to networks that can be looked up, and the refusal of
 * what would be an open relay. */
#include "access.h"
#include "refused.h"
#include "activity.h"

#include <gateway/domain.h>

#include <stdio.h>

enum source_answer networks_have(const struct networks *networks, const struct network *peer)
{
	enum source_answer answer = SOURCE_HAS_NOT, one;
	size_t i;

	for (i = 0; i < networks->count; i++)
		if (network_has(&networks->items[i], peer))
			return SOURCE_HAS;
	for (i = 0; i < networks->source_count && answer != SOURCE_HAS; i++) {
		one = source_has(networks->sources[i], peer);
		answer = one == SOURCE_HAS_NOT ? answer : one;
	}
	return answer;
}

bool access_is_open(const struct access *access, struct gw_str address)
{
	struct network peer;
	size_t i;

	if (!network_of_peer(&peer, address))
		return false;
	for (i = 0; i < access->client_count; i++)
		if (networks_have(&access->clients[i].networks, &peer) == SOURCE_NOT_KNOWN)
			return true;
	return networks_have(&access->networks, &peer) == SOURCE_NOT_KNOWN;
}

static bool has_login(struct gw_list logins, struct gw_str login)
{
	return login.len && gw_list_has(logins, login);
}

static bool has_networks(const struct client *client)
{
	return client->config->networks.count + client->config->presets.count != 0;
}

static bool comes_from(const struct client *client, struct gw_str address)
{
	struct network peer;

	return network_of_peer(&peer, address) &&
	       networks_have(&client->networks, &peer) == SOURCE_HAS;
}

static bool is_elsewhere(const struct client *client, const struct who *who)
{
	return has_networks(client) && !comes_from(client, who->address);
}

/* Fingerprints as `openssl x509 -fingerprint` shows them have colons. */
static bool is_fingerprint(struct gw_str written, struct gw_str fingerprint)
{
	size_t i, at = 0;

	for (i = 0; i < written.len; i++) {
		if (written.ptr[i] == ':')
			continue;
		if (at == fingerprint.len || (written.ptr[i] | 32) != (fingerprint.ptr[at] | 32))
			return false;
		at++;
	}
	return at && at == fingerprint.len;
}

static bool shows_certificate(const struct client *client, const struct who *who)
{
	struct gw_list list = client->config->certificates;
	size_t i;

	for (i = 0; i < list.count; i++)
		if (is_fingerprint(list.items[i], who->fingerprint) ||
		    (who->subject.len && gw_str_eq(list.items[i], who->subject)))
			return true;
	return list.count == 0;
}

static bool is_client(const struct client *client, const struct who *who)
{
	return (has_networks(client) || client->config->certificates.count) &&
	       !is_elsewhere(client, who) && shows_certificate(client, who);
}

const struct client *access_client(const struct access *access, const struct who *who)
{
	const struct client *client;
	size_t i;

	for (i = 0; i < access->client_count; i++) {
		client = &access->clients[i];
		if (has_login(client->config->logins, who->login) && !is_elsewhere(client, who) &&
		    shows_certificate(client, who))
			return client;
	}
	for (i = 0; i < access->client_count; i++)
		if (is_client(&access->clients[i], who))
			return &access->clients[i];
	return NULL;
}

bool access_login_is_elsewhere(const struct access *access, const struct who *who)
{
	const struct client *client;
	bool bound = false;
	size_t i;

	for (i = 0; i < access->client_count; i++) {
		client = &access->clients[i];
		if (!has_login(client->config->logins, who->login))
			continue;
		if (!is_elsewhere(client, who) && shows_certificate(client, who))
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

static size_t parse_network(struct gw_call *call, struct networks *networks, struct gw_str text,
			    const char *key)
{
	const char *wrong = network_parse(&networks->items[networks->count], text);

	if (!wrong) {
		networks->count++;
		return 0;
	}
	gw->problem_at(call, NULL, key, true, "network \"%.*s\" %s", GW_STR_ARGS(text), wrong);
	return 1;
}

static size_t add_source(struct gw_call *call, struct sources *sources, struct networks *networks,
			 struct gw_str text, const char *key)
{
	struct source *source = source_of(call, sources, text, key);

	if (!source)
		return 1;
	networks->sources[networks->source_count++] = source;
	return source->kind == SOURCE_FILE && !source->known;
}

static size_t add_network(struct gw_call *call, struct access *access, struct networks *networks,
			  struct gw_str text, const char *key)
{
	return source_is_one(text) ? add_source(call, &access->sources, networks, text, key)
				   : parse_network(call, networks, text, key);
}

static bool make_room(struct gw_call *call, struct networks *networks, size_t count)
{
	networks->items = gw->alloc(call, count * sizeof *networks->items + 1);
	networks->sources = gw->alloc(call, count * sizeof *networks->sources + 1);
	return networks->items && networks->sources;
}

/* `key`: where they were written, for what is told of them. */
static size_t parse_networks(struct gw_call *call, struct access *access, struct networks *networks,
			     struct gw_list texts, const char *key)
{
	size_t i, errors = 0;

	for (i = 0; i < texts.count; i++)
		errors += add_network(call, access, networks, texts.items[i], key);
	return errors;
}

static size_t count_words(struct gw_str text)
{
	struct gw_str word;
	size_t count = 0;

	while (presets_word(&text, &word))
		count++;
	return count;
}

static size_t find_presets(struct gw_call *call, const struct access *access, struct gw_list names,
			   const char *key, size_t *room)
{
	struct preset preset;
	size_t i, errors = 0;

	for (i = 0; i < names.count; i++) {
		if (presets_find(&access->presets, names.items[i], &preset)) {
			*room += count_words(preset.networks);
			continue;
		}
		gw->problem_at(call, NULL, key, true, "there is no preset \"%.*s\"",
			       GW_STR_ARGS(names.items[i]));
		errors++;
	}
	return errors;
}

/* Its own networks, and those of its presets. */
static size_t parse_client(struct gw_call *call, struct access *access, struct client *client,
			   const char *networks, const char *presets)
{
	const struct client_config *config = client->config;
	size_t room = config->networks.count, i,
	       errors = find_presets(call, access, config->presets, presets, &room);
	struct preset preset;
	struct gw_str word;

	if (errors)
		return errors;
	if (!make_room(call, &client->networks, room))
		return no_memory(call);
	errors = parse_networks(call, access, &client->networks, config->networks, networks);
	for (i = 0; i < config->presets.count; i++) {
		presets_find(&access->presets, config->presets.items[i], &preset);
		while (presets_word(&preset.networks, &word))
			errors += add_network(call, access, &client->networks, word, presets);
	}
	return errors;
}

static size_t add_idle(struct gw_call *call, struct access *access, struct gw_str networks)
{
	struct source *source;
	struct gw_str word;
	size_t errors = 0;

	while (presets_word(&networks, &word)) {
		if (!source_is_one(word) || sources_find(&access->sources, word))
			continue;
		source = source_of(call, &access->sources, word, "presets");
		if (source)
			source->idle = true;
		else
			errors++;
	}
	return errors;
}

/* Those that no client has tell who it is that was turned away; those that an own one replaces,
 * what it leaves out. */
static size_t add_hints(struct gw_call *call, struct access *access)
{
	struct preset preset, shipped;
	size_t i, errors = 0;

	for (i = 0; presets_nth(&access->presets, i, &preset); i++) {
		errors += add_idle(call, access, preset.networks);
		if (!preset.shipped && presets_shipped(preset.name, &shipped))
			errors += add_idle(call, access, shipped.networks);
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

/* Whether a fingerprint or a subject could be meant. */
static bool is_certificate(struct gw_str text)
{
	size_t i, digits = 0;

	for (i = 0; i < text.len; i++)
		digits += text.ptr[i] != ':';
	return gw_str_find(text, '=') < text.len || digits == 64;
}

static const char *certificate_flaw(const struct client *client)
{
	struct gw_list list = client->config->certificates;
	size_t i;

	for (i = 0; i < list.count; i++)
		if (!is_certificate(list.items[i]))
			return "has a certificate that is neither a SHA-256 fingerprint (64 hexadecimal digits) nor a subject (\"CN=crm,O=Example\")";
	return NULL;
}

static const char needs_address[] =
	"from = \"rewrite\": say with address = \"name@its.domain\" what From becomes";

static bool is_address(struct gw_str text)
{
	size_t at = gw_str_find(text, '@');

	return at > 0 && at + 1 < text.len;
}

static const char *rewrite_flaw(struct gw_call *call, const struct client *client)
{
	struct gw_str address = client->rules.address;
	size_t at = gw_str_find(address, '@');

	if (client->rules.from != FROM_REWRITE)
		return NULL;
	if (!is_address(address))
		return needs_address;
	if (client->domains.len &&
	    !gw_domain_in_words(call, client->domains, gw_str_from(address, at + 1)))
		return "has an address that is not in its domains";
	return NULL;
}

/* Networks of mail services are shared by all their customers: an address alone says nothing about
 * whose mail it is. */
static const char *network_flaw(struct gw_call *call, const struct client *client, const char **key)
{
	*key = "networks";
	if (has_wide(&client->networks))
		return "would be an open relay: so wide a network needs login = true, or certificates";
	*key = "domains";
	if (client->domains.len == 0 ||
	    gw_domain_in_words(call, client->domains, gw_str("any.name.at.all.invalid")))
		return "is known by its network alone: say which sender domains it may use, or set login = true";
	if (client->rules.sender == SENDER_ANY &&
	    (client->rules.from == FROM_OFF || client->rules.from == FROM_FLAG))
		return "is known by its network alone, and with sender = \"any\" and from = \"off\" or \"flag\" nobody would be held to its domains";
	return NULL;
}

/* NULL: fine; else `*key` of the client is to blame. */
static const char *flaw_of(struct gw_call *call, const struct client *client, const char **key)
{
	const struct client_config *config = client->config;
	const char *flaw = certificate_flaw(client);

	*key = "certificates";
	if (flaw)
		return flaw;
	*key = "address";
	flaw = rewrite_flaw(call, client);
	if (flaw)
		return flaw;
	*key = "networks";
	if (!has_networks(client) && config->certificates.count == 0 && config->logins.count == 0)
		return "has neither networks, certificates nor logins: nobody can be it";
	*key = "login";
	if (!has_networks(client) && config->certificates.count == 0 && config->login)
		return "has login = true, and is known by its logins in any case";
	if (!has_networks(client) || config->login || config->certificates.count)
		return NULL;
	return network_flaw(call, client, key);
}

static void take_rules(const struct access *access, struct client *client)
{
	const struct client_config *own = client->config;

	client->rules = access->rules;
	if (own->sender)
		client->rules.sender = (enum sender_rule)own->sender;
	if (own->from)
		client->rules.from = (enum from_rule)own->from;
	if (own->address.len)
		client->rules.address = own->address;
}

static size_t start_client(struct gw_call *call, struct access *access, struct client *client,
			   size_t nth)
{
	const char *flaw, *key;
	char place[48], presets[48];
	size_t errors;

	snprintf(place, sizeof place, "clients[%zu].networks", nth);
	snprintf(presets, sizeof presets, "clients[%zu].preset", nth);
	errors = parse_client(call, access, client, place, presets) + join_domains(call, client);
	take_rules(access, client);
	flaw = errors ? NULL : flaw_of(call, client, &key);
	if (!flaw)
		return errors;
	snprintf(place, sizeof place, "clients[%zu].%s", nth, key);
	gw->problem_at(call, NULL, place, true, "client %.*s %s", GW_STR_ARGS(client->config->name),
		       flaw);
	return 1;
}

/* Limits, rules and lists go by the name: they would hold for both together. */
static void warn_of_twins(struct gw_call *call, const struct client_config *configs, size_t nth)
{
	char place[48];
	size_t i;

	for (i = 0; i < nth; i++)
		if (gw_str_eq(configs[i].name, configs[nth].name))
			break;
	snprintf(place, sizeof place, "clients[%zu].name", nth);
	if (i < nth)
		gw->problem_at(call, NULL, place, false,
			       "there are two clients %.*s: limits and types count both as one",
			       GW_STR_ARGS(configs[nth].name));
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
		warn_of_twins(call, configs, i);
		errors += start_client(call, access, &access->clients[i], i);
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
	sources_init(&access->sources);
	access->rules = (struct rules){ (enum sender_rule)(config->sender + 1),
					(enum from_rule)(config->from + 1), config->address };
	if (access->rules.from == FROM_REWRITE && !is_address(config->address)) {
		gw->problem_at(call, NULL, "address", true, "%s", needs_address);
		access_stop(call, access);
		return -1;
	}
	errors = presets_read(call, &access->presets, config->presets) != 0;
	if (!make_room(call, &access->networks, config->networks.count))
		errors += no_memory(call);
	errors = errors ? errors
			: parse_networks(call, access, &access->networks, config->networks,
					 "networks") +
				  start_clients(call, access, config->clients);
	errors = errors ? errors : add_hints(call, access);
	refused_load(call);
	access->activities = activities_hold(call);
	if (!access->activities)
		errors += no_memory(call);
	gw->instance_data_set(call, access);
	if (errors)
		access_stop(call, access);
	return errors ? -1 : 0;
}

void access_stop(struct gw_call *call, struct access *access)
{
	sources_finish(&access->sources);
	activities_release(call, access->activities);
}

/* --- who is known --- */

static bool tell_client(struct gw_call *call, const struct client *client)
{
	const struct client_config *config = client->config;
	struct gw_str network = config->networks.count ? config->networks.items[0] : gw_str("");
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
