/* grant.h - what a token end point is asked. */
#ifndef OAUTH_GRANT_H
#define OAUTH_GRANT_H

#include "conf.h"
#include "text.h"
#include "token.h"

/* The form for a renewal by the relay's grant; `ahead`: what the server's clock is ahead of `now`.
 * NULL, or why there is none (the form is empty then). */
const char *grant_form(struct form *form, const struct oauth_relay *conf,
		       const struct gw_relay *relay, const struct token *token, int64_t now,
		       int64_t ahead);

/* Who asks: client_id, and the secret where there is one, or what is signed in its place; `now`: by
 * the server's clock, ms. NULL, or why there is none. */
const char *grant_client(struct form *form, const struct oauth_relay *conf,
			 const struct gw_relay *relay, int64_t now);

#endif
