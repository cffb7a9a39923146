/* job.h - a signature being made: gathered on the worker, made on a thread of the pool, added on
 * the worker. */
#ifndef DKIM_JOB_H
#define DKIM_JOB_H

#include "signer.h"

#include <gateway/module.h>

struct job {
	const struct signer *signer;
	struct key keys[KEYS_A_DOMAIN]; /* the signer's, which outlives the job */
	size_t key_count;
	struct gw_delivery *delivery;
	uint64_t body_at; /* in what goes out */
	struct text bytes, names;
	struct gw_str *fields;
	size_t count, room;
	struct sign_input input;
	struct text values[KEYS_A_DOMAIN];
	const char *fault;
};

/* `numbers`: of the signer's keys, one at least. `expire` in ms; NULL: no memory. The body's place
 * is that of now: no edit may follow. */
struct job *job_new(struct gw_call *call, const struct signer *signer, struct gw_delivery *delivery,
		    const size_t *numbers, size_t count, int64_t expire);
void job_free(void *job);

enum gathered { GATHERED, GATHERED_NO_FROM, GATHERED_CONTROL, GATHERED_ODD, GATHERED_NO_MEMORY };

/* Copies the fields that are signed, so that the thread has them. */
enum gathered job_gather(struct job *job);

/* Makes the signatures, or sets the fault. [any thread] */
void job_work(void *job);

/* Adds the fields, the first key's on top; false: the fault says why. */
bool job_add_fields(struct gw_call *call, struct job *job);

#endif
