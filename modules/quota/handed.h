/* handed.h - limits that clients are refused by: what they handed in counts until it is final. */
#ifndef QUOTA_HANDED_H
#define QUOTA_HANDED_H

#include "limit.h"

enum gw_verdict on_rcpt(struct gw_call *call, struct gw_message *message, struct gw_rcpt *rcpt);
enum gw_verdict on_message(struct gw_call *call, struct gw_message *message);
void on_event(struct gw_call *call, const struct gw_event *event);
enum gw_verdict on_bounce(struct gw_call *call, struct gw_message *message,
			  const struct gw_result *result);

/* So many recipients have it; counted: what the limits count has grown by this delivery. */
void handed_delivered(struct gw_call *call, struct gw_message *message, int64_t rcpts,
		      bool counted);

#endif
