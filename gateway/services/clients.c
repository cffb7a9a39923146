#include "services/clients.h"

#include "services/services.h"

/* Who listens in the hook `clients`: gw_call.answer_to. */
struct listener {
	bool (*each)(void *arg, const struct gw_client *client);
	void *arg;
	bool enough;
};

void services_ask_started(struct snapshot *snapshot, struct worker *main, enum gw_hook hook,
			  void *listener, const bool *enough)
{
	struct arena arena;
	struct gw_call call;
	arena_init(&arena, 0);
	chain_init(&call, main, snapshot, &arena);
	call.answer_to = listener;
	for (size_t i = 0; i < snapshot->chain_length[hook] && !*enough; i++)
		if (snapshot->chains[hook][i]->started)
			chain_tell_one(&call, hook, snapshot->chains[hook][i]);
	arena_finish(&arena);
}

void clients_each(struct snapshot *snapshot, struct worker *main,
		  bool (*each)(void *arg, const struct gw_client *client), void *arg)
{
	struct listener listener = { each, arg, false };
	services_ask_started(snapshot, main, GW_HOOK_clients, &listener, &listener.enough);
}

/* --- the services --- */

static const char *bounds_client(const struct gw_client *client)
{
	struct gw_identity identity = { .client = client->name,
					.type = client->type,
					.domains = client->domains };
	const char *wrong = bounds_identity(&identity);
	if (wrong)
		return wrong;
	if (client->peer.len && !bounds_name(client->peer))
		return "an address is up to 255 octets without control characters";
	for (size_t i = 0; i < client->logins.count; i++)
		if (!bounds_name(client->logins.items[i]))
			return "a login is 1 to 255 octets without control characters";
	return NULL;
}

bool services_client_known(struct gw_call *call, const struct gw_client *client)
{
	struct listener *listener = call->answer_to;
	struct gw_client given = { .size = sizeof(given) };
	if (call->hook != GW_HOOK_clients || !listener || listener->enough)
		return false;
	memcpy(&given, client, client->size < sizeof(given) ? client->size : sizeof(given));
	given.size = sizeof(given);
	const char *wrong = bounds_client(&given);
	if (wrong)
		bounds_refuse(call, "client_known", wrong);
	else
		listener->enough = !listener->each(listener->arg, &given);
	return !listener->enough;
}

/* Asked from inside of `clients`, it would never end. */
void services_client_each(struct gw_call *call, bool (*each)(void *arg, const struct gw_client *),
			  void *arg)
{
	if (call->hook == GW_HOOKS || call->hook == GW_HOOK_check ||
	    call->hook == GW_HOOK_control || call->hook == GW_HOOK_status)
		clients_each(call->snapshot, call->worker, each, arg);
	else
		bounds_refuse(call, "client_each",
			      "that is asked in start, check, control, status");
}

/* --- one client, whole --- */

struct search {
	struct arena *arena;
	bool (*is_it)(const struct search *search, const struct gw_client *client);
	struct gw_str word; /* a name, or a login; empty: any login */
	struct gw_client found;
	bool has_found;
};

static bool is_named(const struct search *search, const struct gw_client *client)
{
	return gw_str_ieq(client->name, search->word);
}

static bool has_login(const struct search *search, const struct gw_client *client)
{
	for (size_t i = 0; i < client->logins.count; i++)
		if (!search->word.len || gw_str_ieq(client->logins.items[i], search->word))
			return true;
	return false;
}

static bool is_place_of_login(const struct search *search, const struct gw_client *client)
{
	return client->peer.len && has_login(search, client);
}

static bool is_user(const struct search *search, const struct gw_client *client)
{
	return !client->peer.len && has_login(search, client);
}

/* With its first login only, which is enough to come with. */
static bool take(void *arg, const struct gw_client *client)
{
	struct search *search = arg;
	struct gw_client *found = &search->found;
	if (!search->is_it(search, client))
		return true;
	struct gw_str *login = arena_alloc(search->arena, sizeof(*login));
	if (login && client->logins.count)
		*login = arena_str(search->arena, client->logins.items[0]);
	*found = *client;
	found->name = arena_str(search->arena, client->name);
	found->type = arena_str(search->arena, client->type);
	found->domains = arena_str(search->arena, client->domains);
	found->peer = arena_str(search->arena, client->peer);
	found->logins = (struct gw_list){ login, client->logins.count != 0 };
	search->has_found = !search->arena->failed;
	return false;
}

static bool find(struct search *search, struct snapshot *snapshot, struct worker *main)
{
	clients_each(snapshot, main, take, search);
	return search->has_found;
}

/* What is said later goes before what was said earlier, where it says anything. */
static void add_identity(struct gw_client *client, const struct gw_client *later)
{
	client->name = later->name.len ? later->name : client->name;
	client->type = later->type.len ? later->type : client->type;
	client->domains = later->domains.len ? later->domains : client->domains;
}

/* Known by its address: its login, where it needs one, says the rest. */
static void add_user(struct gw_client *client, struct search user, struct snapshot *snapshot,
		     struct worker *main)
{
	user.is_it = is_user;
	user.word = client->logins.count ? client->logins.items[0] : gw_str("");
	if (!client->needs_login) {
		client->logins.count = 0;
	} else if (find(&user, snapshot, main)) {
		add_identity(client, &user.found);
		client->logins = user.found.logins;
	}
}

/* Known by its login, which may be good from some addresses only; that of a client is what its
 * session was before it logged in. */
static void add_place(struct gw_client *client, struct search place, struct snapshot *snapshot,
		      struct worker *main)
{
	place.is_it = is_place_of_login;
	place.word = client->logins.count ? client->logins.items[0] : gw_str("");
	if (!place.word.len || !find(&place, snapshot, main))
		return;
	add_identity(&place.found, client);
	place.found.logins = client->logins;
	*client = place.found;
}

bool clients_find(struct snapshot *snapshot, struct worker *main, struct arena *arena,
		  struct gw_str name, struct gw_client *client)
{
	struct search search = { .arena = arena, .is_it = is_named, .word = name };
	struct search rest = { .arena = arena };
	if (!name.len || !find(&search, snapshot, main))
		return false;
	if (search.found.peer.len)
		add_user(&search.found, rest, snapshot, main);
	else
		add_place(&search.found, rest, snapshot, main);
	*client = search.found;
	return !arena->failed;
}
