#include "sign.h"

#include <sys/types.h>

#include <dkim.h>
#include <inttypes.h>

#define HASH 32
#define CHUNK 32768
#define BASE64_LINE 72

/* libopendkim asks for the public key after it has the hashes; there is no need of one. */
static DKIM_CBSTAT no_key(DKIM *dkim, DKIM_SIGINFO *signature, u_char *out, size_t size)
{
	return DKIM_CBSTAT_NOTFOUND;
}

struct dkim_lib *sign_lib(void)
{
	struct dkim_lib *lib = dkim_init(NULL, NULL);

	if (lib)
		dkim_set_key_lookup(lib, no_key);
	return lib;
}

void sign_lib_close(struct dkim_lib *lib)
{
	if (lib)
		dkim_close(lib);
}

static bool give_field(DKIM *dkim, struct gw_str field)
{
	return dkim_header(dkim, (u_char *)field.ptr, field.len) == DKIM_STAT_OK;
}

/* A signature field whose b= is of no account; libopendkim reads it as a signature to be verified.
 */
static bool give_signature(DKIM *dkim, const char *value)
{
	struct text field = { 0 };
	bool given;

	text_print(&field, "DKIM-Signature: ");
	text_add(&field, value, strlen(value));
	text_print(&field, "AAAA");
	given = !field.failed && give_field(dkim, gw_str_n(field.ptr, field.len));
	text_finish(&field);
	return given;
}

/* What goes over the wire ends with CRLF, whatever is kept. */
static bool give_last_line_end(DKIM *dkim, const char last[2])
{
	return (last[0] == '\r' && last[1] == '\n') ||
	       dkim_body(dkim, (u_char *)"\r\n", 2) == DKIM_STAT_OK;
}

static bool give_body(DKIM *dkim, const struct sign_input *input)
{
	char chunk[CHUNK], last[2] = { '\r', '\n' };
	uint64_t offset = 0;
	long got;

	while ((got = input->read(input->arg, offset, chunk, sizeof chunk)) > 0) {
		if (dkim_body(dkim, (u_char *)chunk, (size_t)got) != DKIM_STAT_OK)
			return false;
		last[0] = got > 1 ? chunk[got - 2] : last[1];
		last[1] = chunk[got - 1];
		offset += (uint64_t)got;
	}
	return got == 0 && give_last_line_end(dkim, last);
}

enum which_hash { HEADER_HASH, BODY_HASH };

/* The key is looked for last: that it was not found says that the field was read without a
 * complaint. */
static bool take_hash(DKIM *dkim, enum which_hash which, unsigned char hash[HASH])
{
	void *hashes[2] = { NULL, NULL };
	size_t sizes[2] = { 0, 0 };
	DKIM_SIGINFO **signatures;
	int count;

	dkim_eom(dkim, NULL);
	if (dkim_getsiglist(dkim, &signatures, &count) != DKIM_STAT_OK || count != 1)
		return false;
	if (dkim_sig_geterror(signatures[0]) != DKIM_SIGERROR_NOKEY)
		return false;
	if (dkim_sig_gethashes(signatures[0], &hashes[0], &sizes[0], &hashes[1], &sizes[1]) !=
	    DKIM_STAT_OK)
		return false;
	if (sizes[which] != HASH)
		return false;
	memcpy(hash, hashes[which], HASH);
	return true;
}

static DKIM *begin(const struct sign_input *input)
{
	DKIM_STAT status;

	return dkim_verify(input->lib, (const u_char *)"gateway", NULL, &status);
}

static bool body_hash(const struct sign_input *input, unsigned char hash[HASH])
{
	DKIM *dkim = begin(input);
	bool done =
		dkim && give_field(dkim, gw_str("From: a@example.com")) &&
		give_signature(
			dkim,
			"v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=s; h=from; bh=AAAA; b=") &&
		dkim_eoh(dkim) == DKIM_STAT_OK && give_body(dkim, input) &&
		take_hash(dkim, BODY_HASH, hash);

	if (dkim)
		dkim_free(dkim);
	return done;
}

static bool give_fields(DKIM *dkim, const struct sign_input *input)
{
	size_t i;

	for (i = 0; i < input->count; i++)
		if (!give_field(dkim, input->fields[i]))
			return false;
	return true;
}

const char sign_no_author[] = "no author can be read";
const char sign_no_header[] = "the header cannot be hashed";

/* NULL, or what went wrong. That no author can be read is all that dkim_eoh() finds wrong with our
 * own field. */
static const char *header_hash(const struct sign_input *input, const char *value,
			       unsigned char hash[HASH])
{
	const char *fault = sign_no_header;
	DKIM *dkim = begin(input);
	DKIM_STAT status;

	if (!dkim)
		return "out of memory";
	if (give_signature(dkim, value) && give_fields(dkim, input)) {
		status = dkim_eoh(dkim);
		if (status == DKIM_STAT_SYNTAX)
			fault = sign_no_author;
		else if (status == DKIM_STAT_OK && take_hash(dkim, HEADER_HASH, hash))
			fault = NULL;
	}
	dkim_free(dkim);
	return fault;
}

/* The value up to b=, as RFC 6376 has it hashed and as it goes out. */
static void add_tags(struct text *value, const struct sign_input *input, const struct key *key,
		     const char *body)
{
	text_print(value, "v=1; a=%s-sha256; c=relaxed/relaxed; d=%s;\r\n\ts=%s; t=%" PRId64 ";",
		   key->algorithm == KEY_RSA ? "rsa" : "ed25519", input->domain, key->selector,
		   input->time);
	if (input->expire)
		text_print(value, " x=%" PRId64 ";", input->expire);
	text_print(value, "\r\n\tbh=%s;\r\n\th=", body);
	text_add(value, input->names, strlen(input->names));
	text_print(value, ";\r\n\tb=");
}

static void add_signature(struct text *value, const unsigned char *signature, size_t len)
{
	unsigned char base64[SIGNATURE_MAX / 3 * 4 + 8];
	size_t at, size = (size_t)EVP_EncodeBlock(base64, signature, (int)len);

	for (at = 0; at < size; at += BASE64_LINE) {
		if (at)
			text_print(value, "\r\n\t");
		text_add(value, base64 + at, size - at < BASE64_LINE ? size - at : BASE64_LINE);
	}
}

static const char *sign_one(const struct sign_input *input, const struct key *key, const char *body,
			    struct text *value)
{
	unsigned char hash[HASH], signature[SIGNATURE_MAX];
	const char *fault;
	size_t len;

	add_tags(value, input, key, body);
	if (value->failed)
		return "out of memory";
	fault = header_hash(input, value->ptr, hash);
	if (fault)
		return fault;
	len = key_sign(key, hash, signature);
	if (len == 0)
		return "the key cannot sign";
	add_signature(value, signature, len);
	return value->failed ? "out of memory" : NULL;
}

const char *sign_message(const struct sign_input *input, const struct key *keys, size_t count,
			 struct text *values)
{
	unsigned char hash[HASH], body[HASH * 2];
	const char *fault = NULL;
	size_t i;

	if (!body_hash(input, hash))
		return "the body cannot be read or hashed";
	EVP_EncodeBlock(body, hash, HASH);
	for (i = 0; i < count && !fault; i++)
		fault = sign_one(input, &keys[i], (const char *)body, &values[i]);
	return fault;
}
