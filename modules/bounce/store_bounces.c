/* store_bounces.c - bounces, as they are written. */
#include "store_private.h"
#include "writer.h"

#include <semaphore.h>
#include <stdio.h>

/* A return path is known to whoever got the message, and he may send to it as often as he likes:
 * more than this is not kept of one message. */
#define ROWS_MOST 100
#define REPORTS_OF_MESSAGE ((int64_t)1024 * 1024)
#define FIRST_TEXT 12 /* of ADD_BOUNCE, behind its numbers */

/* "mx.example.net [192.0.2.7]", or one of both. */
struct host {
	char name[128], ip[64];
};

static void host_split(struct host *host, const char *text)
{
	struct gw_str all = gw_str(text);
	size_t open = gw_str_find(all, '[');
	struct gw_str ip = gw_str_from(all, open + (open < all.len));

	text_keep(host->name, sizeof host->name, gw_str_trim(gw_str_n(all.ptr, open)));
	text_keep(host->ip, sizeof host->ip, gw_str_n(ip.ptr, gw_str_find(ip, ']')));
}

static void bind_numbers(sqlite3_stmt *statement, const struct record *record, int64_t report)
{
	const struct sent *sent = record->sent;
	const struct finding *finding = record->finding;
	const int64_t numbers[] = { record->time,
				    sent->received,
				    sent->size,
				    (int64_t)sent->path.id,
				    finding->code,
				    record->attempt,
				    reason_is_infrastructure(finding->reason),
				    record->suppresses,
				    record->owed,
				    report,
				    sent->path.nth };
	int i;

	for (i = 0; i < (int)G_N_ELEMENTS(numbers); i++)
		sqlite3_bind_int64(statement, 1 + i, numbers[i]);
	if (record->of_others)
		sqlite3_bind_int64(statement, FIRST_TEXT + ROW_TEXT_COUNT,
				   ROWS_MOST + (int64_t)sent->rcpt_count);
}

static const char *or_else(const char *text, const char *otherwise)
{
	return *text ? text : otherwise;
}

static void bind_texts(sqlite3_stmt *statement, const struct record *record,
		       const struct host *host, const char *reporting)
{
	const struct finding *finding = record->finding;
	const struct sent *sent = record->sent;
	const char *const texts[ROW_TEXT_COUNT] = {
		[ROW_recipient] = finding->recipient,
		[ROW_original_recipient] = or_else(finding->original, finding->recipient),
		[ROW_domain] = words_domain(gw_str(finding->recipient)).ptr,
		[ROW_event] = finding_event(finding),
		[ROW_kind] = kind_name(finding->kind),
		[ROW_reason] = reason_name(finding->reason),
		[ROW_status] = finding->status,
		[ROW_diagnostic] = finding->diagnostic,
		[ROW_source] = source_name(record->source),
		[ROW_stage] = record->stage,
		[ROW_rule] = finding->rule,
		[ROW_action] = action_name(finding->action),
		[ROW_remote_mta] = host->name,
		[ROW_remote_ip] = host->ip,
		[ROW_reporting_mta] = reporting,
		[ROW_client] = sent->client,
		[ROW_type] = sent->type,
		[ROW_relay] = sent->relay,
		[ROW_queue_id] = sent->queue_id,
		[ROW_message_id] = sent->message_id,
		[ROW_envelope_id] = sent->envelope_id,
		[ROW_sender] = sent->sender,
		[ROW_author] = sent->author,
	};
	int i;

	for (i = 0; i < ROW_TEXT_COUNT; i++)
		store_bind(statement, FIRST_TEXT + i, texts[i]);
}

/* Under the lock, as all below: -1, or how many rows it made. */
static int step(struct store *store, sqlite3_stmt *statement)
{
	int done = sqlite3_step(statement), changes = sqlite3_changes(store->db);

	store_clear(statement);
	return done == SQLITE_DONE ? changes : -1;
}

