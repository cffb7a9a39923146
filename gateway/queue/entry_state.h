/* entry_state.h - the states of an entry, and what happens to it: one table says what follows. */
#ifndef QUEUE_ENTRY_STATE_H
#define QUEUE_ENTRY_STATE_H

enum entry_state {
	ENTRY_WAITING, /* in the heap until it is due; under its wait keys too */
	ENTRY_READING, /* due, and on its way from the spool to memory */
	ENTRY_ACTIVE,  /* being worked on: `message` is set */
	/* until it is released; in the heap where the gateway itself holds it, for its sender is
	   told */
	ENTRY_HELD,
	ENTRY_NEW,  /* made in this turn of the loop */
	ENTRY_GONE, /* ends in this turn of the loop */
	ENTRY_STATES,
	ENTRY_FORBIDDEN = ENTRY_STATES /* no state: what happened must not happen there */
};

enum entry_event {
	ENTRY_ON_ADD,     /* committed just now, or found by the recovery */
	ENTRY_ON_READ,    /* due, and its message is not in memory */
	ENTRY_ON_BEGIN,   /* due, and its message is in memory: the runner has it */
	ENTRY_ON_NOT_NOW, /* its message cannot be read, or worked on, at this time */
	ENTRY_ON_DAMAGED, /* its message cannot be read for ever */
	ENTRY_ON_LATER,   /* the runner puts it off */
	ENTRY_ON_WAKE,    /* what it waits for came, or an admin wants it now */
	ENTRY_ON_HOLD,    /* an admin or the gateway holds it */
	ENTRY_ON_RELEASE, /* an admin lets it go on */
	ENTRY_ON_FINAL,   /* each recipient is final */
	ENTRY_ON_DELETE,  /* an admin deletes it */
	ENTRY_EVENTS
};

/* The state that follows, or ENTRY_FORBIDDEN. */
enum entry_state entry_next(enum entry_state state, enum entry_event event);

const char *entry_state_name(enum entry_state state); /* "waiting" */
const char *entry_event_name(enum entry_event event); /* "not-now" */

#endif
