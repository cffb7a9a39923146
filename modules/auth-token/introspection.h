/* introspection.h - the issuer is asked whether a token is good (RFC 7662): what the workers of an
 * instance share.
 *
 * Only `"active": true` in a whole answer lets anybody in; while the end point says neither yes nor
 * no a login is put off. */
#ifndef AUTH_TOKEN_INTROSPECTION_H
#define AUTH_TOKEN_INTROSPECTION_H

#include "conf.h"

struct introspection;

struct introspection *introspection_create(void);
void introspection_destroy(struct introspection *introspection);

/* The hook `auth`, of a mechanism with a token. Over all workers a token is asked about by one at a
 * time; who comes with it meanwhile waits for that answer. */
enum gw_verdict introspection_login(struct gw_call *call, struct introspection *introspection,
				    const struct gw_login *login);

/* The hook `http`, with its `arg`. */
void introspection_answered(struct gw_call *call, struct introspection *introspection,
			    const struct gw_http_answer *answer, void *arg);

/* The hook `tick`: client_secret or bearer is read again where its file has changed. */
void introspection_look(struct gw_call *call, struct introspection *introspection);

/* The hook `worker_stop`: nothing is told to this worker any more, and logins of others that wait
 * for that are put off. */
void introspection_give_up(struct gw_call *call, struct introspection *introspection);

void introspection_status(struct gw_call *call, struct introspection *introspection);

#endif
