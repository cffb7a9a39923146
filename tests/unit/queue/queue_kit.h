/* queue_kit.h - a queue over a real spool, with a runner of the test's own: what it is given back
 * it keeps, and it gives it again when it is due. */
#ifndef TESTS_QUEUE_KIT_H
#define TESTS_QUEUE_KIT_H

#include "queue/queue.h"
#include "queue/submit.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char folder[64];
static struct snapshot snapshot; /* settings alone: no module is asked for anything here */
static int64_t retry_ms[] = { 50, 100 };
static struct worker *worker;

/* What the runner does with a message, and what it saw. */
static void (*act)(struct gw_message *message);
static unsigned runs, recovered;
static uint64_t last_id;

static inline void run_one(struct gw_message *message)
{
	runs++;
	last_id = message->id;
	act(message);
}

static inline void found(void *arg, const struct spool_found *found)
{
	recovered++;
	assert_int_equal(queue_recovered(worker, found), 0);
}

static inline void begin(void)
{
	struct spool_options options = { .path = folder, .segment_size = 1 << 20 };
	struct problems problems;
	problems_init(&problems);
	worker = worker_create(0);
	assert_non_null(worker);
	struct id_maker *ids = calloc(1, sizeof(*ids));
	worker_set(worker, SLOT_IDS, ids);
	runtime.workers = &worker;
	runtime.worker_count = 1;
	atomic_store(&runtime.stopping, false);
	assert_int_equal(queue_start(worker, run_one), 0);
	runs = recovered = 0;
	runtime.spool = spool_open(&options, found, NULL, &problems);
	assert_non_null(runtime.spool);
	problems_finish(&problems);
}

static inline void end(void)
{
	struct id_maker *ids = worker_get(worker, SLOT_IDS);

	spool_stop(runtime.spool);
	queue_stop(worker);
	worker_destroy(worker);
	free(ids);
	spool_close(runtime.spool);
	runtime.spool = NULL;
}

static inline int remove_one(const char *path, const struct stat *status, int type,
			     struct FTW *place)
{
	return remove(path);
}

static inline int setup(void **state)
{
	strcpy(folder, "/tmp/queue_test.XXXXXX");
	assert_non_null(mkdtemp(folder));
	atomic_init(&snapshot.refs, 1000);
	snapshot.settings.queue.active = 1000;
	snapshot.settings.queue.expire = 3600 * 1000;
	snapshot.settings.queue.retry_ms = retry_ms;
	snapshot.settings.queue.retry_count = 2;
	snapshot.settings.default_type = gw_str("individual");
	snapshot_publish(snapshot_hold(&snapshot));
	begin();
	return 0;
}

static inline int teardown(void **state)
{
	end();
	snapshot_publish(NULL);
	nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	return 0;
}

static struct timer later __attribute__((unused));
static struct post stop_post;

static inline void stop_now(struct post *post)
{
	worker_stop(worker);
}

static inline void stop(void)
{
	stop_post.run = stop_now;
	worker_post(worker, &stop_post);
}

static inline void stop_by_timer(struct timer *timer)
{
	worker_stop(worker);
}

static inline void finish_it(struct gw_message *message)
{
	queue_final(message);
	stop();
}

static inline void keep_it(struct gw_message *message)
{
	message->attempts = 3;
	message_note_set(message, gw_str("test.note"), gw_str("kept"));
	message->next_at = queue_now() + 3600 * 1000;
	queue_later(message);
	stop();
}

/* Hands a message in and runs the loop until something stops it. */
static inline uint64_t send_in(const char *sender)
{
	struct gw_str rcpt = gw_str("b@example.net");
	struct submission submission = {
		.worker = worker,
		.snapshot = &snapshot,
		.sender = gw_str(sender),
		.rcpts = &rcpt,
		.rcpt_count = 1,
		.bytes = gw_str("Subject: x\r\n\r\nhello\r\n"),
		.id = submit_id(worker),
	};
	submit(&submission);
	worker_run(worker);
	return submission.id;
}

static inline struct queue_counts counted(void)
{
	struct queue_counts counts;
	queue_count(worker, &counts);
	return counts;
}

static inline void restart(void)
{
	end();
	begin();
}

#endif
