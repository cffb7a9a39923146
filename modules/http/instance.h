/* instance.h - what an instance has: made by the first worker, since one that is only checked makes
 * nothing. */
#ifndef HTTP_INSTANCE_H
#define HTTP_INSTANCE_H

#include "outbox.h"
#include "server.h"
#include "webhook.h"

#define FAULT_MAX 200

struct instance {
	struct gw_call *call;
	pthread_mutex_t lock; /* of the beginning */
	bool begun;
	struct ticks ticks;
	struct server *server;     /* NULL: there is no API */
	struct event_store *store; /* NULL: it cannot be opened */
	struct outbox *outbox;     /* NULL: no events are kept */
	struct webhooks *webhooks; /* NULL: there are none */
	char fault[FAULT_MAX];     /* why no events are kept */
};

/* From any thread: NULL where it is not there (yet). */
struct event_store *instance_store(struct instance *instance);
struct webhooks *instance_webhooks(struct instance *instance);
/* True: it was tried to keep events, and that is why none are. */
bool instance_fault(struct instance *instance, char why[FAULT_MAX]);

#endif
