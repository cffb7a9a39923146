/* sign.h - makes the value of a DKIM-Signature field (RFC 6376, RFC 8463), relaxed/relaxed, without
 * l=.
 *
 * What is hashed is libopendkim's to say: it is handed the message with a signature field whose b=
 * is not there yet, as a verifier would see it, and gives the hash that a verifier would compute.
 * The private key's operation is done here, with a key that stays loaded: libopendkim would parse
 * the PEM text again for each signature, and leaks memory for each one made with Ed25519. */
#ifndef DKIM_SIGN_H
#define DKIM_SIGN_H

#include "key.h"

struct sign_input {
	struct dkim_lib *lib; /* made by sign_lib() */
	/* what h= names, in the message's order, "Name: value" without the final CRLF */
	const struct gw_str *fields;
	size_t count;
	const char *names;    /* h= */
	const char *domain;   /* d= */
	int64_t time, expire; /* t= and x=, seconds since 1970; expire 0: no x= */
	/* Octets of the body at an offset, as delivery_read: fewer only at the end, -1: failed. */
	long (*read)(void *arg, uint64_t offset, void *out, size_t len);
	void *arg;
};

struct dkim_lib *sign_lib(void);
void sign_lib_close(struct dkim_lib *lib);

/* Faults that the message has, and that never get better: From holds no address; libopendkim does
 * not take the header. */
extern const char sign_no_author[], sign_no_header[];

/* Signs with each key; appends the field's value to the key's text. NULL, or what went wrong, in
 * words. [any thread] */
const char *sign_message(const struct sign_input *input, const struct key *keys, size_t count,
			 struct text *values);

#endif
