/* ask.h - one question to one scanner on a connection of its own, on a worker's loop. */
#ifndef ANTIVIRUS_ASK_H
#define ANTIVIRUS_ASK_H

#include "server.h"

#include <event2/event.h>

struct ask;

struct ask_answer {
	/* without what ends it; ptr NULL: there is none, `why` tells */
	struct gw_str text;
	bool early; /* it came before the scanner had all of the question */
	const char *why;
};

/* Asks what it knows (`file` -1), or to scan the file: handed over where a clamd is local, else its
 * octets, without moving the file's offset. `told` hears once, from the loop and never from here,
 * after which the ask is gone. `file` stays the caller's, who keeps it open until then. NULL: no
 * memory. */
struct ask *ask_begin(struct event_base *base, const struct server *server, int file,
		      int64_t timeout_ms, void (*told)(void *arg, const struct ask_answer *),
		      void *arg);

/* `told` hears nothing more; NULL is fine. */
void ask_cancel(struct ask *ask);

#endif
