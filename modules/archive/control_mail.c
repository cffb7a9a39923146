/* control_mail.c - show and get: one mail, of which the octets may have to come from the bucket. */
#include "control.h"
#include "control_fetch.h"

#include <stdio.h>
#include <stdlib.h>

#define PART ((size_t)40 * 1024) /* six octets of JSON each, at most */

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

static void answer_show(struct gw_call *call, struct archive *archive, const struct chosen *chosen,
			const struct record *record, const struct gw_json_value *meta)
{
	struct gw_json *json = gw->json_create();

	gw->json_begin(json, NULL, GW_JSON_OBJECT);
	gw->json_bool(json, "form", true);
	gw->json_begin(json, "rows", GW_JSON_ARRAY);
	gw->json_begin(json, NULL, GW_JSON_OBJECT);
	gw->json_time(json, "archived", record->time);
	write_facts(json, meta);
	gw->json_format(json, "object", "%s:%llu", chosen->arrived.name,
			(unsigned long long)chosen->arrived.at);
	gw->json_begin(json, "course", GW_JSON_ARRAY);
	index_traces(archive->index, chosen->number, write_trace, json);
	gw->json_end(json);
	gw->answer_json(call, json);
}

static void show_away(struct gw_call *call, struct archive *archive, const struct chosen *chosen,
		      struct fetch_want *want, struct gw_list asked)
{
	char key[64];
	struct fetched *fetched;

	snprintf(key, sizeof key, "show %s", chosen->number);
	want->key = key;
	fetched = fetch_ask(call, archive, want, asked);
	if (!fetched)
		return;
	if (fetched->meta)
		answer_show(call, archive, chosen, &fetched->record, fetched->meta);
	else
		gw->problem(call, true, "%s", fetched->why);
	fetch_end(archive);
}

void control_show(struct gw_call *call, struct archive *archive, struct gw_list words,
		  struct gw_list asked)
{
	struct fetch_want want = { .meta = true };
	struct gw_json_value *meta;
	struct chosen chosen;
	struct record record;
	enum opened opened;

	if (!find(call, archive, words, &chosen))
		return;
	want.arrived = chosen.arrived;
	if (fetch_is_needed(archive, &want)) {
		show_away(call, archive, &chosen, &want, asked);
		return;
	}
	meta = reader_meta(&archive->reader, &chosen.arrived, &record, &opened);
	if (meta)
		answer_show(call, archive, &chosen, &record, meta);
	else
		gw->problem(call, true, "%s", opened_words[opened]);
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

/* It has nothing yet. */
static struct shown *begin_shown(struct archive *archive, char *key)
{
	struct shown *shown = &archive->shown;

	if (shown->key) {
		g_free(shown->key);
		bulk_finish(&shown->octets);
	}
	shown->key = key;
	bulk_init(&shown->octets, store_folder(archive->store));
	return shown;
}

static bool read_octets(struct gw_call *call, struct archive *archive, const struct chosen *chosen,
			bool arrived, char *key)
{
	struct shown *shown = begin_shown(archive, key);
	enum opened opened;

	opened = arrived || !chosen->left_count ? reader_arrived(&archive->reader, &chosen->arrived,
								 UINT64_MAX, &shown->octets)
						: reader_left(&archive->reader, &chosen->arrived,
							      &chosen->left, &shown->octets);
	if (opened == OPENED)
		return true;
	gw->problem(call, true, "%s", opened_words[opened]);
	return false;
}

/* False: they are on their way, or cannot be had, and that was said. */
static bool fetch_octets(struct gw_call *call, struct archive *archive, struct fetch_want *want,
			 char *key, struct gw_list asked)
{
	struct fetched *fetched;
	struct shown *shown;
	bool good;

	want->key = key;
	fetched = fetch_ask(call, archive, want, asked);
	if (!fetched) {
		g_free(key);
		return false;
	}
	shown = begin_shown(archive, key);
	good = fetched->opened == OPENED;
	if (good) {
		shown->octets = fetched->octets;
		shown->octets.folder = store_folder(archive->store);
		bulk_init(&fetched->octets, NULL);
	} else {
		gw->problem(call, true, "%s", fetched->why);
	}
	fetch_end(archive);
	return good;
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

/* Has the octets of the mail in archive->shown. False: not yet, or never, which was said. */
static bool take_octets(struct gw_call *call, struct archive *archive, const struct chosen *chosen,
			bool arrived, uint64_t at, char *key, struct gw_list asked)
{
	struct fetch_want want = { .arrived = chosen->arrived,
				   .left = chosen->left,
				   .has_left = !arrived && chosen->left_count };

	if (at && archive->shown.key && strcmp(archive->shown.key, key) == 0) {
		g_free(key);
		return true;
	}
	if (!fetch_is_needed(archive, &want))
		return read_octets(call, archive, chosen, arrived, key);
	if (!at)
		return fetch_octets(call, archive, &want, key, asked);
	/* a part that comes later than the others would stand for all of it */
	gw->problem(call, true, "another mail was read meanwhile: say it again");
	g_free(key);
	return false;
}

void control_get(struct gw_call *call, struct archive *archive, const struct gw_command *command,
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
	if (!folder && !take_octets(call, archive, &chosen, arrived, at, key, command->words))
		return;
	if (at == 0)
		gw->log(call, GW_LOG_INFO, "%s was read by uid %lld", chosen.id,
			(long long)command->uid);
	if (!folder) {
		answer_part(call, &archive->shown, at);
		return;
	}
	control_attachments(call, archive, command->uid, chosen.id, folder);
	g_free(key);
}
