/* rig.h - one worker with a transport, a relay that points to a peer, and attempts to send through
 * it. */
#ifndef TESTS_DELIVER_RIG_H
#define TESTS_DELIVER_RIG_H

#include "base/arena.h"
#include "client/transport.h"
#include "peer.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#ifndef RIG_RCPTS
#define RIG_RCPTS 16
#endif

struct rig;

struct sending {
	struct attempt attempt;
	struct rig *rig;
	struct arena arena;
	struct gw_message message;
	struct edits edits;
	struct gw_rcpt rcpts[RIG_RCPTS];
	struct gw_rcpt *pointers[RIG_RCPTS];
	struct outcome outcomes[RIG_RCPTS];
	bool done;
	struct gw_str asked; /* mechanisms that login was asked with */
	int asked_count;
};

struct rig {
	struct worker *worker;
	struct offload_pool *pool;
	struct resolver *resolver;
	struct snapshot *snapshot;
	struct gw_relay *relay;
	struct snapshot own_snapshot;
	struct gw_relay own_relay;
	struct gw_str hosts[4];
	char name[32];
	int waiting_for;       /* more attempts to end before rig_run returns */
	enum gw_verdict login; /* what login() answers; GW_PENDING: nothing */
	const char *mechanism;
	int64_t max_ms;
	bool late;
};

void rig_init(struct rig *rig, unsigned worker_number, unsigned short port);
/* same snapshot and relay, another worker */
void rig_share(struct rig *rig, unsigned worker_number, struct rig *other);
void rig_finish(struct rig *rig);
/* "a@x b@x" */
void sending_init(struct sending *sending, struct rig *rig, const char *text, const char *rcpts);
void sending_finish(struct sending *sending);
void rig_send(struct sending *sending);
void rig_run(struct rig *rig);          /* until all that was sent has ended */
void rig_wait(struct rig *rig, int ms); /* lets the loop run for that long */
/* One message to one recipient, to its end: the outcome. */
struct outcome rig_once(struct rig *rig, struct sending *sending, const char *text,
			const char *rcpts);

#endif
