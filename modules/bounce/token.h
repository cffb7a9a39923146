/* token.h - the local part of a return path of ours: which message, which of its recipients, until
 * when, and that we said so.
 *
 * 29 letters and digits, case means nothing: 64 bits of the message's id, 16 of the recipient's
 * number, 16 of the last day on which it counts, 48 of an HMAC-SHA256 over these and the bounce
 * domain. A recipient has one for all tries, so that greylisting knows it again. */
#ifndef BOUNCE_TOKEN_H
#define BOUNCE_TOKEN_H

#include <gateway/str.h>

#define TOKEN_SIZE 30 /* with the NUL */
#define KEYS_MAX 4
#define KEY_SIZE 32

/* The first makes tokens, all of them prove one: so a key is replaced while mail is on its way. */
struct keys {
	size_t count;
	unsigned char items[KEYS_MAX][KEY_SIZE];
};

/* A file with a key a line, 64 hexadecimal digits. 0; 1: there is no such file; -1: *why says what
 * is wrong with it. */
int keys_read(struct keys *keys, const char *path, const char **why);
/* Makes the file with one new key, for the gateway's user alone, on disk when this returns; leaves
 * one alone that is there. -1: errno. */
int keys_make(const char *path);

/* What a return path of ours is of. */
struct path {
	uint64_t id;  /* of the message */
	uint16_t nth; /* of its recipients, from 1 on; 0: all of them */
};

/* False: OpenSSL refuses. */
bool token_make(const struct keys *keys, struct path path, uint16_t day, struct gw_str domain,
		char out[TOKEN_SIZE]);

enum token { TOKEN_FINE, TOKEN_FORGED, TOKEN_EXPIRED };

/* `today` counts days since 1970. A forged one has no path. */
enum token token_read(const struct keys *keys, struct gw_str local, struct gw_str domain,
		      int64_t today, struct path *path);

#endif
