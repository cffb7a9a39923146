/* new_key.h - private keys that are made here. */
#ifndef DKIM_NEW_KEY_H
#define DKIM_NEW_KEY_H

#include "key.h"

/* Makes one of its algorithm, and the file with it, for the gateway's user alone, on disk when this
 * returns; never over one that is there: that may be a key in use. -1: errno. */
int key_create(struct key *key, const char *path);

#endif
