#include "module/providers.h"

#include "module/load.h"

#include <stdlib.h>

#define AT(member) offsetof(struct provider, member)
const struct gw_option provider_options[] = {
	{ "name", GW_OPTION_STRING, AT(name), NULL, "What auth.provider of a relay says.",
	  GW_OPTION_REQUIRED },
	{ "host", GW_OPTION_STRING, AT(host), NULL,
	  "Its submission host; none: it takes mail another way, through a module." },
	{ "port", GW_OPTION_INT, AT(port), "25", "Port.", 0, 1, 65535 },
	{ "tls", GW_OPTION_WORD, AT(tls), "starttls", "TLS, as for a relay.",
	  .words = "none|starttls|implicit" },
	{ "mechanisms", GW_OPTION_LIST, AT(mechanisms), NULL,
	  "SASL mechanisms that it takes, the best first." },
	{ "connections", GW_OPTION_INT, AT(connections), NULL,
	  "Most connections at once for one account.", 0, 0, 10000 },
	{ "daily", GW_OPTION_INT, AT(daily), NULL, "Most recipients a day for one account.", 0, 0,
	  1000000000 },
	{ "per_minute", GW_OPTION_INT, AT(per_minute), NULL,
	  "Most messages a minute for one account.", 0, 0, 1000000000 },
	{ "authorize_url", GW_OPTION_STRING, AT(authorize_url), NULL,
	  "OAuth: where a person consents." },
	{ "device_url", GW_OPTION_STRING, AT(device_url), NULL,
	  "OAuth: where a device asks for its code." },
	{ "token_url", GW_OPTION_STRING, AT(token_url), NULL, "OAuth: where tokens come from." },
	{ "revoke_url", GW_OPTION_STRING, AT(revoke_url), NULL,
	  "OAuth: where tokens are taken back." },
	{ "scope", GW_OPTION_STRING, AT(scope), NULL, "OAuth: what to ask for." },
	{ "hint", GW_OPTION_STRING, AT(hint), NULL, "A sentence for people whose login fails." },
	GW_OPTIONS_END
};
#undef AT

static const struct gw_option file_options[] = { { "providers", GW_OPTION_GROUPS, 0, NULL,
						   "The presets.", .group = provider_options,
						   .group_size = sizeof(struct provider) },
						 GW_OPTIONS_END };

/* --- a name with a placeholder --- */

/* The "{word}" of a text; empty: it has none. */
static struct gw_str placeholder(struct gw_str text)
{
	size_t from = gw_str_find(text, '{');
	struct gw_str rest = gw_str_from(text, from);
	size_t len = gw_str_find(rest, '}');

	return len < rest.len ? gw_str_n(rest.ptr, len + 1) : gw_str("");
}

/* True: `name` is the provider's, and *word what stands for its placeholder. */
static bool has_name(const struct provider *provider, struct gw_str name, struct gw_str *word)
{
	struct gw_str hole = placeholder(provider->name);
	size_t before = hole.len ? (size_t)(hole.ptr - provider->name.ptr) : 0,
	       after = provider->name.len - before - hole.len;

	*word = gw_str("");
	if (!hole.len)
		return gw_str_eq(provider->name, name);
	if (name.len <= before + after || memcmp(name.ptr, provider->name.ptr, before) != 0 ||
	    memcmp(name.ptr + name.len - after, hole.ptr + hole.len, after) != 0)
		return false;
	*word = gw_str_n(name.ptr + before, name.len - before - after);
	return true;
}

static struct gw_str host_with(struct load *load, const struct provider *provider,
			       struct gw_str word)
{
	struct gw_str host = provider->host, hole = placeholder(host);
	struct gw_str rest = gw_str_from(host, hole.len ? (size_t)(hole.ptr - host.ptr) + hole.len
							: host.len);

	if (!hole.len || !word.len)
		return host;
	return arena_printf(load->context.arena, "%.*s%.*s%.*s", (int)(hole.ptr - host.ptr),
			    host.ptr, GW_STR_ARGS(word), GW_STR_ARGS(rest));
}

/* --- reading them --- */

