/* sim.h - the world around the host, in one thread: a clock that stands until it is moved, clients
 * whose octets arrive when they are told to, a disk in memory that works when it is told to, fails,
 * fills up and forgets what was not synced.
 *
 * Each file here takes the place of files of gateway/ with the same interface, by being linked
 * before them: clock.c of base/clock_now.c; loop.c of loop/worker.c and timer.c; stream.c of
 * loop/stream*.c; listener.c of loop/listener.c; disk.c of spool/disk.c; threads.c of
 * spool/threads.c; offload.c of loop/offload.c. Everything else is the host's own code. paths.h
 * walks through all orders in which things may happen. */
#ifndef TESTS_SIM_H
#define TESTS_SIM_H

#include "base/buf.h"
#include "loop/worker.h"
#include "spool/spool.h"

/* --- time: clock.c --- */

void clock_begin(void); /* at a time of day that is the same each time */
void clock_move(int64_t ms);

/* --- the loop: loop.c --- */

/* Takes turns until there is nothing to do at this moment; fails the test where there is no end. */
void loop_settle(struct worker *worker);
/* Lets so much time pass, from timer to timer, and settles at each. */
void loop_pass(struct worker *worker, int64_t ms);
size_t loop_timers(const struct worker *worker); /* that are set */

/* --- who connects: stream.c, listener.c --- */

struct peer_end; /* the other end of a connection */

/* Connects to the listener whose descriptor is `fd`; NULL: nobody listens there. Accepted with the
 * next turn. It lives until peer_forget, whatever becomes of the connection. */
struct peer_end *peer_connect(int fd, const char *address);
void peer_forget(struct peer_end *peer); /* its end is closed, if it was not */

void peer_say(struct peer_end *peer, const char *text); /* arrives with the next turn */
void peer_say_bytes(struct peer_end *peer, const void *bytes, size_t len);
void peer_close(struct peer_end *peer);           /* says no more, and listens on */
void peer_reset(struct peer_end *peer);           /* gone: what is written to it fails */
void peer_deaf(struct peer_end *peer, bool deaf); /* nothing leaves for it */
/* Its part of a TLS handshake: true, or what it says is no TLS. */
void peer_shake(struct peer_end *peer, bool good);

struct gw_str peer_heard(const struct peer_end *peer); /* all that came since the beginning */
void peer_forget_heard(struct peer_end *peer);
/* The gateway's end: closed, by whatever way. */
bool peer_is_left(const struct peer_end *peer);
size_t peers_open(void); /* connections that the gateway has open */

/* --- the disk: disk.c, threads.c --- */

struct disk; /* what is in memory of it, and what would be there after a power cut */

struct disk *disk_create(void);
void disk_destroy(struct disk *disk);
/* The one that the spool is on from now on; gives the one before. */
struct disk *disk_use(struct disk *disk);
/* What a power cut would leave, as a disk of its own. Descriptors are not part of it. */
struct disk *disk_after_power_cut(const struct disk *disk);

enum disk_call { DISK_WRITE, DISK_SYNC, DISK_ALLOCATE, DISK_CALLS };
/* From now on the call fails with this errno, `times` times; -1: for ever. 0, 0: no more. */
void disk_fail(struct disk *disk, enum disk_call call, int error, int times);
void disk_set_free(struct disk *disk, int64_t octets);
unsigned disk_calls(const struct disk *disk, enum disk_call call); /* that succeeded */

/* The spool's threads take a turn: all that was appended is written, synced and answered. */
void disk_work(struct spool *spool);
/* Something was appended and is not answered yet. */
bool disk_is_due(struct spool *spool);
size_t disk_loose_extents(const struct spool *spool); /* that belong to no message yet */
int disk_expected(const struct spool *spool);         /* messages that are on their way in */

/* --- the pool: offload.c --- */

/* The first piece of work begins: from now on nobody can call it back. */
bool offload_begin(void);
bool offload_work(void); /* it is done, begun or not; false: there is none */

#endif
