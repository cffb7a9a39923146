/* state_lock.h - one gateway a state folder, and one serving process at a time.
 *
 * The supervisor and the serving process lock a byte each of STATE/pid. A second gateway is refused
 * at once; one that comes after a supervisor that was killed waits for the serving process of that
 * one, which is dying, so that it finds spool and sockets free. */
#ifndef SUPERVISOR_STATE_LOCK_H
#define SUPERVISOR_STATE_LOCK_H

#include <stdbool.h>

/* Makes the folder where it is missing, locks it, writes our pid into the file; gives a descriptor
 * of the folder. -1: said on stderr. */
int state_lock_supervisor(const char *state);
void state_unlock(int folder);

/* Whether a gateway runs on that folder; false too where it may not be looked at. Changes nothing.
 */
bool state_is_locked(const char *state);

/* In the serving process: waits for the one before. -1: said on stderr. */
int state_lock_serving(int folder);

#endif
