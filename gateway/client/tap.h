/* tap.h - somebody looks on while a relay is tried out: what is said on the link, line by line,
 * and no message is sent.
 *
 * An attempt with a tap takes the way of every other one, up to the login; then it is MAIL, RCPT
 * and RSET with the addresses named here, or nothing, and QUIT. It has a relay queue of its own, so
 * that what it meets is not held against the relay. */
#ifndef CLIENT_TAP_H
#define CLIENT_TAP_H

#include <gateway/str.h>

#define TAP_OURS '>'
#define TAP_THEIRS '<'
#define TAP_EVENT '*'
#define TAP_WAIT 30000 /* ms: no reply is waited for longer while somebody looks on */

struct tap {
	/* `text` is valid during the call; of a login only the mechanism is in it. */
	void (*line)(struct tap *tap, const char *stage, char who, struct gw_str text);
	/* the connection, if there was one, is no more; before or after the attempt is done */
	void (*gone)(struct tap *tap);
	struct gw_str sender, rcpt; /* rcpt empty: no MAIL either */
	bool any_sender;            /* a login that is an address takes the sender's place */
	bool open;                  /* the transport's: there is a connection */
};

#endif
