/* watch.h - somebody looks on while a relay is tried out: what is said on the link, line by line,
 * and no message is sent.
 *
 * An attempt with a watch takes the way of every other one, up to the login; then it is MAIL, RCPT
 * and RSET with the addresses named here, or nothing, and QUIT. It has a relay queue of its own, so
 * that what it meets is not held against the relay. */
#ifndef CLIENT_WATCH_H
#define CLIENT_WATCH_H

#include <gateway/str.h>

#define WATCH_OURS '>'
#define WATCH_THEIRS '<'
#define WATCH_EVENT '*'
#define WATCH_WAIT 30000 /* ms: no reply is waited for longer while somebody looks on */

struct watch {
	/* `text` is valid during the call; of a login only the mechanism is in it. */
	void (*told)(struct watch *watch, const char *stage, char who, struct gw_str text);
	/* the connection, if there was one, is no more; before or after the attempt is done */
	void (*gone)(struct watch *watch);
	struct gw_str sender, rcpt; /* rcpt empty: no MAIL either */
	bool any_sender;            /* a login that is an address takes the sender's place */
	bool open;                  /* the transport's: there is a connection */
};

#endif
