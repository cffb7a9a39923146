/* Records that are waited for: who is told, when, in which order, and what is on disk by then. The
 * syncs of the disk are counted, and can be held up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "rig.h"

#include "base/list.h"
#include "module/on_worker.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/keep-XXXXXX";
static char path[100];
static const struct gw_str owner = GW_STR("posting");

/* --- the disk --- */

static _Atomic unsigned syncs;
static _Atomic bool held_up;
static sem_t reached, go;

/* Instead of libc's, for SQLite. */
GW_PUBLIC int fdatasync(int fd)
{
	atomic_fetch_add(&syncs, 1);
	if (atomic_exchange(&held_up, false)) {
		sem_post(&reached);
		sem_wait(&go);
	}
	return (int)syscall(SYS_fdatasync, fd);
}

/* From here on a sync is under way, until sem_post(&go). */
static void hold_up(struct state *store)
{
	atomic_store(&held_up, true);
	assert_int_equal(state_record_put(store, owner, gw_str("first"), gw_str("")), 0);
	sem_wait(&reached);
}

static void fill(bool full)
{
	struct rlimit limit = { full ? 0 : RLIM_INFINITY, RLIM_INFINITY };

	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static struct state *open_store(void)
{
	struct problems problems;

	problems_init(&problems);
	struct state *store = state_open(path, &problems);
	assert_non_null(store);
	problems_finish(&problems);
	return store;
}

static int order[2000], told_count; /* of the store's thread, until a sync of the store */

static int fresh(void **state)
{
	char other[120];

	unlink(path);
	snprintf(other, sizeof(other), "%s-wal", path);
	unlink(other);
	snprintf(other, sizeof(other), "%s/counters", folder);
	unlink(other);
	told_count = 0;
	return 0;
}

/* --- who waits --- */

struct waiter {
	struct state_keep keep;
	int number;
	bool durable;
};

static void told(struct state_keep *keep, bool durable, const char *why)
{
	struct waiter *waiter = list_of(keep, struct waiter, keep);

	assert_true(durable || *why);
	waiter->durable = durable;
	order[told_count++] = waiter->number;
}

static void keep(struct state *store, struct waiter *waiter, int number, const char *key,
		 const char *value)
{
	*waiter = (struct waiter){ .keep.told = told, .number = number };
	assert_int_equal(state_record_keep(store, owner, gw_str(key), gw_str(value), &waiter->keep),
			 0);
}

static void is_record(struct state *store, const char *key, const char *value)
{
	char text[100] = "";
	long len = state_record_get(store, owner, gw_str(key), text, sizeof(text) - 1);

	assert_int_equal(len, value ? (long)strlen(value) : -1);
	assert_string_equal(text, value ? value : "");
}

static void all_that_wait_share_a_sync(void **state)
{
	static struct waiter waiters[1000];
	struct state *store = open_store();
	char key[20];

	hold_up(store);
	unsigned before = atomic_load(&syncs);
	for (int i = 0; i < 1000; i++) {
		snprintf(key, sizeof(key), "%d", i);
		keep(store, &waiters[i], i, key, "x");
	}
	assert_int_equal(told_count, 0);
	sem_post(&go);
	assert_int_equal(state_sync(store), 0);
	assert_int_equal(told_count, 1000);
	for (int i = 0; i < 1000; i++)
		assert_true(order[i] == i && waiters[i].durable);
	assert_true(atomic_load(&syncs) - before <= 4); /* a checkpoint has its own */
	state_close(store);
}

static void the_last_value_of_a_key_is_the_one_that_stands(void **state)
{
	struct waiter waiters[3];
	struct state *store = open_store();

	hold_up(store);
	keep(store, &waiters[0], 0, "k", "one");
	keep(store, &waiters[1], 1, "k", "two");
	assert_int_equal(state_record_drop(store, owner, gw_str("first")), 0);
	keep(store, &waiters[2], 2, "k", "three");
	assert_int_equal(state_record_put(store, owner, gw_str("k"), gw_str("four")), 0);
	sem_post(&go);
	assert_int_equal(state_sync(store), 0);
	assert_true(told_count == 3 && order[0] == 0 && order[1] == 1 && order[2] == 2);
	state_close(store);
	store = open_store();
	is_record(store, "k", "four");
	is_record(store, "first", NULL);
	state_close(store);
}

static void what_is_out_of_bounds_is_not_told(void **state)
{
	struct waiter waiter = { .keep.told = told };
	struct state *store = open_store();
	static char big[65537];

	assert_int_equal(state_record_keep(store, owner, gw_str("k"), gw_str_n(big, sizeof(big)),
					   &waiter.keep),
			 -1);
	assert_int_equal(state_sync(store), 0);
	assert_int_equal(told_count, 0);
	state_close(store);
}

static void a_full_disk_is_told_and_the_record_goes_there_later(void **state)
{
	struct waiter waiters[2];
	struct state *store = open_store();

	fill(true);
	keep(store, &waiters[0], 0, "k", "one");
	assert_int_equal(state_sync(store), -1);
	keep(store, &waiters[1], 1, "l", "two"); /* while it is known to be full */
	assert_int_equal(state_sync(store), -1);
	assert_true(told_count == 2 && !waiters[0].durable && !waiters[1].durable);
	is_record(store, "k", "one");
	fill(false);
	assert_int_equal(state_sync(store), 0);
	assert_int_equal(told_count, 2);
	state_close(store);
	store = open_store();
	is_record(store, "k", "one");
	is_record(store, "l", "two");
	state_close(store);
}

static void a_store_that_closes_tells_those_that_wait(void **state)
{
	struct waiter waiter;
	struct state *store = open_store();

	keep(store, &waiter, 0, "k", "one");
	state_close(store);
	assert_true(told_count == 1 && waiter.durable);
}

/* --- a kill --- */

static int answers[2];

static void tell_parent(struct state_keep *keep, bool durable, const char *why)
{
	const struct waiter *waiter = list_of(keep, struct waiter, keep);

	if (write(answers[1], &waiter->number, sizeof(int)) != sizeof(int))
		_exit(1);
}

static void put_on_and_on(void)
{
	static struct waiter waiters[100000];
	struct state *store = open_store();
	char text[20];

	for (int i = 1; i < 100000; i++) {
		snprintf(text, sizeof(text), "%d", i);
		waiters[i] = (struct waiter){ .keep.told = tell_parent, .number = i };
		state_record_put(store, owner, gw_str("before"), gw_str(text));
		state_record_keep(store, owner, gw_str("k"), gw_str(text), &waiters[i].keep);
		if (i % 5 == 0)
			usleep(500);
	}
	pause();
}

static int number_of(struct state *store, const char *key)
{
	char text[20] = "0";

	state_record_get(store, owner, gw_str(key), text, sizeof(text) - 1);
	return atoi(text);
}

static void what_was_told_is_there_after_a_kill(void **state)
{
	int last = 0, number;

	assert_int_equal(pipe(answers), 0);
	pid_t child = fork();
	if (child == 0)
		put_on_and_on();
	close(answers[1]);
	while (last < 200 && read(answers[0], &number, sizeof(number)) == sizeof(number))
		last = number;
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	while (read(answers[0], &number, sizeof(number)) == sizeof(number))
		last = number;
	close(answers[0]);
	assert_true(last >= 200);
	struct state *store = open_store();
	assert_true(number_of(store, "k") >= last);
	assert_true(number_of(store, "before") >= number_of(store, "k"));
	state_close(store);
}

/* --- on a worker --- */

static struct worker *worker;
static struct rig rig;
static struct instance *instance;
static struct state *used;
static int said, kept_count, stops, put;
static bool kept_durable;

static void on_kept(struct gw_call *call, const struct gw_kept *kept, void *arg)
{
	assert_ptr_equal(worker_current(), worker);
	assert_ptr_equal(arg, &said);
	assert_int_equal(kept->size, sizeof(*kept));
	kept_count++;
	kept_durable = kept->durable;
	assert_true(kept->durable == (kept->why.len == 0));
	worker_stop(worker);
}

static void on_worker_stop(struct gw_call *call)
{
	stops++;
	assert_int_equal(on_worker_record_keep(call, used, gw_str("late"), gw_str(""), &said), -1);
}

static const struct gw_module table = { .name = "posting",
					.kept = on_kept,
					.worker_stop = on_worker_stop };

static void begin_worker(void)
{
	static char name[] = "posting";

	rig_init(&rig);
	instance = rig_add(&rig, "45-posting", GW_HOOK_kept, &table);
	instance->module->name = name;
	rig.chains[GW_HOOK_worker_stop][0] = instance;
	rig.snapshot.chain_length[GW_HOOK_worker_stop] = 1;
	atomic_store(&rig.snapshot.refs, 1);
	worker = worker_create(0);
	used = open_store();
	kept_count = stops = 0;
	assert_true(on_worker_prepare(&rig.snapshot));
}

static void end_worker(void)
{
	state_sync(used); /* it posts to the worker, and does no more after this */
	worker_destroy(worker);
	state_close(used);
	on_worker_forget(&rig.snapshot);
	assert_int_equal(atomic_load(&rig.snapshot.refs), 1);
	arena_finish(&rig.snapshot.arena);
	rig_finish(&rig);
}

static void put_one(struct post *post)
{
	struct gw_call call;

	on_worker_enter(worker, &rig.snapshot);
	chain_init(&call, worker, &rig.snapshot, &rig.arena);
	call.instance = instance;
	put = on_worker_record_keep(&call, used, gw_str("k"), gw_str("one"), &said);
	assert_int_equal(kept_count, 0);
}

static void run(void (*script)(struct post *post))
{
	struct post post = { .run = script };

	worker_post(worker, &post);
	worker_run(worker);
}

static void the_worker_that_put_it_is_told(void **state)
{
	for (int full = 0; full < 2; full++) {
		fresh(NULL); /* what is there already is not written again */
		begin_worker();
		fill(full);
		run(put_one);
		fill(false);
		assert_true(put == 0 && kept_count == 1 && kept_durable == !full);
		end_worker();
	}
}

/* The stop comes while the disk is at it; as workers_end() does. */
static void stop_meanwhile(struct post *post)
{
	put_one(post);
	on_worker_leave_all(worker);
	sem_post(&go);
	worker_stop(worker);
}

static void after_a_stop_nobody_is_told(void **state)
{
	begin_worker();
	hold_up(used);
	run(stop_meanwhile);
	assert_true(put == 0 && stops == 1);
	assert_int_equal(state_sync(used), 0);
	end_worker();
	assert_int_equal(kept_count, 0);
	used = open_store();
	is_record(used, "k", "one");
	is_record(used, "late", NULL);
	state_close(used);
}

/* What it asks from its own answers would keep it for ever. */
static void ask_from(struct post *post)
{
	static const enum gw_hook hooks[] = { GW_HOOK_kept, GW_HOOK_timer, GW_HOOK_http,
					      GW_HOOK_deliver };
	struct gw_call call;

	on_worker_enter(worker, &rig.snapshot);
	chain_init(&call, worker, &rig.snapshot, &rig.arena);
	call.instance = instance;
	for (int i = 0; i < 4; i++) {
		call.hook = hooks[i];
		put = on_worker_record_keep(&call, used, gw_str("k"), gw_str("one"), &said);
		assert_int_equal(put, i < 2 ? -1 : 0);
	}
}

static void what_was_replaced_puts_nothing_from_its_own_answers(void **state)
{
	struct snapshot newer = { .generation = 7, .refs = 2 };

	begin_worker();
	snapshot_publish(&newer);
	run(ask_from);
	assert_int_equal(state_sync(used), 0);
	snapshot_publish(NULL);
	end_worker();
	assert_int_equal(kept_count, 2);
}

/* --- */

static int make_folder(void **state)
{
	signal(SIGXFSZ, SIG_IGN);
	sem_init(&reached, 0, 0);
	sem_init(&go, 0, 0);
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/state.db", folder);
	return 0;
}

static int remove_folder(void **state)
{
	fresh(state);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(all_that_wait_share_a_sync, fresh),
		cmocka_unit_test_setup(the_last_value_of_a_key_is_the_one_that_stands, fresh),
		cmocka_unit_test_setup(what_is_out_of_bounds_is_not_told, fresh),
		cmocka_unit_test_setup(a_full_disk_is_told_and_the_record_goes_there_later, fresh),
		cmocka_unit_test_setup(a_store_that_closes_tells_those_that_wait, fresh),
		cmocka_unit_test_setup(what_was_told_is_there_after_a_kill, fresh),
		cmocka_unit_test_setup(the_worker_that_put_it_is_told, fresh),
		cmocka_unit_test_setup(after_a_stop_nobody_is_told, fresh),
		cmocka_unit_test_setup(what_was_replaced_puts_nothing_from_its_own_answers, fresh),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
