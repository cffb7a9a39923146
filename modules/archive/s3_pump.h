/* s3_pump.h - requests of threads, which may block, made on a worker's loop, which may not: a timer
 * there takes what was asked, and the hook `http` brings what came. */
#ifndef ARCHIVE_S3_PUMP_H
#define ARCHIVE_S3_PUMP_H

#include "s3_target.h"

#include <stdatomic.h>

struct s3_pump;

struct s3_pump *s3_pump_create(const char *ca_file); /* NULL: no memory */
/* When nobody asks any more. */
void s3_pump_destroy(struct s3_pump *pump);

/* Whoever asks this way gives up when `stop` is set, or the worker has ended. */
struct s3_asking {
	struct s3_pump *pump;
	const atomic_bool *stop;
	struct s3_transport transport; /* set by s3_asking_init() */
};
void s3_asking_init(struct s3_asking *asking, struct s3_pump *pump, const atomic_bool *stop);

/* What time it is, as the worker had it last; ms. 0: it has not begun. */
int64_t s3_pump_now(struct s3_pump *pump);

/* --- the hooks of one worker --- */
void s3_pump_begin(struct gw_call *call, struct s3_pump *pump);
void s3_pump_end(struct gw_call *call, struct s3_pump *pump);
void s3_pump_timer(struct gw_call *call, struct s3_pump *pump);
/* `arg` as http_request() was given it */
void s3_pump_http(struct gw_call *call, const struct gw_http_answer *answer, void *arg);

#endif
