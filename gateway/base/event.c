#include "base/event.h"

static const struct {
	const char *name;
	enum log_level level;
	bool told;
} events[] = {
#define LOGGED(id, name, level, ...) [EVENT_##id] = { name, LOG_LEVEL_##level, false },
#define TOLD(id, name, ...) [EVENT_##id] = { name, LOG_LEVEL_INFO, true },
#define BOTH(id, name, level, ...) [EVENT_##id] = { name, LOG_LEVEL_##level, true },
#include "base/events.def"
};

static const char *const keys[] = {
#define KEY(id, name, ...) [KEY_##id] = name,
#include "base/events.def"
};

const char *event_name(enum event_id event)
{
	return events[event].name;
}

enum log_level event_level(enum event_id event)
{
	return events[event].level;
}

bool event_is_told(enum event_id event)
{
	return events[event].told;
}

const char *event_key_name(enum event_key key)
{
	return keys[key];
}
