/* return_path.h - MAIL FROM of what leaves through a relay: the client's, the author's, a
 * company's, or one of ours that proves itself when a bounce comes to it. */
#ifndef BOUNCE_RETURN_PATH_H
#define BOUNCE_RETURN_PATH_H

#include "bounce.h"

enum mode { MODE_KEEP, MODE_FROM, MODE_CUSTOM, MODE_OWN, MODE_REFUSE };

/* What a client's return path becomes whose domain is not in return_path_domains. In the order of
 * the words. */
enum otherwise { OTHERWISE_REFUSE, OTHERWISE_FROM, OTHERWISE_OWN };
#define OTHERWISE_WORDS "refuse|from|own"

struct bounce_relay {
	struct gw_str return_path;
	struct gw_list allowed;
	int64_t otherwise;
	bool remember;          /* what leaves with another return path than "keep" or "own" too */
	struct gw_list domains; /* routing's */
};

extern const struct gw_option return_path_options[];

/* Domains that several relays name, as those of a data centre. */
struct domain_set {
	struct gw_str name;
	struct gw_list domains;
};
extern const struct gw_option domain_set_options[];

/* Some relay's return paths are of the bounce domain. */
bool return_path_has_own(struct gw_call *call);

/* False: a relay's settings are wrong, and it was told where. */
bool return_path_check(struct gw_call *call);

/* The hooks. A null sender stays one, whatever the relay says. */
enum gw_verdict return_path_admit(struct gw_call *call, struct gw_delivery *delivery,
				  struct gw_relay *relay);
enum gw_verdict return_path_prepare(struct gw_call *call, struct gw_delivery *delivery);

#endif
