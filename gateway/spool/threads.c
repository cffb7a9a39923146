/* threads.c - the two threads of an open spool, and what each does between two sleeps is in
 * commit.c and janitor.c: whoever takes their turns himself needs no threads. */
#include "spool/spool_private.h"

#include "spool/group.h"
#include "spool/janitor.h"
#include "spool/record.h"
#include "spool/wake.h"

#include <errno.h>

static void *commit_run(void *arg)
{
	struct spool *spool = arg;

	while (commit_turn(spool))
		commit_rest(spool);
	commit_finish(spool);
	return NULL;
}

static void *janitor_run(void *arg)
{
	struct spool *spool = arg;
	bool full = false;

	while (janitor_rest(spool, full))
		full = janitor_turn(spool);
	return NULL;
}

static void commit_stop(struct spool *spool)
{
	pthread_mutex_lock(&spool->wake_lock);
	spool->stop = true;
	pthread_cond_signal(&spool->wake);
	pthread_mutex_unlock(&spool->wake_lock);
	pthread_join(spool->commit_thread, NULL);
}

static void janitor_stop(struct spool *spool)
{
	pthread_mutex_lock(&spool->wake_lock);
	spool->janitor_stop = true;
	pthread_cond_signal(&spool->janitor_wake);
	pthread_mutex_unlock(&spool->wake_lock);
	pthread_join(spool->janitor_thread, NULL);
}

int threads_start(struct spool *spool)
{
	int error = pthread_create(&spool->commit_thread, NULL, commit_run, spool);

	if (!error) {
		error = pthread_create(&spool->janitor_thread, NULL, janitor_run, spool);
		if (!error)
			return 0;
		commit_stop(spool);
	}
	errno = error;
	return -1;
}

void threads_stop(struct spool *spool)
{
	janitor_stop(spool);
	commit_stop(spool);
}
