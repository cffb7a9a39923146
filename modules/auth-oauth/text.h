/* text.h - how things are written in requests: forms, base64url, random words. */
#ifndef OAUTH_TEXT_H
#define OAUTH_TEXT_H

#include <gateway/str.h>

/* A form that grows; one that did not fit or had no memory has `failed` and is empty. What is in it
 * is secret: form_finish wipes. */
struct form {
	char *text;
	size_t len, room;
	bool failed;
};

/* "name=value", percent-encoded, with '&' before it where something is there already. An empty
 * value is left out. */
void form_add(struct form *form, const char *name, struct gw_str value);
struct gw_str form_str(const struct form *form);
void form_finish(struct form *form);

/* The value of `name` in "a=b&c=d", decoded into `out`; false: it is not there, or does not fit. */
bool form_value(struct gw_str form, const char *name, char *out, size_t size);

/* Without padding (RFC 7515); the length, 0: it does not fit. A NUL follows. */
size_t base64url(const void *bytes, size_t len, char *out, size_t size);

/* 43 characters of 256 random bits; false: there is no randomness. */
#define RANDOM_WORD 44
bool random_word(char out[RANDOM_WORD]);

/* The S256 challenge (RFC 7636) of such a word. */
bool challenge_of(const char *verifier, char out[RANDOM_WORD]);

/* What others said, as one line for people: printable ASCII, cut at `size`. */
void plain_text(struct gw_str text, char *out, size_t size);

#endif
