/* report.h - what limits have counted, for people. */
#ifndef QUOTA_REPORT_H
#define QUOTA_REPORT_H

#include <gateway/module.h>

/* gatewayctl quota [NAME] */
void on_control(struct gw_call *call, const struct gw_command *command);
void on_status(struct gw_call *call);
void on_relay_status(struct gw_call *call, struct gw_relay *relay);

#endif
