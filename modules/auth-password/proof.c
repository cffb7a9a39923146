/* proof.c - SCRAM-SHA-256: what the file has of a user is handed to the gateway, which compares it
 * with the client's proof. No hash is made here, so nobody has to wait for one. */
#include "auth.h"
#include "scram.h"

#include <openssl/crypto.h>

static bool find_keys(const struct users *users, struct gw_str name, bool *there,
		      struct scram *scram)
{
	const struct user *user = users_find(users, name);
	struct scram model;
	bool found;

	*there = user && user->hash.kind == HASH_SCRAM;
	if (*there)
		return scram_parse(user->hash.text, scram);
	found = scram_parse(users->scram_decoy.text, &model) && scram_decoy(&model, name, scram);
	OPENSSL_cleanse(&model, sizeof model);
	return found;
}

/* Who is not there gets keys as well, and is not claimed: another module may know it. */
static enum gw_verdict give_keys(struct gw_call *call, const struct users *users,
				 struct gw_str name)
{
	struct scram scram;
	bool there;
	struct gw_proof_keys keys = { .size = sizeof keys };

	if (!find_keys(users, name, &there, &scram))
		return GW_FAILED;
	keys.iterations = scram.iterations;
	keys.salt = gw_str_n((const char *)scram.salt, scram.salt_len);
	keys.stored_key = gw_str_n((const char *)scram.stored, SCRAM_KEY);
	keys.server_key = gw_str_n((const char *)scram.server, SCRAM_KEY);
	gw->proof_keys(call, &keys);
	OPENSSL_cleanse(&scram, sizeof scram);
	return there ? GW_ACCEPT : GW_CONTINUE;
}

static enum gw_verdict judge(struct gw_call *call, struct gw_session *session,
			     const struct visitor *visitor, const struct users *users,
			     const struct gw_login *login)
{
	const struct user *user = users_find(users, login->user);

	if (login->proof == GW_PROOF_RIGHT && user && user->hash.kind == HASH_SCRAM)
		return auth_accept(call, visitor, user);
	return auth_refuse(call, session, visitor, user,
			   user ? "the password is wrong, or not kept for SCRAM"
				: "there is no such user");
}

static bool may_try(struct gw_call *call, struct auth *auth, const struct visitor *visitor)
{
	enum guard_rank rank;

	pthread_mutex_lock(&auth->lock);
	rank = guard_ask(&auth->guard, visitor, gw->now(call));
	pthread_mutex_unlock(&auth->lock);
	return rank != GUARD_LATER;
}

enum gw_verdict auth_prove(struct gw_call *call, struct gw_session *session,
			   const struct gw_login *login)
{
	struct auth *auth = gw->instance_data(call);
	struct users *users = auth_users(auth);
	enum gw_verdict verdict;
	struct visitor visitor;

	auth_visitor(auth, session, login->user, &visitor);
	if (users->scram_count == 0)
		verdict = GW_CONTINUE;
	else if (login->proof != GW_PROOF_WANTED)
		verdict = judge(call, session, &visitor, users, login);
	else if (may_try(call, auth, &visitor))
		verdict = give_keys(call, users, login->user);
	else
		verdict = auth_later(call);
	users_release(users);
	return verdict;
}

/* --- what is offered --- */

static bool is_offered(const struct auth_conf *conf, const struct users *users)
{
	switch ((enum scram_offered)conf->scram) {
	case SCRAM_AUTO:
		return users->scram_count && !users->plain;
	case SCRAM_ANY:
		return users->scram_count > 0;
	default:
		return false;
	}
}

enum gw_verdict auth_offer(struct gw_call *call, struct gw_session *session)
{
	const struct auth_conf *conf = gw->conf(call);
	struct auth *auth = gw->instance_data(call);
	struct users *users = conf->users.len ? auth_users(auth) : NULL;
	bool scram = users && is_offered(conf, users);

	gw->mechanism(call, "PLAIN", users != NULL);
	gw->mechanism(call, "LOGIN", users != NULL);
	gw->mechanism(call, "SCRAM-SHA-256", scram);
	gw->mechanism(call, "SCRAM-SHA-256-PLUS", scram);
	users_release(users);
	return GW_CONTINUE;
}

void auth_tell_scram(struct gw_call *call, const struct auth *auth)
{
	const struct auth_conf *conf = gw->conf(call);
	const struct users *users = auth->users;

	if (!users || !users->scram_count)
		return;
	if (is_offered(conf, users))
		gw->status_line(call, "scram", "offered");
	else if (conf->scram == SCRAM_OFF)
		gw->status_line(call, "scram", "not offered: scram is \"off\"");
	else
		gw->status_line(
			call, "scram",
			"not offered: %.*s has no SCRAM-SHA-256 entry; scram = \"any\" offers it all the same",
			(int)users->plain->name.len, users->plain->name.ptr);
}
