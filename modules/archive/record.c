#include "record.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>

#include <openssl/sha.h>
#include <zstd.h>

#define PIECE 65536

static const unsigned char magic[4] = { 'G', 'W', 'A', '1' };

/* What descriptions have in common, with what stands often in them: of a small mail they would take
 * as much room as its text. Records refer to it: it stays as it is, to the octet. */
static const char known[] =
	"{\"id\":\"1JRNE2QFR2000\",\"rcpt\":\"@example.com\",\"relay\":\"out\",\"status\":\"deferred\",\"code\":451,"
	"\"enhanced\":\"4.7.1\",\"status\":\"bounced\",\"code\":550,\"enhanced\":\"5.1.1\",\"status\":\"delivered\","
	"\"code\":250,\"enhanced\":\"2.0.0\",\"text\":\"2.0.0 Ok: queued as \",\"host\":\"127.0.0.1\",\"stage\":\"data\","
	"\"attempt\":1}"
	"{\"id\":\"1JRNE2QFR2000\",\"sender\":\"@example.com\",\"client\":\"\",\"login\":\"\",\"type\":\"individual\","
	"\"peer\":\"192.168.\",\"helo\":\"localhost\",\"envid\":\"\",\"tls\":\"TLSv1.3 TLS_AES_256_GCM_SHA384\","
	"\"received\":17,\"own\":true,\"until\":17,\"rcpts\":[\".com\",\"@gmail.com\"],\"sha256\":\""
	"{\"id\":\"1JRNE2QFR2000\",\"relay\":\"out\",\"return_path\":\"@example.com\",\"attempt\":1,\"rcpts\":[\""
	"\"],\"sha256\":\"\",\"size\":1,\"front\":0,\"back\":1,\"like\":true,\"like\":false}";

/* --- the head --- */

static void head_write(const struct record *record, unsigned char head[RECORD_SLOT])
{
	uint64_t time = htole64((uint64_t)record->time), body = htole64(record->body_len);
	uint32_t meta = htole32(record->meta_len);

	memset(head, 0, RECORD_SLOT);
	memcpy(head, magic, sizeof magic);
	head[4] = record->kind;
	head[5] = record->flags;
	memcpy(head + 8, &time, sizeof time);
	memcpy(head + 16, &meta, sizeof meta);
	memcpy(head + 24, &body, sizeof body);
}

int record_read(int file, uint64_t at, struct record *record)
{
	uint64_t time, body;
	uint32_t meta;
	long got = file_read(file, at, record->octets, RECORD_HEAD);

	if (got < 0)
		return -1;
	if (got < RECORD_HEAD || memcmp(record->octets, magic, sizeof magic) != 0)
		return 0;
	memcpy(&time, record->octets + 8, sizeof time);
	memcpy(&meta, record->octets + 16, sizeof meta);
	memcpy(&body, record->octets + 24, sizeof body);
	record->kind = record->octets[4];
	record->flags = record->octets[5];
	record->time = (int64_t)le64toh(time);
	record->meta_len = le32toh(meta);
	record->body_len = le64toh(body);
	return record->body_len <= (uint64_t)1 << 48;
}

uint64_t record_size(const struct record *record)
{
	return RECORD_HEAD + record->meta_len + record->body_len;
}

uint64_t record_next(int file, uint64_t at, uint64_t size)
{
	char piece[PIECE];
	long got;

	while ((got = file_read(file, at, piece, sizeof piece)) >= (long)sizeof magic) {
		const char *found = memmem(piece, (size_t)got, magic, sizeof magic);

		if (found)
			return at + (uint64_t)(found - piece);
		at += (uint64_t)got - (sizeof magic - 1);
	}
	return size;
}

/* What the tags of slot, description and content cover besides: kind, flags and time. */
static struct gw_str about(const unsigned char *head)
{
	return gw_str_n(head + 4, 12);
}

/* --- making --- */

struct press *record_press(int level)
{
	return press_create(level, gw_str_n(known, sizeof known - 1));
}

static bool read_body(const struct source *body, uint64_t at, unsigned char *piece, size_t want)
{
	return body->read(body->arg, body->from + at, piece, want) == (long)want;
}

static void put_body(struct pen *pen, const struct source *body)
{
	unsigned char piece[PEN_PIECE];
	uint64_t done = 0;

	pen_like(pen, body->len, body->like);
	if (body->len <= sizeof piece) {
		pen->good &= !body->len || read_body(body, 0, piece, (size_t)body->len);
		pen_press(pen, piece, (size_t)body->len);
		return;
	}
	while (pen->good && done < body->len) {
		size_t want = body->len - done < sizeof piece ? (size_t)(body->len - done)
							      : sizeof piece;

		pen->good &= read_body(body, done, piece, want);
		done += want;
		pen_compress(pen, piece, want, done == body->len);
	}
}

static void put_meta(struct pen *pen, struct gw_str meta)
{
	pen_know(pen, meta.len);
	if (meta.len <= PEN_PIECE)
		pen_press(pen, meta.ptr, meta.len);
	else
		pen_compress(pen, meta.ptr, meta.len, true);
}

