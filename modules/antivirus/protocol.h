/* protocol.h - how a scanner is spoken to: what its question looks like, when its answer is whole,
 * and what that means. One row for each protocol; ask.c does the rest. */
#ifndef ANTIVIRUS_PROTOCOL_H
#define ANTIVIRUS_PROTOCOL_H

#include "finding.h"

#include <stdint.h>

struct server;

enum whole { WHOLE_YET, WHOLE_NOT_YET, WHOLE_NEVER };

#define FRAME_MOST 20 /* octets of a head, and of a tail */

struct protocol {
	/* The question before the message; with `look` the one whether it is there and what it
	 * knows. Its length, 0: it does not fit. */
	size_t (*question)(const struct server *server, bool look, char *out, size_t room);
	/* What stands before and behind `len` octets of the message that are sent at once; len 0
	 * ends it. */
	size_t (*head)(size_t len, char out[FRAME_MOST]);
	size_t (*tail)(size_t len, char out[FRAME_MOST]);
	/* Whether the octets so far are an answer; WHOLE_YET: `text` is what it says, without what
	 * ends it. WHOLE_NEVER: more was said than was asked for. */
	enum whole (*whole)(const char *in, size_t len, struct gw_str *text);
	/* Of the answer to a look: what names its signatures; ptr NULL: no such scanner answers
	 * there. */
	struct gw_str (*version)(struct gw_str text);
	/* A number that changes with the signatures; 0: the version does not tell. */
	uint64_t (*signatures)(const char *version);
	void (*read)(struct finding *finding, struct gw_str text);
};

extern const struct protocol protocol_clamd, protocol_icap;

#endif