static const struct provider *find(const struct snapshot *snapshot, struct gw_str name,
				   struct gw_str *word)
{
	for (size_t i = 0; i < snapshot->provider_count; i++)
		if (has_name(&snapshot->providers[i], name, word))
			return &snapshot->providers[i];
	return NULL;
}

static void add_provider(struct load *load, const struct conf_fragment *fragment,
			 const struct provider *provider)
{
	struct snapshot *snapshot = load->snapshot;

	for (size_t i = 0; i < snapshot->provider_count; i++)
		if (gw_str_eq(snapshot->providers[i].name, provider->name))
			problem_add(load->problems, true, fragment->path, fragment->line,
				    "there are two providers \"%s\"", provider->name.ptr);
	snapshot->providers[snapshot->provider_count++] = *provider;
}

static void read_file(struct load *load, const struct conf_fragment *fragment)
{
	struct snapshot *snapshot = load->snapshot;
	struct gw_groups found = { 0 };
	struct option_set set = { "providers", file_options, &found };
	const struct provider *providers;

	if (option_parse(&load->context, fragment->group, &set, 1, NULL) > 0)
		return;
	providers = found.items;
	struct provider *all = arena_alloc(load->context.arena,
					   (snapshot->provider_count + found.count) * sizeof(*all));
	if (!all) {
		problem_add(load->problems, true, fragment->path, fragment->line, "no memory");
		return;
	}
	if (snapshot->provider_count)
		memcpy(all, snapshot->providers, snapshot->provider_count * sizeof(*all));
	snapshot->providers = all;
	for (size_t i = 0; i < found.count; i++)
		add_provider(load, fragment, &providers[i]);
}

void load_providers(struct load *load)
{
	for (size_t i = 0; i < conf_count(load->snapshot->conf); i++) {
		const struct conf_fragment *fragment = conf_at(load->snapshot->conf, i);
		if (fragment->kind == CONF_PROVIDERS)
			read_file(load, fragment);
	}
}

/* --- a relay's --- */

static void tell_unknown(struct load *load, const struct gw_relay *relay)
{
	const struct snapshot *snapshot = load->snapshot;
	const char **names, *nearest;
	size_t count = 0;

	if (conf_unread(snapshot->conf) > 0)
		return; /* it may stand in the file that is told of */
	names = calloc(snapshot->provider_count + 1, sizeof(*names));

	if (names)
		names[count++] = "other";
	for (size_t i = 0; names && i < snapshot->provider_count; i++)
		names[count++] = snapshot->providers[i].name.ptr;
	nearest = option_nearest_word(names, count, relay->provider_name.ptr);
	problem_add(
		load->problems, true, relay->fragment->path,
		conf_line(relay->fragment->group, "auth.provider"),
		"there is no provider \"%s\"%s%s%s; \"other\" is for those that are not listed, with host, port and tls given",
		relay->provider_name.ptr, nearest ? ", did you mean \"" : "",
		nearest ? nearest : "", nearest ? "\"?" : "");
	free(names);
}

static void fill_in(struct load *load, struct gw_relay *relay, struct gw_str word)
{
	const struct provider *provider = relay->provider;
	const struct conf_group *group = relay->fragment->group;
	struct gw_str *host = arena_alloc(load->context.arena, sizeof(*host));

	if (host && !relay->hosts.count && provider->host.len && !relay->by_module) {
		*host = host_with(load, provider, word);
		relay->hosts = (struct gw_list){ host, host->ptr ? 1 : 0 };
	}
	if (!option_given(group, "port"))
		relay->port = provider->port;
	if (!option_given(group, "tls"))
		relay->tls = provider->tls;
	if (!relay->mechanisms.count)
		relay->mechanisms = provider->mechanisms;
	if (!option_given(group, "connections") && provider->connections)
		relay->connections = provider->connections;
}

void provider_apply(struct load *load, struct gw_relay *relay)
{
	struct gw_str word;

	if (!relay->provider_name.len || gw_str_eq(relay->provider_name, gw_str("other")))
		return;
	relay->provider = find(load->snapshot, relay->provider_name, &word);
	if (relay->provider)
		fill_in(load, relay, word);
	else
		tell_unknown(load, relay);
}
