/* admit.h - room for deliveries: taken when one is admitted, used or given back when it leaves. */
#ifndef QUOTA_ADMIT_H
#define QUOTA_ADMIT_H

#include "limit.h"

/* What a delivery has taken: its private bytes. */
struct claim {
	int64_t when;
	uint32_t held;    /* recipients; 0: nothing is taken */
	uint32_t counted; /* of these the next hop has, or may have */
	uint32_t final;   /* of these it has */
	bool sent;        /* the next hop saw the message */
};

enum gw_verdict on_admit(struct gw_call *call, struct gw_delivery *delivery,
			 struct gw_relay *relay);
void on_result(struct gw_call *call, struct gw_delivery *delivery, const struct gw_result *result);
void on_leave(struct gw_call *call, struct gw_delivery *delivery, struct gw_relay *relay);

/* Calls back what waited for others to arrive. */
void applied_notify(struct gw_call *call, const struct applied *applied);

/* Closes and opens relays as the counts say: after a start, a reload, or when the clock was set. */
void relays_settle(struct gw_call *call);
void relays_close_full(struct gw_call *call); /* the closing half of it: at the start */

#endif
