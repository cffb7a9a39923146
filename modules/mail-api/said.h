/* said.h - what an API's answer means, in the words of SMTP, so that everybody who knows what to do
 * about a next hop's reply knows what to do about it. */
#ifndef MAIL_API_SAID_H
#define MAIL_API_SAID_H

#include "api.h"

#define SAID_TEXT 700

struct said {
	enum gw_status status;
	int code; /* 0: nobody said anything */
	const char *enhanced;
	const char *stage;
	bool unfit;         /* another relay may carry it */
	bool login_refused; /* another token may be taken */
	bool of_rcpt;       /* about a recipient: those that the text names, else all */
	int64_t pause;      /* ms: nothing is sent for so long; 0: none */
	int http;           /* status; 0: none */
	char text[SAID_TEXT];
};

/* What Azure says of a mail that it took, and could not send. */
void said_failed(struct said *said, const struct gw_json_value *json);

/* ms that Retry-After asks for, an hour at most. */
int64_t said_retry_after(const struct gw_http_answer *answer, int64_t now, int64_t otherwise);

void said_read(struct said *said, const struct api *api, const struct gw_http_answer *answer,
	       int64_t now);

#endif