static void put_parts(struct pen *pen, struct record *record, struct gw_str meta,
		      const struct source *body)
{
	pen_begin(pen, 1);
	put_meta(pen, meta);
	pen_end(pen);
	record->meta_len = (uint32_t)pen->written;
	if (!body)
		return;
	pen_begin(pen, 2);
	put_body(pen, body);
	pen_end(pen);
	record->body_len = pen->written;
}

static void put_plain(struct pen *pen, struct record *record, struct gw_str meta)
{
	pen_begin(pen, 1);
	pen_put(pen, (const unsigned char *)meta.ptr, meta.len);
	record->meta_len = (uint32_t)pen->written;
}

static bool new_key(const struct keys *keys, struct press *press, struct record *record,
		    unsigned char key[KEY_SIZE])
{
	unsigned char nonce[NONCE_SIZE];

	return press_draw(press, key, KEY_SIZE) && press_draw(press, nonce, sizeof nonce) &&
	       keys_wrap(keys, key, nonce, about(record->octets), record->octets + RECORD_SLOT,
			 press->gcm);
}

static bool end_hash(struct press *press, const struct record *record,
		     unsigned char hash[HASH_SIZE])
{
	return EVP_DigestUpdate(press->hash, record->octets, RECORD_SLOT) == 1 &&
	       EVP_DigestFinal_ex(press->hash, hash, NULL) == 1;
}

bool record_make(struct bulk *out, const struct keys *keys, enum record_kind kind, int64_t time,
		 struct gw_str meta, const struct source *body, struct press *press,
		 unsigned char hash[HASH_SIZE])
{
	struct record record = { .kind = (unsigned char)kind, .time = time };
	unsigned char key[KEY_SIZE] = { 0 };
	struct pen pen = { .press = press, .out = out, .cipher = keys ? keys->gcm : NULL };
	uint64_t at = out->len;

	record.flags = keys ? RECORD_KNOWN : RECORD_PLAIN;
	head_write(&record, record.octets);
	pen.key = key;
	pen.about = about(record.octets);
	pen.good = meta.len <= META_MOST &&
		   EVP_DigestInit_ex(press->hash, press->sha256, NULL) == 1 &&
		   (!keys || new_key(keys, press, &record, key));
	bulk_add(out, record.octets, RECORD_HEAD);
	if (pen.good && keys)
		put_parts(&pen, &record, meta, body);
	else if (pen.good)
		put_plain(&pen, &record, meta);
	head_write(&record, record.octets);
	bulk_patch(out, at, record.octets, RECORD_SLOT);
	pen.good = pen.good && end_hash(press, &record, hash);
	OPENSSL_cleanse(key, sizeof key);
	return pen.good && !out->error;
}

/* --- reading --- */

bool record_hash(int file, uint64_t at, const struct record *record, unsigned char hash[HASH_SIZE])
{
	unsigned char piece[PIECE];
	uint64_t done = RECORD_HEAD, end = record_size(record);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool good = context && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1;

	while (good && done < end) {
		size_t want = end - done < PIECE ? (size_t)(end - done) : PIECE;

		good = file_read(file, at + done, piece, want) == (long)want &&
		       EVP_DigestUpdate(context, piece, want) == 1;
		done += want;
	}
	good = good && EVP_DigestUpdate(context, record->octets, RECORD_SLOT) == 1 &&
	       EVP_DigestFinal_ex(context, hash, NULL) == 1;
	EVP_MD_CTX_free(context);
	return good;
}

void opener_finish(struct opener *opener)
{
	EVP_CIPHER_CTX_free(opener->gcm);
	ZSTD_freeDCtx(opener->zstd);
	*opener = (struct opener){ NULL, NULL };
}

/* Made when it is needed first: they take as long as opening a small record does. */
static bool opener_has_all(struct opener *opener)
{
	if (!opener->gcm)
		opener->gcm = EVP_CIPHER_CTX_new();
	if (!opener->zstd)
		opener->zstd = ZSTD_createDCtx();
	return opener->gcm && opener->zstd;
}

/* A part that is opened: what is behind the seal goes through zstd to where it is wanted. */
struct lens {
	EVP_CIPHER_CTX *gcm;
	ZSTD_DCtx *zstd;
	struct bulk *out;
	uint64_t left; /* that may still come out */
	bool good;
};

static void lens_pass(struct lens *lens, const unsigned char *octets, size_t len)
{
	unsigned char plain[PIECE];
	ZSTD_inBuffer in = { octets, len, 0 };
	bool more = true;

	while (lens->good && more && lens->left) {
		ZSTD_outBuffer out = { plain, sizeof plain, 0 };

		lens->good = !ZSTD_isError(ZSTD_decompressStream(lens->zstd, &out, &in));
		more = in.pos < in.size || out.pos == out.size;
		if (out.pos > lens->left)
			out.pos = (size_t)lens->left;
		bulk_add(lens->out, plain, out.pos);
		lens->left -= out.pos;
	}
}

