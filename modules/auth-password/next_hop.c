/* next_hop.c - the name and password that we give to a relay. */
#include "auth.h"

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

enum gw_verdict auth_log_in(struct gw_call *call, struct gw_delivery *delivery,
			    struct gw_relay *relay)
{
	const struct auth_relay *conf = gw->relay_conf(call, relay);
	struct gw_login login = { .size = sizeof login };

	if (!conf || !conf->user.len || conf->method != METHOD_PASSWORD)
		return GW_CONTINUE;
	login.user = conf->user;
	login.secret = conf->password;
	gw->login_set(call, &login);
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
