#include "control.h"

#include "asked.h"

#include <stdio.h>
#include <stdlib.h>

#define LIMIT 100
#define PART ((size_t)40 * 1024) /* six octets of JSON each, at most */

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

/* --- one mail --- */

/* A hit that outlives its search. */
struct chosen {
	char number[32], id[32];
	struct place arrived, left;
	unsigned left_count;
	bool found;
};

static void choose(void *arg, const struct hit *hit)
{
	struct chosen *chosen = arg;

	chosen->found = true;
	chosen->arrived = hit->place;
	snprintf(chosen->number, sizeof chosen->number, "%s", hit->number);
	snprintf(chosen->id, sizeof chosen->id, "%s", hit->id);
}

static void choose_left(void *arg, const struct trace *trace)
{
	struct chosen *chosen = arg;

	if (trace->is_outcome)
		return;
	chosen->left = trace->place;
	chosen->left_count++;
}

static bool find(struct gw_call *call, struct archive *archive, struct gw_list words,
		 struct chosen *chosen)
{
	struct query query = { .limit = 1, .id = words.count ? words.items[0].ptr : "" };

	*chosen = (struct chosen){ .found = false };
	if (index_search(archive->index, &query, choose, chosen) && chosen->found)
		return true;
	gw->problem(
		call, true,
		"there is no such mail in the archive: say the ID or the SHA-256 of `archive search`%s",
		indexer_is_done(archive->indexer) ? "" : "; its index is still being made");
	return false;
}

static void write_trace(void *json, const struct trace *trace)
{
	gw->json_begin(json, NULL, GW_JSON_OBJECT);
	gw->json_time(json, "time", trace->time);
	gw->json_string(json, "what", gw_str(trace->is_outcome ? trace->status : "handed over"));
	gw->json_string(json, "relay", gw_str(trace->relay));
	if (trace->is_outcome) {
		gw->json_string(json, "recipient", gw_str(trace->rcpt));
		gw->json_number(json, "code", trace->code);
		gw->json_string(json, "text", gw_str(trace->text));
	} else {
		gw->json_string(json, "return_path", gw_str(trace->return_path));
		gw->json_number(json, "size", trace->size);
		gw->json_string(json, "sha256", gw_str(trace->sha256));
	}
	gw->json_end(json);
}

static void write_rcpts(struct gw_json *json, const struct gw_json_value *meta)
{
	const struct gw_json_value *rcpts = gw->json_member(meta, "rcpts");
	size_t i;

	gw->json_begin(json, "recipients", GW_JSON_ARRAY);
	for (i = 0; i < gw->json_count(rcpts); i++)
		gw->json_string(json, NULL, gw->json_value_string(gw->json_item(rcpts, i)));
	gw->json_end(json);
}

static void write_facts(struct gw_json *json, const struct gw_json_value *meta)
{
	static const char *const keys[] = { "id",   "sender", "client", "login", "type",
					    "peer", "helo",   "envid",  "tls",   "sha256" };
	size_t i;

	for (i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		struct gw_str text = gw->json_value_string(gw->json_member(meta, keys[i]));

		gw->json_string(json, keys[i], text.ptr ? text : gw_str(""));
	}
	gw->json_time(json, "received",
		      gw->json_value_number(gw->json_member(meta, "received"), 0));
	gw->json_time(json, "kept_until", gw->json_value_number(gw->json_member(meta, "until"), 0));
	gw->json_number(json, "size", gw->json_value_number(gw->json_member(meta, "size"), 0));
	write_rcpts(json, meta);
}

static const char *const opened_words[] = {
	[OPENED] = "",
	[OPENED_DESTROYED] = "its key was destroyed: it is gone for good",
	[OPENED_DAMAGED] =
		"it cannot be opened: it is damaged (archive verify), or its key is not in key_file",
};

