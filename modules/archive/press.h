/* press.h - makes the parts of a record: their octets go through zstd, through the seal and through
 * the record's hash.
 *
 * All of it is costly to make and used again for many records. For one thread. */
#ifndef ARCHIVE_PRESS_H
#define ARCHIVE_PRESS_H

#include "bulk.h"
#include "keys.h"

struct ZSTD_CCtx_s;
struct ZSTD_CDict_s;

#define PRESS_RANDOM 1408 /* octets that are drawn at once: enough for 32 records */

struct press {
	int level;
	struct ZSTD_CCtx_s *zstd;
	struct ZSTD_CDict_s *known; /* what descriptions have in common, ready for use */
	EVP_CIPHER_CTX *gcm;
	EVP_MD_CTX *hash;
	EVP_MD *sha256;
	unsigned char random[PRESS_RANDOM];
	size_t used; /* of them */
};

/* `known`: a text that descriptions resemble, which stays as it is. NULL: no memory. */
struct press *press_create(int level, struct gw_str known);
void press_destroy(struct press *press);

/* Octets that nobody can guess, PRESS_RANDOM at most. They are not kept. False: there are none. */
bool press_draw(struct press *press, unsigned char *out, size_t len);

/* One part that is made, or several of a record, one after the other. */
struct pen {
	struct press *press;
	struct bulk *out;
	const EVP_CIPHER *cipher; /* NULL: it is not sealed */
	const unsigned char *key;
	struct gw_str about; /* what the tags cover besides */
	uint64_t written;    /* octets of this part */
	bool good;
};

/* Begins part `number` of the record; its nonce is that number. */
void pen_begin(struct pen *pen, unsigned char number);
void pen_end(struct pen *pen);
/* Octets as they are, no more than PEN_PIECE at once. */
#define PEN_PIECE ((size_t)65536)
void pen_put(struct pen *pen, const unsigned char *octets, size_t len);

/* What is compressed has `len` octets. A small part needs small tables. */
void pen_know(struct pen *pen, uint64_t len);
/* As pen_know(), with `like` in sight, which is empty or lives until the part ends. */
void pen_like(struct pen *pen, uint64_t len, struct gw_str like);
/* The whole part, where it is no longer than a PEN_PIECE; else piece by piece. */
void pen_press(struct pen *pen, const void *octets, size_t len);
void pen_compress(struct pen *pen, const void *octets, size_t len, bool last);

#define LIKE_LOG_MOST 27 /* how far back `like` may lie: 2 to the power of it */

#endif
