/* control_long.c - commands that take their time: each is a job, see job.h. */
#include "asked.h"
#include "control.h"
#include "export.h"
#include "holds.h"
#include "verify.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

/* --- jobs --- */

void control_begin_job(struct gw_call *call, struct archive *archive, int64_t uid,
		       void (*work)(struct job *, void *), void (*release)(void *), void *arg,
		       const char *folder)
{
	if (archive->job && !job_is_left(archive->job, gw->now(call))) {
		gw->problem(call, true, "another long command is under way: wait for its end");
		release(arg);
		return;
	}
	job_stop(archive->job);
	archive->job = job_start(work, release, arg, folder, gw->now(call));
	if (!archive->job) {
		gw->problem(call, true, "no memory");
		release(arg);
		return;
	}
	archive->job_uid = uid;
	job_answer(call, archive->job, ++archive->job_number);
}

/* What a job brings is for who began it. */
void control_ask_job(struct gw_call *call, struct archive *archive,
		     const struct gw_command *command, struct gw_list words)
{
	if (!archive->job || words.count != 1 || archive->job_uid != command->uid ||
	    strtoul(words.items[0].ptr, NULL, 10) != archive->job_number) {
		gw->problem(call, true, "there is no such command any more");
		return;
	}
	if (job_answer(call, archive->job, archive->job_number)) {
		job_stop(archive->job);
		archive->job = NULL;
	}
}

/* --- verify --- */

struct verifying {
	struct verify verify;
	char *wanted;
};

static void verify_work(struct job *job, void *arg)
{
	struct verifying *verifying = arg;

	verifying->verify.stop = job_stopping(job);
	verify_run(&verifying->verify);
	job_say(job, verifying->verify.faults ? EX_DATAERR : EX_OK, "%s",
		verifying->verify.text->str);
	g_string_free(verifying->verify.text, TRUE);
}

static void verify_release(void *arg)
{
	struct verifying *verifying = arg;

	g_free(verifying->wanted);
	g_free(verifying);
}

static void begin_verify(struct gw_call *call, struct archive *archive,
			 const struct gw_command *command, struct gw_list words)
{
	struct verifying *verifying;
	struct store_state state;

	if (words.count && (words.count != 2 || !gw_str_eq(words.items[0], gw_str("--link")))) {
		gw->problem(call, true, "say verify, or verify --link HEX");
		return;
	}
	store_state(archive->store, &state);
	verifying = g_new0(struct verifying, 1);
	verifying->wanted = words.count ? g_strdup(words.items[1].ptr) : NULL;
	verifying->verify = (struct verify){ .folder = store_folder(archive->store),
					     .keys = store_keys(archive->store),
					     .wanted = verifying->wanted,
					     .reached = state.link };
	control_begin_job(call, archive, command->uid, verify_work, verify_release, verifying,
			  NULL);
}

/* --- holds --- */

static void tell_hold(struct gw_call *call, struct archive *archive, const char *what,
		      const char *name, int64_t by)
{
	struct gw_json *json = gw->json_create();
	struct item *item;

	gw->json_begin(json, NULL, GW_JSON_OBJECT);
	gw->json_string(json, "what", gw_str(what));
	gw->json_string(json, "name", gw_str(name));
	gw->json_number(json, "by", by);
	gw->json_end(json);
	item = item_plain(RECORD_NOTICE, gw->now(call), json);
	if (item)
		store_add(archive->store, item);
}

void control_text(struct gw_call *call, const char *format, const char *name)
{
	struct gw_json *json = gw->json_create();

	gw->json_begin(json, NULL, GW_JSON_OBJECT);
	gw->json_format(json, "text", format, name);
	gw->json_end(json);
	gw->answer_json(call, json);
}

static void hold(struct gw_call *call, struct archive *archive, const struct gw_command *command,
		 struct gw_list words)
{
	struct gw_list rest = { words.items + 1, words.count ? words.count - 1 : 0 };
	struct query query = { .limit = 0 };
	char why[200] = "say hold NAME and what a search would find it by: --client crm-eu";

	if (rest.count < 2 || !asked_read(&query, rest, why, sizeof why)) {
		gw->problem(call, true, "%s", why);
		return;
	}
	if (holds_put(store_folder(archive->store), words.items[0].ptr, rest, gw->now(call)) != 0) {
		gw->problem(call, true, "the hold cannot be written");
		return;
	}
	tell_hold(call, archive, "hold", words.items[0].ptr, command->uid);
	control_text(call, "%s: nobody can remove what it covers", words.items[0].ptr);
}

static void unhold(struct gw_call *call, struct archive *archive, const struct gw_command *command,
		   struct gw_list words)
{
	int error = words.count == 1 ? holds_drop(store_folder(archive->store), words.items[0].ptr)
				     : ENOENT;

	if (error) {
		gw->problem(call, true,
			    error == ENOENT ? "there is no such hold: archive holds"
					    : "the holds cannot be written");
		return;
	}
	tell_hold(call, archive, "unhold", words.items[0].ptr, command->uid);
	control_text(call, "%s holds nothing any more", words.items[0].ptr);
}