static void show(struct gw_call *call, struct archive *archive, struct gw_list words)
{
	struct chosen chosen;
	struct record record;
	enum opened opened;
	struct gw_json_value *meta;
	struct gw_json *json;

	if (!find(call, archive, words, &chosen))
		return;
	meta = reader_meta(&archive->reader, &chosen.arrived, &record, &opened);
	if (!meta) {
		gw->problem(call, true, "%s", opened_words[opened]);
		return;
	}
	json = gw->json_create();
	gw->json_begin(json, NULL, GW_JSON_OBJECT);
	gw->json_bool(json, "form", true);
	gw->json_begin(json, "rows", GW_JSON_ARRAY);
	gw->json_begin(json, NULL, GW_JSON_OBJECT);
	gw->json_time(json, "archived", record.time);
	write_facts(json, meta);
	gw->json_format(json, "object", "%s:%llu", chosen.arrived.name,
			(unsigned long long)chosen.arrived.at);
	gw->json_begin(json, "course", GW_JSON_ARRAY);
	index_traces(archive->index, chosen.number, write_trace, json);
	gw->json_end(json);
	gw->answer_json(call, json);
	gw->json_free(meta);
}

/* --- its octets, part by part --- */

static void answer_part(struct gw_call *call, const struct shown *shown, uint64_t at)
{
	struct gw_json *json = gw->json_create();

	gw->json_begin(json, NULL, GW_JSON_OBJECT);
	gw->json_begin(json, "data", GW_JSON_OBJECT);
	gw->json_string(json, "id", gw_str(shown->key));
	gw->json_number(json, "size", (int64_t)shown->octets.len);
	write_octets(json, &shown->octets, at, PART);
	if (at + PART < shown->octets.len)
		gw->json_number(json, "more", (int64_t)(at + PART));
	gw->answer_json(call, json);
}

static bool read_octets(struct gw_call *call, struct archive *archive, const struct chosen *chosen,
			bool arrived, char *key)
{
	struct shown *shown = &archive->shown;
	enum opened opened;

	if (shown->key) {
		g_free(shown->key);
		bulk_finish(&shown->octets);
	}
	shown->key = key;
	bulk_init(&shown->octets, store_folder(archive->store));
	opened = arrived || !chosen->left_count ? reader_arrived(&archive->reader, &chosen->arrived,
								 UINT64_MAX, &shown->octets)
						: reader_left(&archive->reader, &chosen->arrived,
							      &chosen->left, &shown->octets);
	if (opened == OPENED)
		return true;
	gw->problem(call, true, "%s", opened_words[opened]);
	return false;
}

/* "--at N", as gatewayctl asks for the next part, "--arrived", "--attachments DIR". */
static bool read_words(struct gw_list words, bool *arrived, uint64_t *at, const char **folder)
{
	size_t i;

	for (i = 1; i < words.count; i++) {
		if (gw_str_eq(words.items[i], gw_str("--arrived")))
			*arrived = true;
		else if (gw_str_eq(words.items[i], gw_str("--at")) && i + 1 < words.count)
			*at = strtoull(words.items[++i].ptr, NULL, 10);
		else if (gw_str_eq(words.items[i], gw_str("--attachments")) && i + 1 < words.count)
			*folder = words.items[++i].ptr;
		else
			return false;
	}
	return true;
}

static void get(struct gw_call *call, struct archive *archive, const struct gw_command *command,
		struct gw_list words)
{
	struct chosen chosen;
	bool arrived = false;
	uint64_t at = 0;
	const char *folder = NULL;
	char *key;

	if (!command->admin) {
		gw->problem(call, true, "the mail of others is for the admin group");
		return;
	}
	if (!read_words(words, &arrived, &at, &folder)) {
		gw->problem(call, true, "say get ID [--arrived], or get ID --attachments DIR");
		return;
	}
	if (!find(call, archive, words, &chosen))
		return;
	index_traces(archive->index, chosen.number, choose_left, &chosen);
	key = g_strdup_printf("%s/%s/%u", chosen.number, arrived ? "arrived" : "left",
			      chosen.left_count);
	if (at == 0)
		gw->log(call, GW_LOG_INFO, "%s was read by uid %lld", chosen.id,
			(long long)command->uid);
	if (folder) {
		control_attachments(call, archive, command->uid, chosen.id, folder);
		g_free(key);
		return;
	}
	if (at && archive->shown.key && strcmp(archive->shown.key, key) == 0)
		g_free(key);
	else if (!read_octets(call, archive, &chosen, arrived, key))
		return;
	answer_part(call, &archive->shown, at);
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
		show(call, archive, rest);
	else if (gw_str_eq(verb, gw_str("get")))
		get(call, archive, command, rest);
	else if (!control_long(call, archive, command, verb, rest))
		gw->problem(
			call, true,
			"say search, show ID, get ID, export, verify, restore, rm ID, forget ADDRESS, hold NAME, unhold NAME or holds");
}
