/* s3.h - the archive's copy in a bucket: a thread that brings it there, and what is told of it.
 *
 * One thread uploads an archive at a time: after a reload the new instance's begins when the old
 * one's has ended what it was at. */
#ifndef ARCHIVE_S3_H
#define ARCHIVE_S3_H

#include "s3_fetch.h"
#include "s3_pump.h"
#include "store.h"

struct s3;

/* NULL: no memory. `conf`, `folder` and `store` live until s3_destroy(); the store may come later.
 */
struct s3 *s3_create(const struct s3_conf *conf, const char *folder, struct store *_Atomic *store);
void s3_destroy(struct s3 *s3);

/* On each worker; the first looks after the requests. */
void s3_worker_start(struct gw_call *call, struct s3 *s3);
void s3_worker_stop(struct gw_call *call, struct s3 *s3);
void s3_timer(struct gw_call *call, struct s3 *s3);

/* False: nobody knows yet whether the bucket has an archive that is to be restored before another
 * one begins in the same place. */
bool s3_may_begin(const struct s3 *s3);

void s3_tick(struct gw_call *call, struct s3 *s3);
void s3_status(struct gw_call *call, struct s3 *s3);
/* When the bucket said that it is the same time, ms; 0: never. */
int64_t s3_agreed(struct s3 *s3);

/* For the work of a command. */
const struct s3_conf *s3_conf(const struct s3 *s3);
const char *s3_folder(const struct s3 *s3);
struct s3_pump *s3_pump(struct s3 *s3);
/* What is in the bucket alone, for one thread, until `stop`. NULL: there is no bucket. */
struct s3_fetching {
	struct s3_asking asking;
	struct s3_target target;
	struct s3_fetch fetch;
	bool begun;
};
struct remote *s3_fetching_begin(struct s3_fetching *fetching, struct s3 *s3,
				 const atomic_bool *stop, uint64_t ahead);
void s3_fetching_end(struct s3_fetching *fetching);

/* The uploads rest from when this returns until s3_resume(), which has them look anew at what is
 * there. False: `stop`, and they do not rest. */
bool s3_pause(struct s3 *s3, const atomic_bool *stop);
void s3_resume(struct s3 *s3);

#endif
