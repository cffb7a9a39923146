#include "returned.h"

#include "classify.h"
#include "instance.h"
#include "mail.h"
#include "reflect.h"
#include "suppress.h"

#include <stdlib.h>

struct returned *returned_create(struct gw_call *call, struct store *store)
{
	struct returned *returned = calloc(1, sizeof *returned);

	if (!returned)
		return NULL;
	returned->conf = gw->conf(call);
	returned->domain = instance_domain(gw->instance_data(call));
	returned->store = store;
	returned->now = gw->now(call);
	returned->bytes = malloc(MAIL_MAX);
	if (returned->bytes)
		return returned;
	returned_free(returned);
	return NULL;
}

void returned_free(void *arg)
{
	struct returned *returned = arg;

	if (!returned)
		return;
	findings_free(returned->findings);
	free(returned->bytes);
	free(returned);
}

static bool is_about(const struct returned *returned, size_t nth)
{
	return sent_rcpt(&returned->sent, returned->findings->items[nth].recipient, NULL);
}

/* A report may name the addresses that mail was passed on to: where it names nobody whom the
 * message had, all of it is about its one recipient. What it says of others beside him is not his
 * to say. */
static void match_only(struct returned *returned)
{
	struct findings *findings = returned->findings;
	struct gw_str rcpt = gw_str_n(returned->sent.rcpts, strcspn(returned->sent.rcpts, "\t\n"));
	size_t i, kept = 0;

	for (i = 0; i < findings->count; i++)
		if (is_about(returned, i))
			findings->items[kept++] = findings->items[i];
	if (kept)
		findings->count = kept;
	for (i = 0; i < findings->count; i++) {
		text_keep(findings->items[i].recipient, ADDRESS_MAX, rcpt);
		returned->is_matched[i] = rcpt.len != 0;
	}
}

/* Of a message with more recipients one that it never had is nobody's, for whoever knows a token
 * may write anything. */
static void match(struct returned *returned)
{
	size_t i;

	if (!returned->is_known)
		return;
	if (returned->sent.rcpt_count == 1) {
		match_only(returned);
		return;
	}
	for (i = 0; i < returned->findings->count; i++)
		returned->is_matched[i] = is_about(returned, i);
}

/* Only what failed, and never to an address of the bounce domain: a report about a report goes
 * nowhere. */
static bool is_owed(const struct returned *returned, size_t nth)
{
	const struct finding *finding = &returned->findings->items[nth];
	struct gw_str sender = gw_str(returned->sent.sender);

	return returned->conf->reflect && returned->is_known && sender.len &&
	       returned->is_matched[nth] && finding->action == ACTION_FAILED &&
	       finding->kind != KIND_INFO &&
	       !gw_str_ieq(words_domain(sender), gw_str(returned->domain));
}

static void make_records(struct returned *returned)
{
	struct record *records = returned->records;
	size_t i;

	for (i = 0; i < returned->findings->count; i++) {
		records[i] = (struct record){ .time = returned->now,
					      .sent = &returned->sent,
					      .finding = &returned->findings->items[i],
					      .source = returned->findings->source,
					      .reporting = returned->findings->reporting,
					      .report = { returned->bytes, returned->len },
					      .of_others = !returned->is_matched[i],
					      .owed = is_owed(returned, i) };
		suppress_record(returned->conf, &records[i]);
	}
}

static int find(struct returned *returned, bool by_message_id)
{
	if (!by_message_id)
		return store_find(returned->store, returned->sent.path, &returned->sent);
	return store_find_named(returned->store, returned->findings->message_id, &returned->sent);
}

void returned_read(struct returned *returned, bool by_message_id)
{
	int found;

	returned->findings = classify_mail(&returned->conf->rules,
					   gw_str_n(returned->bytes, returned->len));
	found = find(returned, by_message_id);
	returned->failed = found < 0;
	returned->is_known = found == 0;
	match(returned);
	make_records(returned);
}

/* Without a token nothing is remembered of a message that is not known: it may be anybody's. */
bool returned_has_records(const struct returned *returned, bool by_message_id)
{
	return !returned->failed && returned->findings->count &&
	       (returned->is_known || !by_message_id);
}

/* --- on the store's thread: the configuration may be another by now --- */

static int work(struct store *store, struct writing *writing)
{
	struct returned *returned = (struct returned *)writing;

	return store_add_records(store, returned->records, returned->findings->count,
				 returned->numbers);
}

static void done(struct store *store, struct writing *writing, bool kept)
{
	struct returned *returned = (struct returned *)writing;

	returned->failed = !kept;
	if (kept)
		store_learn(store, returned->records, returned->findings->count, returned->numbers);
	if (gw->wake(returned->ticket) != 0)
		returned_free(returned);
}

void returned_keep(struct returned *returned)
{
	returned->writing = (struct writing){ .urgency = WRITE_DURABLE,
					      .work = work,
					      .done = done };
	store_write(returned->store, &returned->writing);
}

void returned_keep_now(struct returned *returned)
{
	returned->failed = store_mail(returned->store, returned->records, returned->findings->count,
				      returned->numbers) != 0;
}
