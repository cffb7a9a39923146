#include "text.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>

#define FORM_MOST 65536

/* --- forms --- */

static void fail(struct form *form)
{
	form_finish(form);
	form->failed = true;
}

static void add(struct form *form, const char *text, size_t len)
{
	char *larger;

	if (form->failed || form->len + len + 1 > FORM_MOST) {
		fail(form);
		return;
	}
	if (form->len + len + 1 > form->room) {
		larger = malloc(2 * (form->len + len + 1));
		if (!larger) {
			fail(form);
			return;
		}
		form->room = 2 * (form->len + len + 1);
		if (form->text) {
			memcpy(larger, form->text, form->len);
			explicit_bzero(form->text, form->len);
		}
		free(form->text);
		form->text = larger;
	}
	memcpy(form->text + form->len, text, len);
	form->len += len;
	form->text[form->len] = '\0';
}

static bool is_plain(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (c && strchr("-._~", c));
}

void form_add(struct form *form, const char *name, struct gw_str value)
{
	char code[4];
	size_t i;

	if (!value.len)
		return;
	if (form->len)
		add(form, "&", 1);
	add(form, name, strlen(name));
	add(form, "=", 1);
	for (i = 0; i < value.len && !form->failed; i++) {
		unsigned char c = (unsigned char)value.ptr[i];

		if (is_plain(c)) {
			add(form, value.ptr + i, 1);
			continue;
		}
		snprintf(code, sizeof code, "%%%02X", c);
		add(form, code, 3);
	}
}

struct gw_str form_str(const struct form *form)
{
	return gw_str_n(form->text ? form->text : "", form->len);
}

void form_finish(struct form *form)
{
	if (form->text)
		explicit_bzero(form->text, form->room);
	free(form->text);
	*form = (struct form){ .failed = form->failed };
}

static int hex_digit(char c)
{
	const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c | 0x20) : NULL;

	return at ? (int)(at - digits) : -1;
}

static bool decode(struct gw_str text, char *out, size_t size)
{
	size_t len = 0, i;

	for (i = 0; i < text.len && len + 1 < size; i++) {
		char c = text.ptr[i] == '+' ? ' ' : text.ptr[i];

		if (c == '%' && i + 2 < text.len && hex_digit(text.ptr[i + 1]) >= 0 &&
		    hex_digit(text.ptr[i + 2]) >= 0) {
			c = (char)(hex_digit(text.ptr[i + 1]) * 16 + hex_digit(text.ptr[i + 2]));
			i += 2;
		}
		if (!c)
			return false;
		out[len++] = c;
	}
	out[len] = '\0';
	return i == text.len;
}

bool form_value(struct gw_str form, const char *name, char *out, size_t size)
{
	while (form.len) {
		size_t len = gw_str_find(form, '&');
		struct gw_str pair = gw_str_n(form.ptr, len);
		size_t equals = gw_str_find(pair, '=');

		if (gw_str_eq(gw_str_n(pair.ptr, equals), gw_str(name)))
			return decode(gw_str_from(pair, equals + 1), out, size);
		form = gw_str_from(form, len + 1);
	}
	return false;
}

/* --- base64url --- */

size_t base64url(const void *bytes, size_t len, char *out, size_t size)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	const unsigned char *in = bytes;
	size_t digits = (len * 8 + 5) / 6, i;

	if (digits + 1 > size)
		return 0;
	for (i = 0; i < digits; i++) {
		size_t bit = i * 6;
		unsigned two = (unsigned)in[bit / 8] << 8 |
			       (bit / 8 + 1 < len ? in[bit / 8 + 1] : 0);

		out[i] = alphabet[two >> (10 - bit % 8) & 0x3f];
	}
	out[digits] = '\0';
	return digits;
}

bool random_word(char out[RANDOM_WORD])
{
	unsigned char bytes[32];

	return RAND_bytes(bytes, sizeof bytes) == 1 &&
	       base64url(bytes, sizeof bytes, out, RANDOM_WORD);
}

bool challenge_of(const char *verifier, char out[RANDOM_WORD])
{
	unsigned char digest[32];
	unsigned len = sizeof digest;

	return EVP_Digest(verifier, strlen(verifier), digest, &len, EVP_sha256(), NULL) == 1 &&
	       base64url(digest, len, out, RANDOM_WORD) > 0;
}

/* --- for people --- */

void plain_text(struct gw_str text, char *out, size_t size)
{
	size_t len = 0, i;

	for (i = 0; i < text.len && len + 1 < size; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		if (c == '\r' || c == '\n' || c == '\t')
			c = ' ';
		if (c == ' ' && (!len || out[len - 1] == ' '))
			continue;
		out[len++] = c >= ' ' && c < 0x7f ? (char)c : '?';
	}
	out[len] = '\0';
}
