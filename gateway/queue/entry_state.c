#include "queue/entry_state.h"

#include <stddef.h>

/* What is not named is forbidden: 0 stands for it, so each state is one more here. */
#define TO(state) (ENTRY_##state + 1)

static const unsigned char next_states[ENTRY_STATES][ENTRY_EVENTS] = {
	[ENTRY_NEW] = { [ENTRY_ON_ADD] = TO(WAITING),
			[ENTRY_ON_HOLD] = TO(HELD),
			[ENTRY_ON_NOT_NOW] = TO(WAITING),
			[ENTRY_ON_DAMAGED] = TO(HELD) },
	[ENTRY_WAITING] = { [ENTRY_ON_READ] = TO(READING),
			    [ENTRY_ON_BEGIN] = TO(ACTIVE),
			    [ENTRY_ON_NOT_NOW] = TO(WAITING),
			    [ENTRY_ON_DAMAGED] = TO(HELD), /* it was read for an order */
			    [ENTRY_ON_WAKE] = TO(WAITING),
			    [ENTRY_ON_HOLD] = TO(HELD),
			    [ENTRY_ON_DELETE] = TO(GONE) },
	/* what an admin orders meanwhile is carried out when it was read */
	[ENTRY_READING] = { [ENTRY_ON_BEGIN] = TO(ACTIVE),
			    [ENTRY_ON_NOT_NOW] = TO(WAITING),
			    [ENTRY_ON_DAMAGED] = TO(HELD),
			    [ENTRY_ON_DELETE] = TO(GONE) },
	/* and here when the runner gives it back */
	[ENTRY_ACTIVE] = { [ENTRY_ON_LATER] = TO(WAITING),
			   [ENTRY_ON_HOLD] = TO(HELD),
			   [ENTRY_ON_FINAL] = TO(GONE),
			   [ENTRY_ON_DELETE] = TO(GONE) },
	/* it is looked at too, where its sender is to be told */
	[ENTRY_HELD] = { [ENTRY_ON_READ] = TO(READING),
			 [ENTRY_ON_BEGIN] = TO(ACTIVE),
			 [ENTRY_ON_NOT_NOW] = TO(HELD),
			 [ENTRY_ON_DAMAGED] = TO(HELD),
			 [ENTRY_ON_RELEASE] = TO(WAITING),
			 [ENTRY_ON_DELETE] = TO(GONE) },
};

enum entry_state entry_next(enum entry_state state, enum entry_event event)
{
	unsigned next = next_states[state][event];
	return next ? (enum entry_state)(next - 1) : ENTRY_FORBIDDEN;
}

const char *entry_state_name(enum entry_state state)
{
	static const char *const names[ENTRY_STATES] = {
		[ENTRY_WAITING] = "waiting", [ENTRY_READING] = "reading", [ENTRY_ACTIVE] = "active",
		[ENTRY_HELD] = "held",       [ENTRY_NEW] = "new",         [ENTRY_GONE] = "gone",
	};
	return names[state];
}

const char *entry_event_name(enum entry_event event)
{
	static const char *const names[ENTRY_EVENTS] = {
		[ENTRY_ON_ADD] = "add",         [ENTRY_ON_READ] = "read",
		[ENTRY_ON_BEGIN] = "begin",     [ENTRY_ON_NOT_NOW] = "not-now",
		[ENTRY_ON_DAMAGED] = "damaged", [ENTRY_ON_LATER] = "later",
		[ENTRY_ON_WAKE] = "wake",       [ENTRY_ON_HOLD] = "hold",
		[ENTRY_ON_RELEASE] = "release", [ENTRY_ON_FINAL] = "final",
		[ENTRY_ON_DELETE] = "delete",
	};
	return names[event];
}
