#include "control.h"

#include "asked.h"
#include "control_fetch.h"

#include <stdio.h>
#include <stdlib.h>

#define LIMIT 100

/* Made when it is asked for first: the files may be there later than the instance. */
static bool begin(struct gw_call *call, struct archive *archive)
{
	if (!archive->store) {
		gw->problem(call, true, "the archive is not open, see the log");
		return false;
	}
	if (!archive->is_reading) {
		reader_init(&archive->reader, store_folder(archive->store),
			    store_keys(archive->store));
		archive->index = index_open(store_folder(archive->store), false);
		archive->is_reading = true;
	}
	if (!archive->index)
		gw->problem(call, true, "no memory");
	return archive->index != NULL;
}

void control_stop(struct archive *archive)
{
	job_stop(archive->job);
	archive->job = NULL;
	fetch_end(archive);
	index_close(archive->index);
	if (archive->is_reading)
		reader_finish(&archive->reader);
	g_free(archive->shown.key);
	if (archive->shown.key)
		bulk_finish(&archive->shown.octets);
}

/* --- search --- */

/* One more is asked for than is shown: so it is known whether there is a next page. */
struct page {
	struct gw_json *table;
	int64_t left;
	char last[32]; /* number of the last hit on it */
	bool more;
};

static void write_hit(void *arg, const struct hit *hit)
{
	struct page *page = arg;
	struct gw_json *table = page->table;

	if (page->left-- == 0) {
		page->more = true;
		return;
	}
	snprintf(page->last, sizeof page->last, "%s", hit->number);
	gw->table_row(table);
	gw->json_string(table, "number", gw_str(hit->number));
	gw->json_time(table, "time", hit->time);
	gw->json_string(table, "id", gw_str(hit->id));
	gw->json_string(table, "sender", gw_str(hit->sender));
	gw->json_string(table, "rcpts", gw_str(hit->rcpts));
	gw->json_number(table, "count", hit->count);
	gw->json_string(table, "subject", gw_str(hit->subject));
	gw->json_string(table, "status", gw_str(*hit->status ? hit->status : "pending"));
	gw->json_number(table, "size", hit->size);
	gw->json_string(table, "client", gw_str(hit->client));
	gw->json_string(table, "login", gw_str(hit->login));
	gw->json_string(table, "type", gw_str(hit->type));
	gw->json_string(table, "peer", gw_str(hit->peer));
	gw->json_string(table, "message_id", gw_str(hit->message_id));
	gw->json_string(table, "sha256", gw_str(hit->sha256));
	gw->json_time(table, "until", hit->until);
}

static void tell_more(const struct page *page)
{
	gw->json_end(page->table); /* of the last row */
	gw->json_end(page->table); /* of the rows: what follows stands beside them */
	gw->json_format(page->table, "text", "There are more, older than these: --before %s\n",
			page->last);
	gw->json_begin(page->table, "data", GW_JSON_OBJECT);
	gw->json_string(page->table, "before", gw_str(page->last));
	gw->json_end(page->table);
}

static void search(struct gw_call *call, struct archive *archive, struct gw_list words)
{
	static const struct gw_column columns[] = {
		{ "time", "TIME" },       { "id", "ID" },
		{ "sender", "SENDER" },   { "rcpts", "RECIPIENTS" },
		{ "subject", "SUBJECT" }, { "status", "STATUS" },
		{ "size", "SIZE" },       { NULL, NULL }
	};
	struct query query = { .limit = LIMIT };
	struct page page = { .left = 0 };
	char why[200];

	if (!asked_read(&query, words, why, sizeof why)) {
		gw->problem(call, true, "%s", why);
		return;
	}
	page = (struct page){ .table = gw->table_create(columns), .left = query.limit++ };
	if (index_search(archive->index, &query, write_hit, &page)) {
		if (page.more)
			tell_more(&page);
		gw->answer_json(call, page.table);
		return;
	}
	gw->json_destroy(page.table);
	gw->problem(call, true,
		    "the search failed, or took too long: say --since and --until, or more words");
}

void control(struct gw_call *call, const struct gw_command *command)
{
	struct archive *archive = gw->instance_data(call);
	struct gw_list rest = command->words;
	struct gw_str verb = rest.count ? rest.items[0] : gw_str("");

	rest.items++;
	rest.count -= rest.count > 0;
	if (gw_str_eq(verb, gw_str("job"))) {
		control_ask_job(call, archive, command, rest);
		return;
	}
	if (control_s3(call, archive, command, verb, rest) || !begin(call, archive))
		return;
	if (gw_str_eq(verb, gw_str("search")) || gw_str_eq(verb, gw_str("list")))
		search(call, archive, rest);
	else if (gw_str_eq(verb, gw_str("show")))
		control_show(call, archive, rest, command->words);
	else if (gw_str_eq(verb, gw_str("get")))
		control_get(call, archive, command, rest);
	else if (!control_long(call, archive, command, verb, rest))
		gw->problem(
			call, true,
			"say search, show ID, get ID, export, verify, restore, expire, rm ID, forget ADDRESS, hold NAME, unhold NAME or holds");
	/* a file that is made a stub meanwhile takes no room because it was read here */
	reader_close(&archive->reader);
}
