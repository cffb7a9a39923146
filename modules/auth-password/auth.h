/* auth.h - inside of the module: an instance, and what its files give each other. */
#ifndef AUTH_AUTH_H
#define AUTH_AUTH_H

#include "cache.h"
#include "guard.h"
#include "users.h"

#include <gateway/module.h>

#include <pthread.h>

enum scram_offered { SCRAM_AUTO, SCRAM_ANY, SCRAM_OFF };

struct auth_conf {
	struct gw_str users;
	int64_t scram, cache, failures, block, user_failures, user_block, window, delay, blocked;
};

/* An instance: what its workers share, behind one lock that is never held over anything slow. */
struct auth {
	pthread_mutex_t lock;
	struct users *users;
	struct stat stamp; /* of the file as it was last looked at */
	/* main thread: what is wrong with it since; empty: it was taken, and the next start will */
	char wrong[300];
	struct cache cache;
	struct guard guard;
	/* of relays, by their place: what their file has by now; NULL: as relay_conf() has it */
	char **passwords;
	size_t relay_count;
	/* passwords that are looked at, or wait for it */
	unsigned hashing[GUARD_RANKS];
};

/* --- judge.c: what a login comes to, whatever it is by --- */

/* Who tries, and from where. */
void auth_visitor(struct auth *auth, const struct gw_session *session, struct gw_str user,
		  struct visitor *visitor);
enum gw_verdict auth_accept(struct gw_call *call, const struct visitor *visitor,
			    const struct user *user);
/* `user` NULL: there is no such user, or it was not looked for. Not claimed rather than refused:
 * the next module may know this user, and the gateway's own 535 is the same for everybody. */
enum gw_verdict auth_refuse(struct gw_call *call, const struct gw_session *session,
			    const struct visitor *visitor, const struct user *user,
			    const char *why);
/* Too many failures: nothing is looked at. */
enum gw_verdict auth_later(struct gw_call *call);
/* The table of now, held. */
struct users *auth_users(struct auth *auth);

/* --- check.c: PLAIN and LOGIN --- */
enum gw_verdict auth_check(struct gw_call *call, struct gw_session *session,
			   const struct gw_login *login);

/* --- proof.c: SCRAM --- */
enum gw_verdict auth_prove(struct gw_call *call, struct gw_session *session,
			   const struct gw_login *login);
enum gw_verdict auth_offer(struct gw_call *call, struct gw_session *session);
/* What is offered, and why not more; for people. */
void auth_tell_scram(struct gw_call *call, const struct auth *auth);

/* --- next_hop.c: our login at a relay --- */
struct auth_relay {
	struct gw_str user, password;
	int64_t method;
};
extern const struct gw_option auth_relay_options[];
bool auth_check_relays(struct gw_call *call);
/* Room for passwords that are read again; false: no memory. */
bool auth_relays_init(struct gw_call *call, struct auth *auth);
void auth_relays_finish(struct auth *auth);
/* In a tick: files of passwords that have changed. */
void auth_relays_look(struct gw_call *call, struct auth *auth);
enum gw_verdict auth_log_in(struct gw_call *call, struct gw_delivery *delivery,
			    struct gw_relay *relay);

#endif
