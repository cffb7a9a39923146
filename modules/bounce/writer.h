/* writer.h - what is written to the store beside the mail, by a thread of the store's own: what
 * waits when a transaction begins goes into that one, with one sync, whoever it is of. Of the
 * writings that have to be on disk there is one transaction in twenty milliseconds at most: one
 * that comes alone is written at once, those of a flood have company. [any] */
#ifndef BOUNCE_WRITER_H
#define BOUNCE_WRITER_H

#include "store.h"

#include <sys/queue.h>

enum urgency {
	WRITE_LATER,   /* with the next, within a second; safe from a kill then */
	WRITE_SOON,    /* safe from a kill when it is done */
	WRITE_DURABLE, /* on disk when it is done */
};

/* Embedded in what it is about, which is the writer's until done(). Both run on its thread. */
struct writing {
	STAILQ_ENTRY(writing) link;
	enum urgency urgency;
	/* In a transaction: 0; -1: nothing of it may stay. Again where the transaction failed. */
	int (*work)(struct store *store, struct writing *writing);
	/* `kept`: it is in the store. */
	void (*done)(struct store *store, struct writing *writing, bool kept);
};

struct writer;

/* NULL: no memory. */
struct writer *writer_create(struct store *store);
/* What was given before is written first; NULL is fine. */
void writer_destroy(struct writer *writer);

/* In the order of giving among those of one urgency. */
void store_write(struct store *store, struct writing *writing);

#endif
