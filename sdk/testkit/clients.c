/* clients.c - clients that other modules know, and those that this one tells of. */
#include "kit.h"

static bool is_refused(struct testkit *kit, const struct gw_client *client)
{
	struct gw_identity identity = { .client = client->name,
					.type = client->type,
					.domains = client->domains };
	size_t i;

	if (kit_identity_refused(kit, "client_known", &identity) ||
	    (client->peer.len && kit_name_refused(kit, "client_known", client->peer)))
		return true;
	for (i = 0; i < client->logins.count; i++)
		if (kit_name_refused(kit, "client_known", client->logins.items[i]))
			return true;
	return false;
}

static void add(struct testkit *kit, struct clients *clients, const struct gw_client *from)
{
	struct gw_client *client;
	struct gw_str *logins = kit_alloc(kit, (from->logins.count + 1) * sizeof *logins);
	size_t i;

	for (i = 0; i < from->logins.count; i++)
		logins[i] = kit_str(kit, from->logins.items[i]);
	clients->list = kit_grow(kit, clients->list, clients->count, sizeof *clients->list);
	client = &clients->list[clients->count++];
	*client = (struct gw_client){
		.size = sizeof *client,
		.name = kit_str(kit, from->name),
		.type = kit_str(kit, from->type),
		.domains = kit_str(kit, from->domains),
		.peer = kit_str(kit, from->peer),
		.logins = { logins, from->logins.count },
		.needs_login = from->needs_login,
	};
}

void testkit_client(struct testkit *kit, const struct gw_client *client)
{
	add(kit, &kit->others, client);
}

const struct gw_client *testkit_known(struct testkit *kit, size_t nth)
{
	return nth < kit->known.count ? &kit->known.list[nth] : NULL;
}

bool service_client_known(struct gw_call *call, const struct gw_client *client)
{
	struct testkit *kit = call->kit;
	struct gw_client given = { 0 };

	if (kit_refused(call, "client_known", ON(clients)) ||
	    kit_null(kit, "client_known", client) || kit_unsized(call, "gw_client", client->size))
		return false;
	memcpy(&given, client, client->size < sizeof given ? client->size : sizeof given);
	if (!is_refused(kit, &given))
		add(kit, &kit->known, &given);
	return true;
}

void service_client_each(struct gw_call *call, bool (*each)(void *arg, const struct gw_client *),
			 void *arg)
{
	const struct clients *others = &call->kit->others;
	size_t i;

	if (kit_refused(call, "client_each", ON(start) | ON(check) | ON(control) | ON(status)))
		return;
	for (i = 0; i < others->count && each(arg, &others->list[i]); i++)
		;
}
