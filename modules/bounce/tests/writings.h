/* writings.h - what is written together, with one sync; the tests of records_test.c have the
 * store. */
#ifndef BOUNCE_TESTS_WRITINGS_H
#define BOUNCE_TESTS_WRITINGS_H

#include "store_private.h"
#include "writer.h"

#include <semaphore.h>

#define WRITINGS 20

struct attempt {
	struct writing writing;
	sem_t *begun, *until; /* NULL: it waits for nobody */
	bool fails, kept;
	sem_t *told;
};

static inline int attempt_work(struct store *of, struct writing *writing)
{
	const struct attempt *attempt = (struct attempt *)writing;

	(void)of;
	if (attempt->until) {
		sem_post(attempt->begun);
		sem_wait(attempt->until);
	}
	return attempt->fails ? -1 : 0;
}

static inline void attempt_done(struct store *of, struct writing *writing, bool kept)
{
	struct attempt *attempt = (struct attempt *)writing;

	(void)of;
	attempt->kept = kept;
	sem_post(attempt->told);
}

static inline int count_commit(void *count)
{
	++*(int *)count;
	return 0;
}

/* A table's page has to change, or nothing is committed. */
static inline int write_one(struct store *of, struct writing *writing)
{
	int result = attempt_work(of, writing);

	return result == 0 ? store_run(of->db, "INSERT OR REPLACE INTO meta VALUES('x',random())")
			   : result;
}

/* While the first is in its transaction, all the others come. */
static inline int write_beside_one(struct store *of, struct attempt *attempts, int count)
{
	sem_t begun, until, told;
	int i, commits = 0;

	sem_init(&begun, 0, 0);
	sem_init(&until, 0, 0);
	sem_init(&told, 0, 0);
	sqlite3_commit_hook(of->db, count_commit, &commits);
	attempts[0].begun = &begun;
	attempts[0].until = &until;
	for (i = 0; i < count; i++) {
		attempts[i].told = &told;
		attempts[i].writing.work = write_one;
		attempts[i].writing.done = attempt_done;
		store_write(of, &attempts[i].writing);
		if (i == 0)
			sem_wait(&begun);
	}
	sem_post(&until);
	for (i = 0; i < count; i++)
		sem_wait(&told);
	sqlite3_commit_hook(of->db, NULL, NULL);
	return commits;
}

static inline void what_waits_shares_a_transaction(struct store *of)
{
	struct attempt attempts[WRITINGS + 1] = { 0 };
	int i;

	for (i = 0; i <= WRITINGS; i++)
		attempts[i].writing.urgency = i == 1 ? WRITE_LATER : WRITE_DURABLE;
	/* the one that may be later goes along, or beside them where they are waited for */
	assert_in_range(write_beside_one(of, attempts, WRITINGS + 1), 2, 3);
	for (i = 0; i <= WRITINGS; i++)
		assert_true(attempts[i].kept);
}

static inline void one_that_fails_costs_only_itself(struct store *of)
{
	struct attempt attempts[4] = { 0 };
	int i;

	for (i = 0; i < 4; i++)
		attempts[i].writing.urgency = WRITE_SOON;
	attempts[2].fails = true;
	assert_int_equal(write_beside_one(of, attempts, 4), 3);
	for (i = 0; i < 4; i++)
		assert_int_equal(attempts[i].kept, i != 2);
}

/* The store is locked meanwhile, and is not waited for here. */
static inline void a_locked_store_is_asked_once(struct store *of, sqlite3 *other)
{
	struct attempt attempts[WRITINGS] = { 0 };
	sqlite3_stmt *begin = of->statements[BEGIN];
	sem_t told;
	int i;

	sem_init(&told, 0, 0);
	pthread_mutex_lock(&of->lock);
	sqlite3_busy_timeout(of->db, 0);
	assert_int_equal(store_run(other, "BEGIN IMMEDIATE"), SQLITE_OK);
	sqlite3_stmt_status(begin, SQLITE_STMTSTATUS_RUN, true);
	for (i = 0; i < WRITINGS; i++) {
		attempts[i].told = &told;
		attempts[i].writing = (struct writing){ .urgency = WRITE_SOON,
							.work = write_one,
							.done = attempt_done };
		store_write(of, &attempts[i].writing);
	}
	pthread_mutex_unlock(&of->lock);
	for (i = 0; i < WRITINGS; i++)
		sem_wait(&told);
	assert_in_range(sqlite3_stmt_status(begin, SQLITE_STMTSTATUS_RUN, true), 1, 2);
	for (i = 0; i < WRITINGS; i++)
		assert_false(attempts[i].kept);
	store_run(other, "ROLLBACK");
}

static inline void what_waits_at_the_end_is_written(struct store *of)
{
	struct attempt attempt = {
		.writing = { .urgency = WRITE_LATER, .work = write_one, .done = attempt_done }
	};
	sem_t told;

	sem_init(&told, 0, 0);
	attempt.told = &told;
	store_write(of, &attempt.writing);
	writer_destroy(of->writer);
	of->writer = NULL;
	assert_int_equal(sem_trywait(&told), 0);
	assert_true(attempt.kept);
}

#endif
