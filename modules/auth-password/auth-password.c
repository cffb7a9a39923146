/* auth-password.c - who may hand us mail with a name and a password, and the password we give to a
 * next hop: the instance and its hooks. */
#include "auth.h"

#include <stdio.h>
#include <stdlib.h>

/* --- the file of users --- */

static void tell_problem(void *arg, bool fatal, int line, const char *text)
{
	struct gw_call *call = arg;
	const struct auth_conf *conf = gw->conf(call);

	if (line)
		gw->problem_at(call, NULL, "users", fatal, "%s:%d: %s", conf->users.ptr, line,
			       text);
	else
		gw->problem_at(call, NULL, "users", fatal, "%s: %s", conf->users.ptr, text);
}

static void tell_log(void *arg, bool fatal, int line, const char *text)
{
	struct gw_call *call = arg;
	const struct auth_conf *conf = gw->conf(call);
	struct auth *auth = gw->instance_data(call);
	char place[16] = "";

	if (line)
		snprintf(place, sizeof place, ":%d", line);
	gw->log(call, fatal ? GW_LOG_ERROR : GW_LOG_WARNING, "%s%s: %s", conf->users.ptr, place,
		text);
	if (fatal && !auth->wrong[0])
		snprintf(auth->wrong, sizeof auth->wrong, "%.200s%s: %.60s", conf->users.ptr, place,
			 text);
}

/* What is being checked with the old table holds it; what was right with it is right no more. */
static void swap_users(struct auth *auth, struct users *users)
{
	struct users *old;

	pthread_mutex_lock(&auth->lock);
	old = auth->users;
	auth->users = users;
	cache_clear(&auth->cache);
	pthread_mutex_unlock(&auth->lock);
	users_release(old);
}

/* A changed file with a mistake in it changes nothing: who could log in still can. */
static void read_again(struct gw_call *call)
{
	struct users_report report = { .tell = tell_log, .arg = call };
	const struct auth_conf *conf = gw->conf(call);
	struct auth *auth = gw->instance_data(call);
	struct users *users;

	if (!conf->users.len || !users_changed(conf->users.ptr, &auth->stamp))
		return;
	auth->wrong[0] = '\0';
	users = users_read(conf->users.ptr, &auth->stamp, &report);
	if (!users) {
		gw->log(call, GW_LOG_ERROR,
			"%s is not taken: the users are those from before the change",
			conf->users.ptr);
		return;
	}
	gw->log(call, GW_LOG_INFO, "%s was read again: %zu users", conf->users.ptr, users->count);
	swap_users(auth, users);
}

/* --- places: known over restarts --- */

static void load_places(struct gw_call *call, struct auth *auth)
{
	char *text = malloc(PLACES_SAVED);
	long len = text ? gw->record_get(call, gw_str("places"), text, PLACES_SAVED) : -1;

	if (len == (long)PLACES_SAVED)
		places_restore(&auth->guard.places, gw_str_n(text, PLACES_SAVED));
	free(text);
}

static void save_places(struct gw_call *call)
{
	struct auth *auth = gw->instance_data(call);
	char *text = malloc(PLACES_SAVED);
	bool changed;

	if (!text)
		return;
	pthread_mutex_lock(&auth->lock);
	changed = auth->guard.changed;
	if (changed)
		memcpy(text, places_saved(&auth->guard.places).ptr, PLACES_SAVED);
	auth->guard.changed = false;
	pthread_mutex_unlock(&auth->lock);
	if (changed)
		gw->record_put(call, gw_str("places"), gw_str_n(text, PLACES_SAVED));
	free(text);
}

static void on_tick(struct gw_call *call)
{
	read_again(call);
	auth_relays_look(call, gw->instance_data(call));
	save_places(call);
}

/* --- start and stop --- */

static void auth_destroy(struct auth *auth)
{
	if (!auth)
		return;
	users_release(auth->users);
	auth_relays_finish(auth);
	cache_finish(&auth->cache);
	pthread_mutex_destroy(&auth->lock);
	free(auth);
}

static struct auth *auth_create(const struct auth_conf *conf)
{
	struct failures_limits address = { conf->failures, conf->block, conf->window, conf->delay,
					   conf->blocked },
			       user = address;
	struct auth *auth = calloc(1, sizeof *auth);

	user.slow = conf->user_failures;
	user.block = conf->user_block;
	if (!auth)
		return NULL;
	pthread_mutex_init(&auth->lock, NULL);
	if (cache_init(&auth->cache) && guard_init(&auth->guard, &address, &user))
		return auth;
	auth_destroy(auth);
	return NULL;
}

static int on_start(struct gw_call *call)
{
	struct users_report report = { .tell = tell_problem, .arg = call, .may_be_absent = true };
	const struct auth_conf *conf = gw->conf(call);
	struct auth *auth = auth_create(conf);
	bool good = auth_check_relays(call);

	if (!auth)
		return -1;
	if (conf->users.len) {
		auth->users = users_read(conf->users.ptr, &auth->stamp, &report);
		good &= auth->users != NULL;
	}
	if (!good || !auth_relays_init(call, auth)) {
		auth_destroy(auth);
		return -1;
	}
	load_places(call, auth);
	gw->instance_data_set(call, auth);
	return 0;
}

