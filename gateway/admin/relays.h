/* relays.h - what the relay verbs share. */
#ifndef ADMIN_RELAYS_H
#define ADMIN_RELAYS_H

#include "admin/request.h"
#include "base/event.h"
#include "module/relay_status.h"

/* As the owner of closures, and of records in the state store. */
#define BY_ADMIN RELAY_STATUS_ADMIN

#define FOLDER_HINT "; the gateway's own user has to be allowed to write in that folder"

/* Forgets that a relay was switched off: it is no more. */
void relay_switch_forget(struct gw_str relay);

/* Says "there is no such relay", with the nearest, and ends the request. */
void relay_unknown(struct request *request, const struct snapshot *snapshot, const char *name);

/* Tells the event hooks. */
void relay_event(struct request *request, enum event_id event, const char *relay, const char *text);

#endif