static int add_report(struct store *store, const struct record *record, int64_t number)
{
	sqlite3_stmt *statement = store->statements[ADD_REPORT];
	struct gw_str report = record->report;

	sqlite3_bind_int64(statement, 1, number);
	sqlite3_bind_int64(statement, 2, (int64_t)record->sent->path.id);
	sqlite3_bind_blob(statement, 3, report.ptr,
			  (int)(report.len < REPORT_MAX ? report.len : REPORT_MAX), SQLITE_STATIC);
	sqlite3_bind_int64(statement, 4, REPORTS_OF_MESSAGE);
	sqlite3_bind_int64(statement, 5, (int64_t)record->sent->path.nth);
	return step(store, statement);
}

static int add_tally(struct store *store, const struct record *record, const char *domain)
{
	sqlite3_stmt *statement = store->statements[ADD_TALLY];

	sqlite3_bind_int64(statement, 1, record->time / DAY_MS);
	store_bind(statement, 2, record->sent->client);
	store_bind(statement, 3, record->sent->type);
	store_bind(statement, 4, record->sent->relay);
	store_bind(statement, 5, domain);
	store_bind(statement, 6, kind_name(record->finding->kind));
	store_bind(statement, 7, reason_name(record->finding->reason));
	return step(store, statement);
}

/* `report`: the number of the one that has what came, 0: none has yet; then it is this one. 0: it
 * is a copy; else its number; -1. */
static int64_t add(struct store *store, const struct record *record, const char *reporting,
		   int64_t *report)
{
	sqlite3_stmt *statement = store->statements[ADD_BOUNCE];
	struct host host;
	int64_t number;
	int made;

	host_split(&host, record->finding->remote);
	bind_numbers(statement, record, *report);
	bind_texts(statement, record, &host, reporting);
	made = step(store, statement);
	if (made <= 0)
		return made;
	number = sqlite3_last_insert_rowid(store->db);
	if (add_tally(store, record, words_domain(gw_str(record->finding->recipient)).ptr) < 0)
		return -1;
	if (!*report && record->report.len) {
		if (add_report(store, record, number) < 0)
			return -1;
		*report = number;
	}
	return !record->suppresses || suppression_learn(store, record, number) ? number : -1;
}

int store_add_records(struct store *store, const struct record *records, size_t count,
		      int64_t *numbers)
{
	int64_t report = 0;
	size_t i;

	for (i = 0; i < count; i++)
		if ((numbers[i] = add(store, &records[i], records[i].reporting, &report)) < 0)
			return -1;
	return 0;
}

void store_learn(struct store *store, const struct record *records, size_t count,
		 const int64_t *numbers)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (numbers[i] && records[i].suppresses)
			suppression_learned(store, &records[i]);
}

/* --- for who waits --- */

struct waiting {
	struct writing writing;
	const struct record *records;
	size_t count;
	int64_t *numbers;
	sem_t end;
	bool kept;
};

static struct waiting *waiting_of(struct writing *writing)
{
	return (struct waiting *)writing; /* its first member */
}

static int work(struct store *store, struct writing *writing)
{
	const struct waiting *waiting = waiting_of(writing);

	return store_add_records(store, waiting->records, waiting->count, waiting->numbers);
}

static void done(struct store *store, struct writing *writing, bool kept)
{
	struct waiting *waiting = waiting_of(writing);

	if (kept)
		store_learn(store, waiting->records, waiting->count, waiting->numbers);
	waiting->kept = kept;
	sem_post(&waiting->end);
}

int store_mail(struct store *store, const struct record *records, size_t count, int64_t *numbers)
{
	struct waiting waiting = {
		.writing = { .urgency = WRITE_DURABLE, .work = work, .done = done },
		.records = records,
		.count = count,
		.numbers = numbers
	};

	sem_init(&waiting.end, 0, 0);
	store_write(store, &waiting.writing);
	while (sem_wait(&waiting.end) != 0)
		;
	sem_destroy(&waiting.end);
	return waiting.kept ? 0 : -1;
}