static void on_stop(struct gw_call *call)
{
	auth_destroy(gw->instance_data(call));
}

/* --- hooks --- */

static bool is_acting(const struct gw_login *login)
{
	return login->acting_as.len && !gw_str_ieq(login->acting_as, login->user);
}

static enum gw_verdict on_auth(struct gw_call *call, struct gw_session *session,
			       const struct gw_login *login)
{
	static const struct {
		const char *mechanism;
		enum gw_verdict (*run)(struct gw_call *call, struct gw_session *session,
				       const struct gw_login *login);
	} ways[] = { { "PLAIN", auth_check },
		     { "LOGIN", auth_check },
		     { "SCRAM-SHA-256", auth_prove },
		     { "SCRAM-SHA-256-PLUS", auth_prove } };
	const struct auth_conf *conf = gw->conf(call);
	struct visitor visitor;
	size_t i;

	for (i = 0; conf->users.len && i < sizeof ways / sizeof *ways; i++) {
		if (!gw_str_ieq(login->mechanism, gw_str(ways[i].mechanism)))
			continue;
		if (!is_acting(login))
			return ways[i].run(call, session, login);
		auth_visitor(gw->instance_data(call), session, login->user, &visitor);
		return auth_refuse(call, session, &visitor, NULL,
				   "nobody may act as somebody else");
	}
	return GW_CONTINUE;
}

static bool tell_user(struct gw_call *call, const struct user *user)
{
	struct gw_str login = user->name;
	struct gw_client known = { .size = sizeof known,
				   .name = user->client,
				   .type = user->type,
				   .domains = user->domains,
				   .logins = { &login, 1 },
				   .needs_login = true };

	return gw->client_known(call, &known);
}

/* The file may be read again meanwhile. */
static void on_clients(struct gw_call *call)
{
	const struct auth_conf *conf = gw->conf(call);
	struct users *users = conf->users.len ? auth_users(gw->instance_data(call)) : NULL;
	size_t i;

	for (i = 0; users && i < users->count && tell_user(call, &users->list[i]); i++)
		;
	users_release(users);
}

static void on_status(struct gw_call *call)
{
	struct auth *auth = gw->instance_data(call);

	pthread_mutex_lock(&auth->lock);
	gw->status_line(call, "users", "%zu", auth->users ? auth->users->count : 0);
	if (auth->wrong[0])
		gw->status_line(call, "WRONG",
				"%s; the users are those from before, and the next start fails",
				auth->wrong);
	auth_tell_scram(call, auth);
	pthread_mutex_unlock(&auth->lock);
}

/* --- the module --- */

#define CONF(member) offsetof(struct auth_conf, member)
static const struct gw_option options[] = {
	{ "users", GW_OPTION_PATH, CONF(users),
	  .help = "The file of users and hashes; without it no client can log in with a password." },
	{ "scram", GW_OPTION_WORD, CONF(scram), .fallback = "auto",
	  .help = "When SCRAM-SHA-256 is offered to clients: auto: every user has an entry for it; any: some have; off: never.",
	  .words = "auto|any|off" },
	{ "cache", GW_OPTION_DURATION, CONF(cache), .fallback = "60s",
	  .help = "How long a login that was right is not hashed again; 0: not at all.",
	  .max = 3600000 },
	{ "failures", GW_OPTION_INT, CONF(failures), .fallback = "20",
	  .help = "Failed logins of one address in a window before its passwords are looked at slowly; 0: never.",
	  .max = 1000000 },
	{ "block", GW_OPTION_INT, CONF(block), .fallback = "60",
	  .help = "... before none of its passwords is looked at for a time; 0: never.",
	  .max = 1000000 },
	{ "user_failures", GW_OPTION_INT, CONF(user_failures), .fallback = "100",
	  .help = "The same as failures, of one user from addresses that it has not logged in from before; 0: never.",
	  .max = 1000000 },
	{ "user_block", GW_OPTION_INT, CONF(user_block), .fallback = "300",
	  .help = "The same as block, of one user from such addresses; 0: never.", .max = 1000000 },
	{ "window", GW_OPTION_DURATION, CONF(window), .fallback = "10m",
	  .help = "The window in which failures are counted.", .min = 1000, .max = 86400000 },
	{ "delay", GW_OPTION_DURATION, CONF(delay), .fallback = "5s",
	  .help = "How often a password is looked at from an address with too many failures.",
	  .min = 100, .max = 600000 },
	{ "blocked", GW_OPTION_DURATION, CONF(blocked), .fallback = "1h",
	  .help = "For how long a block lasts.", .min = 1000, .max = 86400000 },
	GW_OPTIONS_END
};

GW_MODULE(.name = "auth-password", .version = "1.0",
	  .summary = "logins with name and password, from a file of hashes", .options = options,
	  .conf_size = sizeof(struct auth_conf), .relay_options = auth_relay_options,
	  .relay_conf_size = sizeof(struct auth_relay), .start = on_start, .stop = on_stop,
	  .ehlo = auth_offer, .auth = on_auth, .login = auth_log_in, .tick = on_tick,
	  .clients = on_clients, .status = on_status,
	  .once = "would count logins of its users as failed in the first one")
