/* api.h - the providers: one row for each, and what an admin says of a relay that is one. */
#ifndef MAIL_API_API_H
#define MAIL_API_API_H

#include <gateway/module.h>

struct api_conf {
	struct gw_str ca_file;
	int64_t timeout;
};

enum api_kind { API_NONE, API_GRAPH, API_GMAIL, API_AZURE };
enum api_others { OTHERS_REFUSE, OTHERS_REMOVE };
enum api_from_name { FROM_NAME_REFUSE, FROM_NAME_DROP };
enum api_method { METHOD_PASSWORD, METHOD_OAUTH };

struct api_relay {
	int64_t api, others, from_name;
	int64_t method; /* of auth: a password is an access key */
	struct gw_str url, mailbox;
};

extern const struct gw_option api_options[], api_relay_options[];

struct api {
	const char *name;           /* for people */
	const char *base;           /* where it is, unless the relay says so */
	const char *before, *after; /* of the mailbox in the path */
	const char *type;           /* Content-Type */
	bool base64;
	int64_t most;      /* octets of a message, before base64 */
	size_t most_rcpts; /* of one message */
	/* It is told a mail as JSON and says later whether it was sent: azure_send.c. Else it takes
	 * the mail as it is. */
	bool later;
	const char *returns; /* where bounces go, for people */
};

/* NULL: the relay is none. */
const struct api *api_of(const struct api_relay *conf);

/* "https://graph.microsoft.com/v1.0/users/relay%40example.com/sendMail"; false: too long. */
bool api_url(const struct api *api, const struct api_relay *conf, struct gw_str mailbox, char *out,
	     size_t size);

/* "graph.microsoft.com", of that URL. */
struct gw_str api_host(struct gw_str url);

/* Tells what is wrong with a relay; false: it cannot work. */
bool api_relay_check(struct gw_call *call, const struct gw_relay *relay);

#endif
