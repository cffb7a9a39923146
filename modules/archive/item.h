/* item.h - what one call has to keep: a delivery, a message, an outcome, on its way to the disk.
 *
 * A mail is read, compressed and sealed while its call is there: a small one on its worker, which
 * has it at hand, a large one on the pool, whose records may wait in files. The writer only puts
 * them together. */
#ifndef ARCHIVE_ITEM_H
#define ARCHIVE_ITEM_H

#include "segment.h"

#include <gateway/module.h>

struct store;

/* What takes a worker no longer than a signature: octets that arrived and left, and zstd's levels.
 */
#define ITEM_SMALL ((uint64_t)128 * 1024)
#define ITEM_LEVEL 3

/* What was said of the content: how a mail that left differs from the one that arrived. */
struct delta {
	uint64_t front, back; /* octets that are the same */
	bool like;            /* what is between is compressed with the message in sight */
};

struct part {
	enum record_kind kind;
	struct gw_json *meta;
	bool has_body;
};

struct item {
	struct item *next;
	struct item *after; /* an outcome: goes to the disk when this did, and not before */
	gw_ticket ticket;   /* 0: nobody waits for it */
	int error;          /* errno of the disk: it is not kept */
	int64_t time;
	struct part parts[2];
	size_t count;

	/* while the call is held */
	struct gw_message *message;
	struct gw_delivery *delivery;
	uint64_t arrived_size, left_size;
	struct delta delta;
	char sha256[65]; /* of what arrived, once it is described */

	/* of a mail */
	struct store *store;
	bool made, broken; /* it has records; it could not be read */
	bool spilled;      /* it waits elsewhere: spill.h */
	struct bulk records[2];
	unsigned char hashes[2][HASH_SIZE];
};

/* Names what a call has to keep; NULL: no memory. The message as it arrived where `arrived`, the
 * delivery as it leaves unless it is NULL. `until`: when it may be removed, ms; 0: never. */
struct item *item_mail(struct gw_call *call, struct gw_message *message,
		       struct gw_delivery *delivery, bool arrived, int64_t until);
/* A record that has a description alone; `meta` is the item's. */
struct item *item_plain(enum record_kind kind, int64_t time, struct gw_json *meta);
void item_free(void *item);

/* Makes the records for item->store, while the call is there or held. [worker: small; pool] */
void item_work(void *item);
void item_write(struct item *item, struct batch *batch);
/* What it takes of the memory. */
size_t item_weight(const struct item *item);

#endif
