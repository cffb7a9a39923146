/* token.h - who may ask: bearer tokens of 256 random bits, of which only hashes are known here. */
#ifndef HTTP_TOKEN_H
#define HTTP_TOKEN_H

#include "conf.h"

#define TOKEN_DIGEST 32
#define TOKEN_TEXT 64 /* "gw_" and 43 letters, NUL behind it */
#define TOKEN_HASH 80 /* "sha256:" and 64 digits */

/* False: it is no hash of a token. */
bool token_hash_read(struct gw_str text, unsigned char digest[TOKEN_DIGEST]);
void token_hash_write(struct gw_str token, char hash[TOKEN_HASH]);

/* A new one. False: the system gave no random octets. */
bool token_make(char text[TOKEN_TEXT]);

/* Whose token stands in the value of an Authorization field ("Bearer gw_..."); each of them is
 * compared, however early one fits. NULL: nobody's. */
const struct token_conf *token_find(const struct http_conf *conf, struct gw_str authorization);

/* It may see the mail of that client. */
bool token_sees(const struct token_conf *token, struct gw_str client);

#endif
