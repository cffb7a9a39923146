/* store.h - an account's token on disk: a file of its own, mode 0600, replaced whole or not at all,
 * and on the disk when a write has returned. It blocks: not for a worker. */
#ifndef OAUTH_STORE_H
#define OAUTH_STORE_H

#include "seal.h"
#include "token.h"

struct store {
	char *path;     /* of the file */
	char name[256]; /* of the account, which the seal is bound to */
	bool sealed;    /* with `key` */
	unsigned char key[SEAL_KEY];
};

/* "FOLDER/NAME.token", what no file's name should have in it encoded; false: no memory. */
bool store_init(struct store *store, struct gw_str folder, struct gw_str name);
void store_finish(struct store *store);

/* NULL: *token is what is there, empty where there is no file; else what is wrong. */
const char *store_read(const struct store *store, struct token *token);
/* NULL, or what went wrong: then what was there is there. */
const char *store_write(const struct store *store, const struct token *token);
const char *store_remove(const struct store *store);

#endif
