/* job.h - a command that takes its time: a thread works, and gatewayctl asks again until it is
 * done. What it makes may be files, which gatewayctl writes where it was called. One at a time. */
#ifndef ARCHIVE_JOB_H
#define ARCHIVE_JOB_H

#include "bulk.h"

#include <gateway/module.h>

#include <stdatomic.h>

struct job;

/* Begins; `work` runs on a thread of its own, where it may read mail, and job_stop() frees `arg` by
 * `release`. NULL: no memory, and `arg` is still the caller's. */
struct job *job_start(void (*work)(struct job *job, void *arg), void (*release)(void *arg),
		      void *arg, const char *folder, int64_t now);
/* Ends it where it is. NULL is fine. */
void job_stop(struct job *job);

/* --- for the work --- */

const atomic_bool *job_stopping(const struct job *job);
/* The last word: what people are told, and the exit code. */
void job_say(struct job *job, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Octets for a file in the caller's folder: `at` 0 begins it, else they follow. Waits while much is
 * not fetched; false: it is to end. Takes what is in `octets`. */
bool job_put(struct job *job, const char *name, uint64_t at, struct bulk *octets);

/* --- for control --- */

/* Answers with what is there, and whether more comes. True: that was all. */
bool job_answer(struct gw_call *call, struct job *job, unsigned number);
/* Nobody has asked for a while. */
bool job_is_left(struct job *job, int64_t now);

/* Adds octets as characters, so that all of them pass through JSON. */
void write_octets(struct gw_json *json, const struct bulk *from, uint64_t at, size_t len);

#endif
