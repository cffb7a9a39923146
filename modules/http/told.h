/* told.h - what the hook `event` is told, as an event of the store. */
#ifndef HTTP_TOLD_H
#define HTTP_TOLD_H

#include "outbox.h"

void told_event(const struct http_conf *conf, struct outbox *outbox, const struct gw_event *event);

#endif
