/* sasl_token.h - what is said in logins with a token: XOAUTH2 (Google, Microsoft) and OAUTHBEARER
 * (RFC 7628). */
#ifndef SMTP_SASL_TOKEN_H
#define SMTP_SASL_TOKEN_H

#include <gateway/str.h>

struct sasl_token_mechanism {
	const char *name;
	/* of the message before base64, with the user (as `escaped` says) and the token */
	const char *form;
	bool escaped;       /* ',' and '=' of the user, as in a GS2 header (RFC 5801) */
	const char *finish; /* the line that answers an error, after which the refusal comes */
};

/* NULL: it is none of them. */
const struct sasl_token_mechanism *sasl_token_find(struct gw_str name);

/* The first message; NULL: user or token have in them what cannot be said, or no memory. To be
 * wiped and freed. */
char *sasl_token_message(const struct sasl_token_mechanism *mechanism, struct gw_str user,
			 struct gw_str token);

/* What a client said, decoded: user and token stand in it, the user's escapes replaced in place.
 * False: that is no such message. OAUTHBEARER may have no user. */
bool sasl_token_parse(const struct sasl_token_mechanism *mechanism, struct gw_str message,
		      struct gw_str *user, struct gw_str *token);

/* What a server says of a token that it does not take; what could not stand in JSON is left out. To
 * be freed; NULL: no memory. */
char *sasl_token_refusal(const struct sasl_token_mechanism *mechanism, struct gw_str status,
			 struct gw_str scope);

#endif
