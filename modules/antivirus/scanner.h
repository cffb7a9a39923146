/* scanner.h - scans of one worker: so many at once, the others in a row, each until its time is
 * over and with one clamd after the other. */
#ifndef ANTIVIRUS_SCANNER_H
#define ANTIVIRUS_SCANNER_H

#include "ask.h"
#include "cache.h"

#include <gateway/module.h>

#include <stdatomic.h>
#include <sys/queue.h>

/* Of an instance: what its workers share. */
struct scanner {
	struct servers servers;
	struct cache *cache;
	int64_t connections, queue, timeout_ms, cache_ms;
	atomic_int running, waiting;
};

struct place;

/* A message that is being scanned; on one worker, but for job_work(). */
struct job {
	TAILQ_ENTRY(job) in_row;
	struct scanner *scanner;
	struct place *place;
	struct gw_message *message;
	struct finding finding; /* in the end */
	char by[128];           /* the clamd that said so, or "the cache" */
	int file;               /* the message as received, or -1 */
	int error;              /* of making the file */
	unsigned char hash[HASH_SIZE];
	gw_ticket ticket;
	struct ask *ask;
	struct event *late;
	int64_t ends; /* CLOCK_MONOTONIC, ms */
	uint32_t tried;
	size_t server;
	uint64_t signatures, drops; /* of the server and the cache as the scan began */
	enum { JOB_IDLE, JOB_WAITING, JOB_RUNNING } state;
};

struct job *job_create(struct scanner *scanner, struct place *place, struct gw_message *message);
void job_free(void *job); /* leaves the row, hangs up */

/* Makes the file and the hash. Blocks: in offload's work, or for what is small. [any thread] */
void job_work(void *job);

/* It is known, or cannot be asked: the finding tells. */
bool job_is_known(struct job *job, int64_t now);

/* Takes it into the row; its ticket is woken when the finding is there. False: the row is full, or
 * no memory; the finding tells. */
bool job_begin(struct job *job);
/* Called with the held call's clock: remembers what was found. */
void job_remember(const struct job *job, int64_t now);

/* The worker's part; NULL: no memory. */
struct place *place_create(struct scanner *scanner, struct event_base *base);
void place_destroy(struct place *place);
/* Asks each clamd for its version: who does not answer is down, and others than before empty the
 * cache. */
void place_look(struct place *place);

#endif
