/* claims.h - what a token says of itself, signed by its issuer (JWT) or told by it (introspection),
 * and what follows from it. */
#ifndef AUTH_TOKEN_CLAIMS_H
#define AUTH_TOKEN_CLAIMS_H

#include "conf.h"

#define NO_TIME INT64_MIN

enum verdict {
	CHECK_GOOD,
	CHECK_BAD,
	CHECK_OTHER,   /* another issuer's */
	CHECK_SCOPE,   /* it lacks the scope */
	CHECK_UNKNOWN, /* signed with a key that is not among these */
};

struct finding {
	enum verdict verdict;
	const char *why; /* a static text */
	int64_t expires; /* seconds since 1970 UTC, or NO_TIME */
	char name[256], domains[4096];
};

/* The claims of a token, which are its issuer's. Who issued it and for whom have to be there and
 * right where the fragment says who and for whom. Where they were told, its times may be missing:
 * RFC 7662 wants none of these; what is there has to be right. `now`: ms. */
void claims_judge(const struct token_conf *conf, const struct gw_json_value *claims, int64_t now,
		  struct finding *finding);

/* The time that a claim names; NO_TIME: there is no such claim. */
int64_t claims_time(const struct gw_json_value *claims, const char *name);

/* What the client is answered; `user` is whom it says it is, or empty. */
enum gw_verdict finding_answer(struct gw_call *call, const struct token_conf *conf,
			       const struct finding *finding, struct gw_str user);

#endif