static void list_holds(struct gw_call *call, struct archive *archive)
{
	static const struct gw_column columns[] = {
		{ "name", "NAME" }, { "time", "SINCE" }, { "what", "WHAT" }, { NULL, NULL }
	};
	struct gw_json *table = gw->table_create(columns);
	struct holds holds;
	guint i;

	holds_read(&holds, store_folder(archive->store));
	for (i = 0; holds.list && i < holds.list->len; i++) {
		const struct hold *item = holds.list->pdata[i];
		char *what;

		g_ptr_array_add(item->words, NULL);
		what = g_strjoinv(" ", (char **)item->words->pdata);
		gw->table_row(table);
		gw->json_string(table, "name", gw_str(item->name));
		gw->json_time(table, "time", item->time);
		gw->json_string(table, "what", gw_str(what));
		g_free(what);
	}
	if (!holds.list)
		gw->problem(call, true, "the file of holds cannot be read: everything is held");
	holds_finish(&holds);
	gw->answer_json(call, table);
}

/* --- export --- */

static struct export *export_create(struct archive *archive)
{
	struct export *export = g_new0(struct export, 1);

	export->folder = g_strdup(store_folder(archive->store));
	export->keys = store_keys(archive->store);
	export->s3 = archive->s3;
	export->words = g_ptr_array_new_with_free_func(g_free);
	export->query.limit = INT64_MAX;
	return export;
}

void control_attachments(struct gw_call *call, struct archive *archive, int64_t uid, const char *id,
			 const char *folder)
{
	struct export *export = export_create(archive);
	char *copy = g_strdup(id);

	g_ptr_array_add(export->words, copy);
	export->query.id = copy;
	export->query.limit = 1;
	export->format = EXPORT_ATTACHMENTS;
	control_begin_job(call, archive, uid, export_work, export_free, export, folder);
}

static bool take_format(struct export *export, struct gw_str word)
{
	static const char *const words[] = {
		[EXPORT_EML] = "eml", [EXPORT_MBOX] = "mbox", [EXPORT_MAILDIR] = "maildir"
	};
	size_t i;

	for (i = 0; i < sizeof words / sizeof words[0]; i++)
		if (gw_str_eq(word, gw_str(words[i]))) {
			export->format = (enum export_format)i;
			return true;
		}
	return false;
}

/* What is the export's own is taken; the rest is the search's, and copied. */
static bool take_words(struct export *export, struct gw_list words, const char **folder)
{
	size_t i;

	for (i = 0; i < words.count; i++) {
		bool has_value = i + 1 < words.count;

		if (gw_str_eq(words.items[i], gw_str("--arrived")))
			export->arrived = true;
		else if (gw_str_eq(words.items[i], gw_str("--to")) && has_value)
			*folder = words.items[++i].ptr;
		else if (gw_str_eq(words.items[i], gw_str("--format")) && has_value) {
			if (!take_format(export, words.items[++i]))
				return false;
		} else
			g_ptr_array_add(export->words, g_strdup(words.items[i].ptr));
	}
	return *folder != NULL;
}

static void begin_export(struct gw_call *call, struct archive *archive,
			 const struct gw_command *command, struct gw_list words)
{
	struct export *export = export_create(archive);
	char why[200] =
		"say export --to DIR [--format eml|mbox|maildir] [--arrived] and what a search would find";
	const char *folder = NULL;

	if (!command->admin)
		snprintf(why, sizeof why, "the mail of others is for the admin group");
	if (command->admin && take_words(export, words, &folder) &&
	    asked_again(&export->query, export->words, why, sizeof why)) {
		gw->log(call, GW_LOG_INFO, "an export was begun by uid %lld",
			(long long)command->uid);
		control_begin_job(call, archive, command->uid, export_work, export_free, export,
				  folder);
		return;
	}
	gw->problem(call, true, "%s", why);
	export_free(export);
}

bool control_long(struct gw_call *call, struct archive *archive, const struct gw_command *command,
		  struct gw_str verb, struct gw_list rest)
{
	if (gw_str_eq(verb, gw_str("verify")))
		begin_verify(call, archive, command, rest);
	else if (gw_str_eq(verb, gw_str("forget")) || gw_str_eq(verb, gw_str("rm")))
		control_remove(call, archive, command, rest, *verb.ptr == 'f');
	else if (gw_str_eq(verb, gw_str("expire")))
		control_expire(call, archive, rest);
	else if (gw_str_eq(verb, gw_str("hold")))
		hold(call, archive, command, rest);
	else if (gw_str_eq(verb, gw_str("unhold")))
		unhold(call, archive, command, rest);
	else if (gw_str_eq(verb, gw_str("holds")))
		list_holds(call, archive);
	else if (gw_str_eq(verb, gw_str("export")))
		begin_export(call, archive, command, rest);
	else
		return false;
	return true;
}
