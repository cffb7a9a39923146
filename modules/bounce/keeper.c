#include "keeper.h"

#include "reflect.h"
#include "store_private.h"
#include "writer.h"

#include <stdlib.h>

#define EVERY_MS 60000
#define OWED_MOST 200 /* reports at once */

struct keeper {
	struct store *store;
	pthread_mutex_t lock;
	pthread_cond_t change;
	pthread_t thread;
	bool runs, stops, has_work;
	int64_t began;  /* ms: with the process */
	int64_t worked; /* ms: when it had work last */
	struct keeper_work work;
	char hostname[256];
	GQueue ready; /* of struct owed */
};

void owed_free(struct owed *owed)
{
	if (!owed)
		return;
	if (owed->report)
		g_string_free(owed->report, TRUE);
	free(owed);
}

/* --- on the thread --- */

struct paid {
	struct writing writing;
	struct report_name name;
};

static int pay(struct store *store, struct writing *writing)
{
	const struct report_name *name = &((struct paid *)writing)->name;
	sqlite3_stmt *statement = store->statements[PAY];
	int done;

	sqlite3_bind_int64(statement, 1, (int64_t)name->path.id);
	sqlite3_bind_int(statement, 2, name->path.nth);
	sqlite3_bind_int64(statement, 3, name->time);
	done = sqlite3_step(statement);
	store_clear(statement);
	return done == SQLITE_DONE ? 0 : -1;
}

/* What could not be noted is told once more. */
static void payed(struct store *store, struct writing *writing, bool kept)
{
	(void)store;
	(void)kept;
	free(writing);
}

static void note_paid(struct store *store, const struct report_name *name)
{
	struct paid *paid = calloc(1, sizeof *paid);

	if (!paid)
		return;
	*paid = (struct paid){ .writing = { .urgency = WRITE_LATER, .work = pay, .done = payed },
			       .name = *name };
	store_write(store, &paid->writing);
}

static void take_finding(struct finding *finding, const struct row *row)
{
	const char *const *texts = row->texts;

	*finding = (struct finding){ .reason = reason_named(texts[ROW_reason]), .code = row->code };
	finding->kind = reason_kind(finding->reason);
	text_keep(finding->recipient, ADDRESS_MAX, gw_str(texts[ROW_recipient]));
	text_keep(finding->status, STATUS_SIZE, gw_str(texts[ROW_status]));
	text_keep(finding->diagnostic, DIAGNOSTIC_MAX, gw_str(texts[ROW_diagnostic]));
	text_keep(finding->remote, sizeof finding->remote, gw_str(texts[ROW_remote_mta]));
}

struct gathering {
	struct finding *findings;
	size_t count;
};

static void gather(void *arg, const struct row *row)
{
	struct gathering *gathering = arg;

	if (gathering->count < FINDINGS_MAX)
		take_finding(&gathering->findings[gathering->count++], row);
}

/* NULL: nobody knows any more whom to tell. */
static struct owed *write_owed(const struct keeper *keeper, const struct report_name *name,
			       struct gw_str hostname)
{
	struct finding *findings = g_new0(struct finding, FINDINGS_MAX);
	const struct finding *all[FINDINGS_MAX];
	struct gathering gathering = { findings, 0 };
	struct owed *owed = calloc(1, sizeof *owed);
	struct reflection reflection = { hostname, name->time, &owed->sent, all, 0 };

	if (owed && store_find(keeper->store, name->path, &owed->sent) == 0 && *owed->sent.sender &&
	    rows_owed(keeper->store, name, gather, &gathering) == 0) {
		for (; reflection.count < gathering.count; reflection.count++)
			all[reflection.count] = &findings[reflection.count];
		owed->report = gathering.count ? reflect_write(&reflection) : NULL;
	}
	g_free(findings);
	if (owed && owed->report)
		return owed;
	owed_free(owed);
	return NULL;
}

static void add_name(void *names, const struct report_name *name)
{
	g_array_append_vals(names, name, 1);
}

