/* places.h - which module, hook and message each thread of the serving process is in, in memory
 * that outlives it.
 *
 * The supervisor makes the page and forks; the serving process writes to it with plain stores on
 * the path of a message; when it has died the supervisor reads who was where. What a dead process
 * left behind is believed no further than its bounds. */
#ifndef SUPERVISOR_PLACES_H
#define SUPERVISOR_PLACES_H

#include "module/chain.h"

#define PLACE_NAME 47
/* Threads: more than workers and pool may have; who finds no place goes unseen. */
#define PLACES_MOST 384

struct place {
	uint64_t id;     /* of the message; 0: none */
	uint32_t hook;   /* enum gw_hook; GW_HOOKS: start or stop */
	uint32_t worker; /* number of the loop that this thread turns, + 1; 0: none */
	uint32_t beat;   /* changes while it turns */
	uint8_t inside;  /* a bool that anybody may have written */
	char instance[PLACE_NAME + 1];
};

struct places;

struct places *places_create(void); /* NULL: no memory */
void places_clear(struct places *places);
void places_destroy(struct places *places);

/* In the serving process, before it has threads: from now on every thread says where it is, and one
 * that gets a deadly signal that it is the culprit. */
void places_watch(struct places *places);

/* Who is to blame: the thread that got the deadly signal, alone; all that were inside a module
 * where no thread said so; nobody when the culprit ran no module. Gives how many of `blamed` it
 * filled. */
size_t places_blame(const struct places *places, struct place *blamed, size_t room);

/* In the serving process: the loop with this number turns; once a second, from its thread. */
void places_beat(unsigned worker);

/* The page that this process writes to; NULL: none. */
const struct places *places_own(void);

/* A copy of the nth. False: no loop is turned there. */
bool places_thread(const struct places *places, size_t nth, struct place *place);

/* "prepare", or "start or stop". */
const char *place_hook(const struct place *place);

#endif
