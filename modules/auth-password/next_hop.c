/* next_hop.c - the name and password that we give to a relay. */
#include "auth.h"

#include <stdlib.h>

#define PASSWORD_MOST 8192

enum method { METHOD_PASSWORD, METHOD_OAUTH };

bool auth_check_relays(struct gw_call *call)
{
	struct gw_relay *relay;
	bool good = true;
	size_t nth;

	for (nth = 0; (relay = gw->relay_at(call, nth)); nth++) {
		const struct auth_relay *conf = gw->relay_conf(call, relay);

		if (!conf || conf->method != METHOD_PASSWORD ||
		    !conf->user.len == !conf->password.len)
			continue;
		gw->problem_at(call, relay, conf->user.len ? "auth.user" : "auth.password", true,
			       "relay \"%s\": auth has a %s and no %s",
			       gw->relay_fact(relay, GW_RELAY_NAME).ptr,
			       conf->user.len ? "user" : "password",
			       conf->user.len ? "password" : "user");
		good = false;
	}
	return good;
}

/* --- passwords that are read again --- */

bool auth_relays_init(struct gw_call *call, struct auth *auth)
{
	while (gw->relay_at(call, auth->relay_count))
		auth->relay_count++;
	auth->passwords = calloc(auth->relay_count + 1, sizeof *auth->passwords);
	return auth->passwords != NULL;
}

static void wipe_free(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

void auth_relays_finish(struct auth *auth)
{
	size_t i;

	for (i = 0; auth->passwords && i < auth->relay_count; i++)
		wipe_free(auth->passwords[i]);
	free(auth->passwords);
}

static void replace(struct auth *auth, size_t nth, const char *password)
{
	char *copy = strdup(password), *old;

	if (!copy)
		return;
	pthread_mutex_lock(&auth->lock);
	old = auth->passwords[nth];
	auth->passwords[nth] = copy;
	pthread_mutex_unlock(&auth->lock);
	wipe_free(old);
}

static void look(struct gw_call *call, struct auth *auth, const struct gw_relay *relay, size_t nth)
{
	const struct auth_relay *conf = gw->relay_conf(call, relay);
	const char *name = gw->relay_fact(relay, GW_RELAY_NAME).ptr;
	char password[PASSWORD_MOST + 1];
	long len = conf && conf->password.len
			   ? gw->secret_again(call, conf->password, password, sizeof password)
			   : 0;

	if (len < 0)
		gw->log(call, GW_LOG_WARNING, "relay %s keeps its password: %s", name, password);
	if (len <= 0)
		return;
	replace(auth, nth, password);
	explicit_bzero(password, (size_t)len);
	gw->log(call, GW_LOG_INFO, "the password of relay %s was read again", name);
}

void auth_relays_look(struct gw_call *call, struct auth *auth)
{
	size_t nth;

	for (nth = 0; nth < auth->relay_count; nth++)
		look(call, auth, gw->relay_at(call, nth), nth);
}

/* --- a login --- */

enum gw_verdict auth_log_in(struct gw_call *call, struct gw_delivery *delivery,
			    struct gw_relay *relay)
{
	const struct auth_relay *conf = gw->relay_conf(call, relay);
	struct auth *auth = gw->instance_data(call);
	int64_t nth = gw->relay_number(relay, GW_RELAY_INDEX);
	struct gw_login login = { .size = sizeof login };
	const char *password;

	if (!conf || !conf->user.len || conf->method != METHOD_PASSWORD)
		return GW_CONTINUE;
	login.user = conf->user;
	pthread_mutex_lock(&auth->lock);
	password = nth >= 0 && (size_t)nth < auth->relay_count ? auth->passwords[nth] : NULL;
	login.secret = password ? gw_str(password) : conf->password;
	gw->login_set(call, &login);
	pthread_mutex_unlock(&auth->lock);
	return GW_ACCEPT;
}

#define RELAY(member) offsetof(struct auth_relay, member)
const struct gw_option auth_relay_options[] = {
	{ "auth.user", GW_OPTION_STRING, RELAY(user),
	  .help = "The name to log in with at the relay." },
	{ "auth.password", GW_OPTION_SECRET, RELAY(password),
	  .help = "Its password: file:PATH, credential:NAME, env:NAME, exec:COMMAND or the text itself." },
	{ "auth.method", GW_OPTION_WORD, RELAY(method), .fallback = "password",
	  .help = "With \"oauth\" the module that fetches tokens logs in.",
	  .words = "password|oauth" },
	GW_OPTIONS_END
};