static bool lens_begin(struct lens *lens, const EVP_CIPHER *cipher, const unsigned char *key,
		       const struct record *record, unsigned char number, struct gw_str like)
{
	unsigned char nonce[NONCE_SIZE] = { [NONCE_SIZE - 1] = number };
	int len;

	return EVP_DecryptInit_ex(lens->gcm, cipher, NULL, key, nonce) == 1 &&
	       EVP_DecryptUpdate(lens->gcm, NULL, &len,
				 (const unsigned char *)about(record->octets).ptr, 12) == 1 &&
	       !ZSTD_isError(ZSTD_DCtx_reset(lens->zstd, ZSTD_reset_session_and_parameters)) &&
	       !ZSTD_isError(
		       ZSTD_DCtx_setParameter(lens->zstd, ZSTD_d_windowLogMax, LIKE_LOG_MOST)) &&
	       (like.len == 0 ||
		!ZSTD_isError(ZSTD_DCtx_refPrefix(lens->zstd, like.ptr, like.len)));
}

/* All octets pass the seal, also those that nobody wants: only then its tag tells. */
static bool lens_read(struct lens *lens, int file, uint64_t at, uint64_t len)
{
	unsigned char piece[PIECE], plain[PIECE], tag[TAG_SIZE];
	uint64_t done = 0;
	int got;

	while (lens->good && done < len) {
		size_t want = len - done < PIECE ? (size_t)(len - done) : PIECE;

		lens->good = file_read(file, at + done, piece, want) == (long)want &&
			     EVP_DecryptUpdate(lens->gcm, plain, &got, piece, (int)want) == 1;
		if (lens->good)
			lens_pass(lens, plain, want);
		done += want;
	}
	return lens->good && file_read(file, at + len, tag, TAG_SIZE) == TAG_SIZE &&
	       EVP_CIPHER_CTX_ctrl(lens->gcm, EVP_CTRL_GCM_SET_TAG, TAG_SIZE, tag) == 1 &&
	       EVP_DecryptFinal_ex(lens->gcm, plain, &got) == 1 && !lens->out->error;
}

enum slot_state record_key(const struct record *record, const struct keys *keys,
			   struct opener *opener, unsigned char key[KEY_SIZE])
{
	if (!opener_has_all(opener))
		return SLOT_DAMAGED;
	return keys_unwrap(keys, record->octets + RECORD_SLOT, about(record->octets), key,
			   opener->gcm);
}

/* A part of a record: which one it is, and where it lies. */
struct opened_part {
	unsigned char number;
	uint64_t at, len;
};

static enum opened open_part(int file, const struct record *record, const struct keys *keys,
			     struct opener *opener, const struct opened_part *part,
			     struct gw_str like, uint64_t most, struct bulk *out)
{
	unsigned char key[KEY_SIZE];
	enum slot_state slot = record_key(record, keys, opener, key);
	struct lens lens = { opener->gcm, opener->zstd, out, most, true };
	bool good;

	if (slot == SLOT_DESTROYED)
		return OPENED_DESTROYED;
	good = slot == SLOT_GOOD && part->len >= TAG_SIZE &&
	       lens_begin(&lens, keys->gcm, key, record, part->number, like) &&
	       lens_read(&lens, file, part->at, part->len - TAG_SIZE);
	OPENSSL_cleanse(key, sizeof key);
	return good ? OPENED : OPENED_DAMAGED;
}

enum opened record_meta(int file, uint64_t at, const struct record *record, const struct keys *keys,
			struct opener *opener, GByteArray *meta)
{
	const struct opened_part part = { 1, at + RECORD_HEAD, record->meta_len };
	struct gw_str like = gw_str(record->flags & RECORD_KNOWN ? known : "");
	struct bulk out = { .bytes = meta, .file = -1 };

	g_byte_array_set_size(meta, 0);
	if (record->meta_len > META_MOST)
		return OPENED_DAMAGED;
	if (!(record->flags & RECORD_PLAIN))
		return opener ? open_part(file, record, keys, opener, &part, like, META_MOST, &out)
			      : OPENED_DAMAGED;
	g_byte_array_set_size(meta, record->meta_len);
	return file_read(file, part.at, meta->data, record->meta_len) == (long)record->meta_len
		       ? OPENED
		       : OPENED_DAMAGED;
}

enum opened record_body(int file, uint64_t at, const struct record *record, const struct keys *keys,
			struct opener *opener, struct gw_str like, uint64_t most, struct bulk *out)
{
	const struct opened_part part = { 2, at + RECORD_HEAD + record->meta_len,
					  record->body_len };

	if (record->body_len == 0)
		return OPENED;
	return open_part(file, record, keys, opener, &part, like, most, out);
}

int record_destroy(int file, uint64_t at)
{
	static const unsigned char zeros[SLOT_SIZE];

	return file_write(file, at + RECORD_SLOT, zeros, sizeof zeros);
}
