/* event.h - the words of events and of the keys in their log lines, from events.def. */
#ifndef BASE_EVENT_H
#define BASE_EVENT_H

#include <stdbool.h>

/* printed debug, info, warning, error, audit; the last is above any level that can be set: what
 * admins did is logged always */
enum log_level {
	LOG_LEVEL_DEBUG,
	LOG_LEVEL_INFO,
	LOG_LEVEL_WARNING,
	LOG_LEVEL_ERROR,
	LOG_LEVEL_AUDIT
};

enum event_id {
#define LOGGED(id, ...) EVENT_##id,
#define TOLD(id, ...) EVENT_##id,
#define BOTH(id, ...) EVENT_##id,
#include "base/events.def"
	EVENTS
};

enum event_key {
#define KEY(id, ...) KEY_##id,
#include "base/events.def"
	KEYS
};

const char *event_name(enum event_id event);
enum log_level event_level(enum event_id event); /* of its log line */
bool event_is_told(enum event_id event);         /* to the hook `event` */
const char *event_key_name(enum event_key key);

#endif
