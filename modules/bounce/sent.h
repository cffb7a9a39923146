/* sent.h - what is remembered of a message, for the time that it waits for the store: a mail for
 * thousands that goes to each alone has as many of them, and their texts are short. */
#ifndef BOUNCE_SENT_H
#define BOUNCE_SENT_H

#include "store.h"

struct sent_packed;

/* To be freed; NULL: no memory. */
struct sent_packed *sent_pack(const struct sent *sent);
void sent_unpack(const struct sent_packed *packed, struct sent *sent);

#endif
