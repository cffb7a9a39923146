/* new_key.h - a key for a domain that is added: dkim makes it, by its own verb. */
#ifndef DOMAINS_NEW_KEY_H
#define DOMAINS_NEW_KEY_H

#include "instance.h"

/* Of control: begins to make one; instance->key is done later, on the main thread. Gives its
 * number. */
uint64_t key_make(struct gw_call *call, struct instance *instance, const char *domain);

#endif
