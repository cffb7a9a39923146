/* check.h - is a token good, and whose is it? On a thread of the pool: signatures take their time.
 */
#ifndef AUTH_TOKEN_CHECK_H
#define AUTH_TOKEN_CHECK_H

#include "claims.h"
#include "keys.h"

#define TOKEN_MOST 12000

struct check {
	const struct token_conf *conf; /* the instance's */
	struct keys *keys;             /* held; NULL: none yet */
	char *token, *user;            /* as the client gave them; user empty: the token says it */
	int64_t now;                   /* ms */
	bool looked;                   /* the keys were fetched for it */
	struct finding finding;
};

struct check *check_create(const struct token_conf *conf, const struct gw_login *login);
/* The token is wiped. */
void check_free(void *check);

void check_run(void *check); /* blocks */

#endif
