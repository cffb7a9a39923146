/* preface.h - octets that come on a connection before what it is for: read exactly, so that a
 * stream can be made of the rest. */
#ifndef LOOP_PREFACE_H
#define LOOP_PREFACE_H

#include "loop/worker.h"

#include <sys/types.h>

struct preface;

enum preface_end {
	PREFACE_READ,
	PREFACE_WRONG, /* `measure` said so, or it grew beyond the most */
	PREFACE_LOST,  /* the peer closed, or reading failed */
	PREFACE_TIMEOUT,
};

struct preface_form {
	size_t most; /* octets */
	int64_t ms;  /* in which it has to be there */
	/* How many octets the preface has that `bytes` begin with; 0: all of them belong to it and
	 * it is longer; -1: it is none. */
	ssize_t (*measure)(struct gw_str bytes, void *arg);
	/* Once, from the loop, as the last thing: destroy it here or later. preface_take gives the
	 * descriptor. */
	void (*ended)(struct preface *preface, enum preface_end end, void *arg);
};

/* Takes over a connected, non-blocking socket; `form` outlives it. NULL: no memory, the socket is
 * still yours. */
struct preface *preface_create(struct worker *worker, int fd, const struct preface_form *form,
			       void *arg);

struct gw_str preface_bytes(const struct preface *preface); /* those that were read */
int preface_take(struct preface *preface);                  /* the descriptor is yours */
/* closes it when nobody took it; NULL is fine */
void preface_destroy(struct preface *preface);

#endif
