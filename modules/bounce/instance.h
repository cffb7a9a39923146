/* instance.h - what an instance shares between its workers. */
#ifndef BOUNCE_INSTANCE_H
#define BOUNCE_INSTANCE_H

#include "bounce.h"
#include "store.h"
#include "token.h"

struct instance;

#define FAULT_MAX 200

/* NULL: it cannot be, and it was said why. */
struct instance *instance_create(struct gw_call *call);
void instance_destroy(struct instance *instance);

/* Where files of the gateway may be written, on a worker or main: makes the key where there is none
 * yet, and opens the store. */
void instance_begin(struct gw_call *call, struct instance *instance);

/* The bounce domain in A-labels; empty: there is none. [any] */
const char *instance_domain(const struct instance *instance);

/* NULL: it cannot be opened. [any] */
struct store *instance_store(struct instance *instance);

/* True: it was tried, and that is why. [any] */
bool instance_fault(struct instance *instance, char why[FAULT_MAX]);

/* A copy of the keys; false: there is none. [any] */
bool instance_keys(struct instance *instance, struct keys *keys);

#endif
