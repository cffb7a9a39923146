#include "plan.h"

#include "registry.h"

#include <stdio.h>
#include <stdlib.h>

#define SENDERS_MOST 500
#define WAYS_MOST 200
#define KEYS_MOST 2000
#define ADDRESSES_MOST 200

const char *const modes[] = { "keep", "from", "custom", "own" };

bool source_is_list(struct gw_str source, struct gw_str *domain)
{
	if (source.len <= 4 || !gw_str_eq(gw_str_n(source.ptr, 4), gw_str("spf:")))
		return false;
	*domain = gw_str_from(source, 4);
	return true;
}

void source_term(struct gw_str source, char out[TERM_MAX])
{
	const char *kind = gw_str_find(source, ':') < source.len ? "ip6" : "ip4";

	if (source_is_list(source, &source))
		kind = "include";
	snprintf(out, TERM_MAX, "%s:%.*s", kind, GW_STR_ARGS(source));
}

/* --- memory: all of a plan goes at once --- */

struct block {
	struct block *next;
	max_align_t bytes[];
};

static void *plan_alloc(struct plan *plan, size_t size)
{
	struct block *block = calloc(1, sizeof *block + size);

	if (!block)
		return NULL;
	block->next = plan->blocks;
	plan->blocks = block;
	return block->bytes;
}

static struct gw_str copy(struct plan *plan, struct gw_str text)
{
	char *bytes = plan_alloc(plan, text.len + 1);

	if (!bytes)
		return gw_str("");
	memcpy(bytes, text.ptr, text.len);
	return gw_str_n(bytes, text.len);
}

static struct gw_list copy_list(struct plan *plan, struct gw_list list)
{
	struct gw_str *items = plan_alloc(plan, (list.count + 1) * sizeof *items);
	size_t i;

	for (i = 0; items && i < list.count; i++)
		items[i] = copy(plan, list.items[i]);
	return (struct gw_list){ items, items ? list.count : 0 };
}

/* --- sender domains --- */

struct gathering {
	struct gw_call *call;
	struct plan *plan;
};

static void add_sender(struct gathering *gathering, struct gw_str domain)
{
	struct plan *plan = gathering->plan;
	char name[GW_DOMAIN_MAX + 1];
	long size = gw->domain_ascii(gathering->call, domain, name);
	size_t i;

	if (size <= 0 || strchr(name, '*'))
		return; /* of a pattern nothing is known */
	for (i = 0; i < plan->sender_count; i++)
		if (gw_str_eq(plan->senders[i], gw_str(name)))
			return;
	if (plan->sender_count < SENDERS_MOST)
		plan->senders[plan->sender_count++] = copy(plan, gw_str(name));
	else
		plan->is_cut = true;
}

static void add_senders(struct gathering *gathering, struct gw_list list)
{
	size_t i;

	for (i = 0; i < list.count; i++)
		add_sender(gathering, list.items[i]);
}

static bool add_client(void *arg, const struct gw_client *client)
{
	struct gw_str left = client->domains, domain;

	for (; left.len; left = gw_str_from(left, domain.len + 1)) {
		domain = gw_str_n(left.ptr, gw_str_find(left, ' '));
		add_sender(arg, domain);
	}
	return true;
}

static int add_registered(void *arg, struct gw_str domain)
{
	add_sender(arg, domain);
	return 0;
}

/* --- what other modules publish --- */

static void add_publication(void *arg, const struct gw_publication *publication)
{
	struct plan *plan = ((struct gathering *)arg)->plan;

	if (publication->type == GW_DNS_MX && plan->bounce_domain.len == 0)
		plan->bounce_domain = copy(plan, publication->name);
	if (publication->type != GW_DNS_TXT || publication->senders.len == 0)
		return;
	if (plan->key_count == KEYS_MOST) {
		plan->is_cut = true;
		return;
	}
	plan->keys[plan->key_count++] = (struct plan_key){ copy(plan, publication->name),
							   copy(plan, publication->value),
							   copy(plan, publication->senders) };
}

/* --- ways --- */

static void add_address(struct plan *plan, struct gw_str address)
{
	struct gw_str *items = (struct gw_str *)plan->addresses.items;
	size_t i;

	for (i = 0; i < plan->addresses.count; i++)
		if (gw_str_eq(items[i], address))
			return;
	if (plan->addresses.count < ADDRESSES_MOST)
		items[plan->addresses.count++] = address;
	else
		plan->is_cut = true;
}

static enum mode mode_of(struct gw_str return_path)
{
	enum mode mode;

	for (mode = MODE_KEEP; mode <= MODE_OWN; mode++)
		if (mode != MODE_CUSTOM && gw_str_eq(return_path, gw_str(modes[mode])))
			return mode;
	return return_path.len ? MODE_CUSTOM : MODE_KEEP;
}

