/* token.h - what an account has from its provider. Values: copied, and wiped when they go. */
#ifndef OAUTH_TOKEN_H
#define OAUTH_TOKEN_H

#include <gateway/str.h>

#define TOKEN_MOST 8192 /* octets of one; a line of AUTH has no room for more */

struct token {
	char *access, *refresh; /* NULL: none */
	char *scope;            /* as the provider granted it; NULL: not said */
	int64_t got, expires;   /* ms since 1970 UTC; of `access` */
};

void token_finish(struct token *token);

/* Replaces *own by *other, which is empty afterwards. */
void token_take(struct token *own, struct token *other);

/* A copy, of its own memory; false: no memory, and *own is empty. */
bool token_copy(struct token *own, const struct token *other);

/* A secret that is no longer wanted; NULL is fine. */
void wipe_free(char *secret);

#endif
