/* judge.c - what a login comes to: who it is, or that it counts as a failure. */
#include "auth.h"

void auth_visitor(struct auth *auth, const struct gw_session *session, struct gw_str user,
		  struct visitor *visitor)
{
	guard_visitor(&auth->guard, gw->session_fact(session, GW_SESSION_PEER), user, visitor);
}

struct users *auth_users(struct auth *auth)
{
	struct users *users;

	pthread_mutex_lock(&auth->lock);
	users = users_hold(auth->users);
	pthread_mutex_unlock(&auth->lock);
	return users;
}

enum gw_verdict auth_accept(struct gw_call *call, const struct visitor *visitor,
			    const struct user *user)
{
	struct auth *auth = gw->instance_data(call);
	struct gw_identity identity = { .size = sizeof identity,
					.client = user->client,
					.type = user->type,
					.domains = user->domains };

	pthread_mutex_lock(&auth->lock);
	guard_succeeded(&auth->guard, visitor, gw->now(call));
	pthread_mutex_unlock(&auth->lock);
	gw->identify(call, &identity);
	gw->count(call, "accepted", 1);
	gw->reason(call, "%s logged in", user->name.ptr);
	return GW_ACCEPT;
}

static void tell_reached(struct gw_call *call, struct gw_str peer, const struct user *user,
			 struct guard_reached reached)
{
	static const char *const words[] = {
		[FAILURES_SLOW] = "passwords from there are looked at slowly",
		[FAILURES_BLOCKED] = "no password from there is looked at for a time",
	};

	if (reached.address != FAILURES_COUNTED)
		gw->log(call, GW_LOG_WARNING, "too many failed logins from %s: %s", peer.ptr,
			words[reached.address]);
	if (reached.user != FAILURES_COUNTED && user)
		gw->log(call, GW_LOG_WARNING,
			"too many failed logins as %s: %s, where %s has not logged in from there before",
			user->name.ptr,
			reached.user == FAILURES_SLOW ? "they are looked at slowly"
						      : "none is looked at for a time",
			user->name.ptr);
}

enum gw_verdict auth_refuse(struct gw_call *call, const struct gw_session *session,
			    const struct visitor *visitor, const struct user *user, const char *why)
{
	struct gw_str peer = gw->session_fact(session, GW_SESSION_PEER);
	struct auth *auth = gw->instance_data(call);
	struct guard_reached reached;

	pthread_mutex_lock(&auth->lock);
	reached = guard_failed(&auth->guard, visitor, gw->now(call));
	pthread_mutex_unlock(&auth->lock);
	gw->count(call, "refused", 1);
	gw->reason(call, "not logged in: %s", why);
	gw->log(call, GW_LOG_INFO, "failed login from %s%s%s: %s", peer.ptr, user ? " as " : "",
		user ? user->name.ptr : "", why);
	tell_reached(call, peer, user, reached);
	return GW_CONTINUE;
}

enum gw_verdict auth_later(struct gw_call *call)
{
	gw->count(call, "delayed", 1);
	gw->reason(call, "too many failed logins: not looked at");
	gw->reply(call, 454, "4.7.0", "too many failed logins, try again later");
	return GW_TEMPFAIL;
}