/* Of a pattern the domain that all of it is below. */
static struct gw_str first_domain(struct gw_str pattern)
{
	if (pattern.len && pattern.ptr[0] == '*')
		pattern = gw_str_from(pattern, pattern.len > 2 ? 2 : pattern.len);
	return pattern;
}

static struct gw_str return_domain(struct plan *plan, const struct domains_relay *conf,
				   enum mode mode)
{
	size_t at = conf->return_path.len;

	if (mode == MODE_OWN)
		return plan->bounce_domain;
	if (mode == MODE_KEEP && conf->return_path_domains.count)
		return copy(plan, first_domain(conf->return_path_domains.items[0]));
	if (mode != MODE_CUSTOM)
		return gw_str("");
	while (at && conf->return_path.ptr[at - 1] != '@')
		at--;
	return copy(plan, gw_str_from(conf->return_path, at));
}

static bool has_mass(const struct domains_conf *conf, struct gw_list types)
{
	size_t i, j;

	for (i = 0; i < types.count; i++)
		for (j = 0; j < conf->mass.count; j++)
			if (gw_str_eq(types.items[i], conf->mass.items[j]))
				return true;
	return types.count == 0;
}

/* Through a relay that is another's server receivers see that one's addresses, which only the admin
 * can say. */
static struct gw_list addresses_of(struct gathering *gathering, const struct gw_relay *relay,
				   const struct domains_relay *conf)
{
	const struct domains_conf *own = gw->conf(gathering->call);

	if (conf->sends_from.count)
		return copy_list(gathering->plan, conf->sends_from);
	return gw->relay_number(relay, GW_RELAY_MX) == 1
		       ? copy_list(gathering->plan, own->addresses)
		       : (struct gw_list){ NULL, 0 };
}

static void add_way(struct gathering *gathering, const struct gw_relay *relay,
		    const struct domains_relay *conf)
{
	struct plan *plan = gathering->plan;
	struct way *way = &plan->ways[plan->way_count++];
	size_t i;

	way->relay = copy(plan, gw->relay_fact(relay, GW_RELAY_NAME));
	way->domains = copy_list(plan, conf->domains);
	way->mode = mode_of(conf->return_path);
	way->return_domain = return_domain(plan, conf, way->mode);
	way->addresses = addresses_of(gathering, relay, conf);
	way->signs = conf->dkim;
	way->is_mass = has_mass(gw->conf(gathering->call), conf->types);
	for (i = 0; i < way->addresses.count; i++)
		add_address(plan, way->addresses.items[i]);
	add_senders(gathering, conf->domains);
}

/* What a module delivers leads to no receiver that would look. */
static void add_ways(struct gathering *gathering)
{
	struct gw_call *call = gathering->call;
	struct plan *plan = gathering->plan;
	const struct gw_relay *relay;
	size_t nth;

	for (nth = 0; (relay = gw->relay_at(call, nth)) != NULL; nth++) {
		const struct domains_relay *conf = gw->relay_conf(call, relay);

		if (!conf || gw->relay_number(relay, GW_RELAY_ENABLED) == 0 ||
		    gw->relay_fact(relay, GW_RELAY_HOST).len == 0)
			continue;
		if (plan->way_count < WAYS_MOST)
			add_way(gathering, relay, conf);
		else
			plan->is_cut = true;
	}
}

/* --- the plan --- */

static bool make_room(struct plan *plan)
{
	plan->senders = plan_alloc(plan, SENDERS_MOST * sizeof *plan->senders);
	plan->ways = plan_alloc(plan, WAYS_MOST * sizeof *plan->ways);
	plan->keys = plan_alloc(plan, KEYS_MOST * sizeof *plan->keys);
	plan->addresses.items = plan_alloc(plan, ADDRESSES_MOST * sizeof(struct gw_str));
	plan->bounce_domain = gw_str("");
	return plan->senders && plan->ways && plan->keys && plan->addresses.items;
}

struct plan *plan_create(struct gw_call *call)
{
	const struct domains_conf *conf = gw->conf(call);
	struct gathering gathering = { call, calloc(1, sizeof(struct plan)) };

	if (!gathering.plan)
		return NULL;
	gathering.plan->refs = 1;
	if (!make_room(gathering.plan)) {
		plan_destroy(gathering.plan);
		return NULL;
	}
	gw->publication_each(call, add_publication, &gathering);
	add_senders(&gathering, conf->senders);
	registry_each(call, add_registered, &gathering);
	add_ways(&gathering);
	gw->client_each(call, add_client, &gathering);
	return gathering.plan;
}

void plan_destroy(struct plan *plan)
{
	struct block *block, *next;

	if (!plan)
		return;
	for (block = plan->blocks; block; block = next) {
		next = block->next;
		free(block);
	}
	free(plan);
}
