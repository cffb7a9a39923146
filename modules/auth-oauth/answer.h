/* answer.h - what an end point's answer says: a token, no for good, or come again. */
#ifndef OAUTH_ANSWER_H
#define OAUTH_ANSWER_H

#include "token.h"

#include <gateway/http.h>

enum answer_kind {
	ANSWER_TOKEN,
	ANSWER_DEVICE,  /* RFC 8628: a code to show */
	ANSWER_PENDING, /* RFC 8628: not yet; `slower`: and less often */
	ANSWER_NO,      /* asked again the same is answered: a person has to do something */
	ANSWER_LATER,   /* the end point is in trouble, or there is no answer */
};

#define ANSWER_TEXT 400

struct answer {
	enum answer_kind kind;
	struct token token; /* expires: by the clock of `now`. answer_finish() wipes */
	char error[64];     /* "invalid_grant"; empty: none in words */
	char text[ANSWER_TEXT];
	bool slower;
	int64_t retry_after; /* ms; 0: not said */
	int64_t ahead;       /* ms that the server's clock is ahead of `now`; 0: not known */
	/* of a device */
	char device_code[2048], user_code[64], verification[512];
	int64_t interval, expires_in; /* ms */
};

void answer_read(struct answer *answer, const struct gw_http_answer *http, int64_t now);
void answer_finish(struct answer *answer);

#endif
