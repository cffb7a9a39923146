/* The archive's files, whatever stands in them: the walk from record to record, where a file ends,
 * and, behind a seal that is good, what zstd, JSON and the list of recipients make of octets that
 * the archive did not write. */
#include "modules/archive/rcpts.h"
#include "modules/archive/segment.h"
#include "base/json_reader.h"
#include "fuzz.h"

#include <gateway/module.h>

#include <endian.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MOST 100000

const struct gw_services *gw;

static struct keys keys;

static void begin(void)
{
	static struct gw_services services = { .json_read = json_reader_read,
					       .json_free = json_reader_free,
					       .json_count = json_reader_count,
					       .json_item = json_reader_item,
					       .json_value_string = json_reader_string };
	static const unsigned char secret[KEY_SIZE] = "the key that signs a fuzzed one";

	gw = &services;
	keys.sign = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret, KEY_SIZE);
	keys.gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	must(keys.sign && keys.gcm);
}

/* In memory; the reader moves no offset. */
static int put_file(const void *octets, size_t len)
{
	static int file = -1;

	if (file < 0)
		file = memfd_create("fuzz", MFD_CLOEXEC);
	must(file >= 0 && ftruncate(file, 0) == 0);
	must(pwrite(file, octets, len, 0) == (ssize_t)len);
	return file;
}

/* --- a description --- */

static void check_rcpts(GByteArray *meta)
{
	guint before = meta->len, i;
	GPtrArray *rcpts = rcpts_take(meta);

	must(meta->len <= before && (rcpts || meta->len == before));
	for (i = 0; rcpts && i + 1 < rcpts->len; i++)
		must(!rcpts->pdata[i] || strlen(rcpts->pdata[i]) <= before);
	if (rcpts)
		g_ptr_array_unref(rcpts);
	rcpts_bound(meta);
	must(meta->len <= before);
}

/* --- a record --- */

static void check_record(int file, uint64_t at, const struct record *record, struct opener *opener)
{
	GByteArray *meta = g_byte_array_new();
	struct commit commit;
	struct bulk out;

	if (record_meta(file, at, record, &keys, opener, meta) == OPENED) {
		must(meta->len <= META_MOST);
		if (commit_read(&commit, &keys, meta->data, meta->len))
			must(meta->len ==
			     COMMIT_FIXED + (size_t)commit.count * HASH_SIZE + SIGNATURE_SIZE);
		check_rcpts(meta);
	}
	bulk_init(&out, NULL);
	if (!(record->flags & RECORD_PLAIN))
		record_body(file, at, record, &keys, opener, gw_str("like this"), MOST, &out);
	must(out.len <= MOST);
	bulk_finish(&out);
	g_byte_array_unref(meta);
}

static void check_file(int file, size_t size)
{
	struct opener opener = { NULL, NULL };
	struct link link = { 0 };
	struct record record;
	unsigned char hash[HASH_SIZE];
	uint64_t at = 0, end = 0;
	bool damaged;

	if (segment_end(file, &keys, &end, &link, &damaged) == 0)
		must(end <= size && (end == 0) == (link.number == 0));
	while (at < size) {
		if (record_read(file, at, &record) != 1) {
			uint64_t next = record_next(file, at + 1, size);

			must(next > at && next <= size);
			at = next;
			continue;
		}
		check_record(file, at, &record, &opener);
		if (record_size(&record) < size)
			record_hash(file, at, &record, hash);
		at += record_size(&record);
	}
	opener_finish(&opener);
}

/* --- what only the archive can seal --- */

static void seal(GByteArray *out, const unsigned char *head, const unsigned char *key,
		 unsigned char number, struct gw_str text)
{
	EVP_CIPHER_CTX *gcm = EVP_CIPHER_CTX_new();
	unsigned char nonce[NONCE_SIZE] = { [NONCE_SIZE - 1] = number };
	guint at = out->len;
	int len;

	g_byte_array_set_size(out, at + (guint)text.len + TAG_SIZE);
	must(EVP_EncryptInit_ex(gcm, keys.gcm, NULL, key, nonce) == 1 &&
	     EVP_EncryptUpdate(gcm, NULL, &len, head + 4, 12) == 1 &&
	     EVP_EncryptUpdate(gcm, out->data + at, &len, (const unsigned char *)text.ptr,
			       (int)text.len) == 1 &&
	     EVP_EncryptFinal_ex(gcm, out->data + at + text.len, &len) == 1 &&
	     EVP_CIPHER_CTX_ctrl(gcm, EVP_CTRL_GCM_GET_TAG, TAG_SIZE, out->data + at + text.len) ==
		     1);
	EVP_CIPHER_CTX_free(gcm);
}

/* Of the same octets a description and a content, cut where their first one says. */
static void write_sealed(struct gw_str input)
{
	static const unsigned char nonce[NONCE_SIZE] = "once";
	unsigned char head[RECORD_HEAD] = "GWA1A", key[KEY_SIZE] = "a key";
	unsigned cut = take_byte(&input) * 16;
	struct gw_str meta = gw_str_n(input.ptr, cut < input.len ? cut : input.len);
	struct gw_str body = gw_str_from(input, meta.len);
	uint32_t meta_len = htole32((uint32_t)meta.len + TAG_SIZE);
	uint64_t body_len = htole64((uint64_t)body.len + TAG_SIZE);
	EVP_CIPHER_CTX *gcm = EVP_CIPHER_CTX_new();
	GByteArray *out = g_byte_array_new();

	head[5] = cut / 16 % 2 ? RECORD_KNOWN : 0;
	memcpy(head + 16, &meta_len, sizeof meta_len);
	memcpy(head + 24, &body_len, sizeof body_len);
	must(keys_wrap(&keys, key, nonce, gw_str_n(head + 4, 12), head + RECORD_SLOT, gcm));
	g_byte_array_append(out, head, sizeof head);
	seal(out, head, key, 1, meta);
	seal(out, head, key, 2, body);
	check_file(put_file(out->data, out->len), out->len);
	g_byte_array_unref(out);
	EVP_CIPHER_CTX_free(gcm);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gw_str input = gw_str_n(data, size);
	GByteArray *meta = g_byte_array_new();

	if (!gw)
		begin();
	switch (take_byte(&input) % 3) {
	case 0:
		check_file(put_file(input.ptr, input.len), input.len);
		break;
	case 1:
		write_sealed(input);
		break;
	default:
		g_byte_array_append(meta, (const guint8 *)input.ptr, (guint)input.len);
		check_rcpts(meta);
	}
	g_byte_array_unref(meta);
	return 0;
}
