/* conf.h - what the fragment says: where the API listens, who may ask, and where webhooks go. */
#ifndef HTTP_CONF_H
#define HTTP_CONF_H

#include <gateway/module.h>

enum token_scope { SCOPE_READ, SCOPE_WRITE };

struct token_conf {
	struct gw_str name, hash; /* "sha256:" and 64 hexadecimal digits */
	int64_t scope;
	struct gw_list
		clients; /* whose mail it is about; none: everybody's, and the gateway itself */
};

struct webhook_conf {
	struct gw_str name, url, secret, ca_file;
	struct gw_list events, clients;
	bool allow_private;
	int64_t batch, timeout;
};

struct http_conf {
	struct gw_str listen; /* empty: no API */
	struct gw_groups tokens;
	int64_t connections, timeout;
	struct gw_groups webhooks;
	struct gw_str store;
	struct gw_list events;
	int64_t keep, most, retry, give_up;
};

extern const struct gw_option http_options[];

/* Whether one of the list is `text`: names of clients and of events are taken as they were written.
 */
static inline bool list_has(struct gw_list list, struct gw_str text)
{
	size_t i;

	for (i = 0; i < list.count; i++)
		if (gw_str_eq(list.items[i], text))
			return true;
	return false;
}

/* Where the API listens: a path, or an address of this machine's own. */
struct listen_address {
	struct gw_str path; /* empty: host and port */
	char host[64];
	int port;
	bool is_ipv6;
};

/* False: it is none. */
bool listen_address_read(struct gw_str text, struct listen_address *address);

/* Tells what is wrong; false: it cannot work. */
bool conf_check(struct gw_call *call, const struct http_conf *conf);

#endif
