/* record.h - a record of the archive's files: what it is on disk, sealed and opened.
 *
 *     offset  octets
 *          0       4  "GWA1"
 *          4       1  kind
 *          5       1  flags
 *          6       2  zeros
 *          8       8  time, ms since 1970 UTC
 *         16       4  octets of the description as stored
 *         20       4  zeros
 *         24       8  octets of the content as stored
 *         32      64  slot: the record's own key, wrapped; zeros: it was destroyed
 *         96          description, content
 *
 * Numbers are little-endian. The description is a JSON object, the content a part of a mail; each
 * is compressed (zstd), then sealed with the record's key (AES-256-GCM: nonce 1 and 2, the octets 4
 * to 16 of the head authenticated, the tag behind). A plain record is neither, and has no key.
 * A description is compressed with the archive's own words in sight (RECORD_KNOWN): of a small mail
 * it would take as much room as the text.
 *
 * A record's hash is the SHA-256 of description, content and the first 32 octets of the head. The
 * slot is not in it: with the key destroyed the record still proves that it was not changed. */
#ifndef ARCHIVE_RECORD_H
#define ARCHIVE_RECORD_H

#include "press.h"

#define RECORD_HEAD 96
#define RECORD_SLOT 32
#define HASH_SIZE 32
#define META_MOST (16 * 1024 * 1024) /* octets of a description, opened */

enum record_kind {
	RECORD_ARRIVED = 'A', /* a message as it was received, with its envelope */
	RECORD_LEFT = 'L',    /* a delivery as it left, as what differs from the message */
	RECORD_OUTCOME = 'O', /* what became of one recipient */
	RECORD_NOTICE = 'N',  /* plain: keys that were destroyed, files that were removed, holds */
	RECORD_COMMIT = 'C',  /* plain: the end of a batch, see segment.h */
};

enum record_flag {
	RECORD_PLAIN = 1,
	RECORD_KNOWN = 2, /* its description is compressed with a text in sight that all share */
};

struct record {
	unsigned char kind, flags;
	int64_t time;
	uint32_t meta_len;
	uint64_t body_len;
	unsigned char octets[RECORD_HEAD];
};

/* The content of a record that is made: `len` octets from `from` on. */
struct source {
	/* as pread(); -1: it failed */
	long (*read)(void *arg, uint64_t offset, void *out, size_t len);
	void *arg;
	uint64_t from, len;
	/* what the content resembles: it is needed again when it is opened; empty: nothing */
	struct gw_str like;
};

/* What records are made with; `level` of zstd. NULL: no memory. */
struct press *record_press(int level);

/* Adds a record to `out`, sealed where `keys` is not NULL. `body` NULL: no content. False: it
 * failed; `out` is not as it was then. */
bool record_make(struct bulk *out, const struct keys *keys, enum record_kind kind, int64_t time,
		 struct gw_str meta, const struct source *body, struct press *press,
		 unsigned char hash[HASH_SIZE]);

/* 1; 0: there is none (the file ends, or something else stands there); -1: errno. */
int record_read(int file, uint64_t at, struct record *record);
uint64_t record_size(const struct record *record);
/* Behind what cannot be read: the next place from `at` on where one may begin; `size`: none. */
uint64_t record_next(int file, uint64_t at, uint64_t size);
/* False: it cannot be read to its end. */
bool record_hash(int file, uint64_t at, const struct record *record, unsigned char hash[HASH_SIZE]);

/* What records are opened with; all NULL at first. For one thread. */
struct opener {
	EVP_CIPHER_CTX *gcm;
	struct ZSTD_DCtx_s *zstd;
};
void opener_finish(struct opener *opener);

/* The record's own key, unwrapped. */
enum slot_state record_key(const struct record *record, const struct keys *keys,
			   struct opener *opener, unsigned char key[KEY_SIZE]);

enum opened { OPENED, OPENED_DESTROYED, OPENED_DAMAGED };
/* `keys` and `opener` NULL: of a plain record. */
enum opened record_meta(int file, uint64_t at, const struct record *record, const struct keys *keys,
			struct opener *opener, GByteArray *meta);
/* Adds the content to `out`, but no more than `most` octets. */
enum opened record_body(int file, uint64_t at, const struct record *record, const struct keys *keys,
			struct opener *opener, struct gw_str like, uint64_t most, struct bulk *out);

/* Destroys the record's key. 0, or errno; the caller syncs the file. */
int record_destroy(int file, uint64_t at);

#endif