/* What nobody can be told of is owed no more. */
static void find_owed(struct keeper *keeper, const struct keeper_work *work, struct gw_str hostname)
{
	int64_t late = work->now - EVERY_MS;
	GArray *names = g_array_new(FALSE, FALSE, sizeof(struct report_name));
	guint i;

	rows_owed_names(keeper->store, late > keeper->began ? late : keeper->began, OWED_MOST,
			add_name, names);
	for (i = 0; i < names->len; i++) {
		const struct report_name *name = &g_array_index(names, struct report_name, i);
		struct owed *owed = write_owed(keeper, name, hostname);

		if (!owed) {
			note_paid(keeper->store, name);
			continue;
		}
		pthread_mutex_lock(&keeper->lock);
		g_queue_push_tail(&keeper->ready, owed);
		pthread_mutex_unlock(&keeper->lock);
	}
	g_array_free(names, TRUE);
}

/* Under the lock, which it leaves for the while. */
static void do_work(struct keeper *keeper)
{
	struct keeper_work work = keeper->work;
	char hostname[sizeof keeper->hostname];
	bool has_some = !g_queue_is_empty(&keeper->ready);

	memcpy(hostname, keeper->hostname, sizeof hostname);
	keeper->has_work = false;
	pthread_mutex_unlock(&keeper->lock);
	store_forget(keeper->store, work.now, work.keep);
	if (work.reflect && !has_some)
		find_owed(keeper, &work, gw_str(hostname));
	pthread_mutex_lock(&keeper->lock);
}

static void *keep(void *arg)
{
	struct keeper *keeper = arg;

	pthread_mutex_lock(&keeper->lock);
	for (;;) {
		if (keeper->stops)
			break;
		else if (keeper->has_work)
			do_work(keeper);
		else
			pthread_cond_wait(&keeper->change, &keeper->lock);
	}
	pthread_mutex_unlock(&keeper->lock);
	return NULL;
}

/* --- from the others --- */

/* Under the lock: the thread begins when there is something to do. */
static void wake(struct keeper *keeper)
{
	if (!keeper->runs)
		keeper->runs = pthread_create(&keeper->thread, NULL, keep, keeper) == 0;
	pthread_cond_signal(&keeper->change);
}

struct keeper *keeper_create(struct store *store)
{
	struct keeper *keeper = calloc(1, sizeof *keeper);

	if (!keeper)
		return NULL;
	keeper->store = store;
	pthread_mutex_init(&keeper->lock, NULL);
	pthread_cond_init(&keeper->change, NULL);
	g_queue_init(&keeper->ready);
	return keeper;
}

void keeper_destroy(struct keeper *keeper)
{
	if (!keeper)
		return;
	pthread_mutex_lock(&keeper->lock);
	keeper->stops = true;
	pthread_cond_signal(&keeper->change);
	pthread_mutex_unlock(&keeper->lock);
	if (keeper->runs)
		pthread_join(keeper->thread, NULL);
	g_queue_clear_full(&keeper->ready, (GDestroyNotify)owed_free);
	pthread_cond_destroy(&keeper->change);
	pthread_mutex_destroy(&keeper->lock);
	free(keeper);
}

void keeper_begin(struct keeper *keeper, int64_t now)
{
	pthread_mutex_lock(&keeper->lock);
	if (!keeper->began)
		keeper->began = now;
	pthread_mutex_unlock(&keeper->lock);
}

void keeper_paid(struct keeper *keeper, const struct report_name *name)
{
	note_paid(keeper->store, name);
}

void keeper_tick(struct keeper *keeper, const struct keeper_work *work)
{
	pthread_mutex_lock(&keeper->lock);
	if (work->now - keeper->worked >= EVERY_MS || work->now < keeper->worked) {
		keeper->worked = work->now;
		keeper->work = *work;
		text_keep(keeper->hostname, sizeof keeper->hostname, work->hostname);
		keeper->has_work = true;
		wake(keeper);
	}
	pthread_mutex_unlock(&keeper->lock);
}

struct owed *keeper_take(struct keeper *keeper)
{
	struct owed *owed;

	pthread_mutex_lock(&keeper->lock);
	owed = g_queue_pop_head(&keeper->ready);
	pthread_mutex_unlock(&keeper->lock);
	return owed;
}
