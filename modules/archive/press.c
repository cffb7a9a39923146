#include "press.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>
#include <zstd.h>

#define PRESSED_MOST ZSTD_COMPRESSBOUND(PEN_PIECE)

struct press *press_create(int level, struct gw_str known)
{
	struct press *press = calloc(1, sizeof *press);

	if (!press)
		return NULL;
	press->level = level;
	press->used = sizeof press->random;
	press->zstd = ZSTD_createCCtx();
	/* A copy: a text that the library only refers to costs it a look at more places. */
	press->known = ZSTD_createCDict(known.ptr, known.len, level);
	press->gcm = EVP_CIPHER_CTX_new();
	press->hash = EVP_MD_CTX_new();
	press->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	if (press->zstd && press->known && press->gcm && press->hash && press->sha256)
		return press;
	press_destroy(press);
	return NULL;
}

void press_destroy(struct press *press)
{
	if (!press)
		return;
	ZSTD_freeCCtx(press->zstd);
	ZSTD_freeCDict(press->known);
	EVP_CIPHER_CTX_free(press->gcm);
	EVP_MD_CTX_free(press->hash);
	EVP_MD_free(press->sha256);
	OPENSSL_cleanse(press->random, sizeof press->random);
	free(press);
}

/* To draw a few takes as long as to draw many. */
bool press_draw(struct press *press, unsigned char *out, size_t len)
{
	if (len > sizeof press->random - press->used) {
		if (RAND_bytes(press->random, sizeof press->random) != 1)
			return false;
		press->used = 0;
	}
	memcpy(out, press->random + press->used, len);
	OPENSSL_cleanse(press->random + press->used, len);
	press->used += len;
	return true;
}

/* --- sealing --- */

void pen_put(struct pen *pen, const unsigned char *octets, size_t len)
{
	unsigned char out[PEN_PIECE];
	int sealed = (int)len;

	if (pen->cipher && len) {
		pen->good &= EVP_EncryptUpdate(pen->press->gcm, out, &sealed, octets, (int)len) ==
			     1;
		octets = out;
	}
	pen->good &= EVP_DigestUpdate(pen->press->hash, octets, len) == 1;
	bulk_add(pen->out, octets, len);
	pen->written += len;
}

void pen_begin(struct pen *pen, unsigned char number)
{
	unsigned char nonce[NONCE_SIZE] = { [NONCE_SIZE - 1] = number };
	EVP_CIPHER_CTX *gcm = pen->press->gcm;
	int len;

	pen->written = 0;
	if (pen->cipher)
		pen->good &= EVP_EncryptInit_ex(gcm, pen->cipher, NULL, pen->key, nonce) == 1 &&
			     EVP_EncryptUpdate(gcm, NULL, &len,
					       (const unsigned char *)pen->about.ptr,
					       (int)pen->about.len) == 1;
}

void pen_end(struct pen *pen)
{
	unsigned char tag[TAG_SIZE];
	const EVP_CIPHER *cipher = pen->cipher;
	int len;

	if (!cipher)
		return;
	pen->good &= EVP_EncryptFinal_ex(pen->press->gcm, tag, &len) == 1 &&
		     EVP_CIPHER_CTX_ctrl(pen->press->gcm, EVP_CTRL_GCM_GET_TAG, TAG_SIZE, tag) == 1;
	pen->cipher = NULL;
	pen_put(pen, tag, sizeof tag);
	pen->cipher = cipher;
}

/* --- compressing --- */

static bool has_begun(struct press *press, uint64_t len)
{
	return !ZSTD_isError(ZSTD_CCtx_reset(press->zstd, ZSTD_reset_session_and_parameters)) &&
	       !ZSTD_isError(ZSTD_CCtx_setParameter(press->zstd, ZSTD_c_compressionLevel,
						    press->level)) &&
	       !ZSTD_isError(ZSTD_CCtx_setPledgedSrcSize(press->zstd, len));
}

void pen_know(struct pen *pen, uint64_t len)
{
	pen->good &= has_begun(pen->press, len) &&
		     !ZSTD_isError(ZSTD_CCtx_refCDict(pen->press->zstd, pen->press->known));
}

/* What it is like may lie as far back as it is long. */
static bool takes_like(ZSTD_CCtx *zstd, uint64_t len, struct gw_str like)
{
	int log = 17;

	while (log < LIKE_LOG_MOST && (UINT64_C(1) << log) < like.len + len)
		log++;
	return !ZSTD_isError(ZSTD_CCtx_setParameter(zstd, ZSTD_c_windowLog, log)) &&
	       !ZSTD_isError(
		       ZSTD_CCtx_setParameter(zstd, ZSTD_c_enableLongDistanceMatching, log > 20)) &&
	       !ZSTD_isError(ZSTD_CCtx_refPrefix(zstd, like.ptr, like.len));
}

void pen_like(struct pen *pen, uint64_t len, struct gw_str like)
{
	pen->good &= has_begun(pen->press, len) &&
		     (!like.len || takes_like(pen->press->zstd, len, like));
}

/* All of a part at once, which spares the library its own buffers. */
void pen_press(struct pen *pen, const void *octets, size_t len)
{
	unsigned char packed[PRESSED_MOST];
	size_t got = ZSTD_compress2(pen->press->zstd, packed, sizeof packed, octets, len), done;

	pen->good &= !ZSTD_isError(got);
	for (done = 0; pen->good && done < got; done += PEN_PIECE)
		pen_put(pen, packed + done, got - done < PEN_PIECE ? got - done : PEN_PIECE);
}

void pen_compress(struct pen *pen, const void *octets, size_t len, bool last)
{
	unsigned char packed[PEN_PIECE / 2];
	ZSTD_inBuffer in = { octets, len, 0 };
	size_t left = 1;

	while (pen->good && (in.pos < in.size || (last && left))) {
		ZSTD_outBuffer out = { packed, sizeof packed, 0 };

		left = ZSTD_compressStream2(pen->press->zstd, &out, &in,
					    last ? ZSTD_e_end : ZSTD_e_continue);
		pen->good = !ZSTD_isError(left);
		pen_put(pen, packed, out.pos);
	}
}
