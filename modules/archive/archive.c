/* archive.c - keeps each mail as it arrived and as it left. A delivery does not leave before its
 * copy is on disk; its client's 250 waits for nothing. README.md tells how it is set up. */
#include "archive.h"

#include "control.h"
#include "notices.h"
#include "s3_options.h"

#include <gateway/domain.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define LATER_MS (10 * 60 * 1000) /* a slow disk is no reason to ask it again */
#define AGAIN_MS (60 * 1000)      /* at the latest: notify() comes before */
#define OPEN_AGAIN 10             /* seconds of one worker between two tries to open it */
#define KEY "disk"                /* what waits for it is called back */
#define MS_OF_DAY INT64_C(86400000)

#define RULE(member) offsetof(struct archive_rule, member)
static const struct gw_option rule_options[] = {
	{ .key = "client",
	  .type = GW_OPTION_LIST,
	  .offset = RULE(client),
	  .help = "Names of clients; without: of any." },
	{ .key = "type",
	  .type = GW_OPTION_LIST,
	  .offset = RULE(type),
	  .help = "Types of mail; without: any." },
	{ .key = "domain",
	  .type = GW_OPTION_LIST,
	  .offset = RULE(domain),
	  .flags = GW_OPTION_DOMAINS,
	  .help = "Domains of the sender: \"example.com\", \"*.example.com\"; without: any." },
	{ .key = "keep",
	  .type = GW_OPTION_INT,
	  .offset = RULE(keep),
	  .flags = GW_OPTION_REQUIRED,
	  .min = 1,
	  .max = 36500,
	  .words = "forever",
	  .help = "Days that this mail is kept; before that nobody can remove it." },
	GW_OPTIONS_END
};

#define CONF(member) offsetof(struct archive_conf, member)
#define CONF_S3(member) offsetof(struct archive_conf, s3.member)
static const struct gw_option options[] = {
	{ .key = "folder",
	  .type = GW_OPTION_PATH,
	  .offset = CONF(folder),
	  .fallback = "STATE/archive",
	  .help = "Where the archive lies: a disk of its own, if it can be." },
	{ .key = "on_error",
	  .type = GW_OPTION_WORD,
	  .offset = CONF(on_error),
	  .words = "tempfail|wait|continue",
	  .fallback = "tempfail",
	  .help = "While it cannot be written: \"tempfail\" takes no mail (451) and sends none, \"wait\" takes it and sends none, \"continue\" sends it and archives it later." },
	{ .key = "spill",
	  .type = GW_OPTION_PATH,
	  .offset = CONF(spill),
	  .help = "With on_error \"continue\": a folder on another disk, where copies wait while the archive cannot be written; without it they wait in memory." },
	{ .key = "delay",
	  .type = GW_OPTION_DURATION,
	  .offset = CONF(delay),
	  .fallback = "100ms",
	  .min = 1,
	  .max = 10000,
	  .help = "How long a delivery waits for others, so that one sync serves them all." },
	{ .key = "level",
	  .type = GW_OPTION_INT,
	  .offset = CONF(level),
	  .fallback = "1",
	  .min = 1,
	  .max = 19,
	  .help = "How hard zstd tries: 1 is fast, 19 is small." },
	{ .key = "key_file",
	  .type = GW_OPTION_PATH,
	  .offset = CONF(key_file),
	  .help = "Seals the archive: without this file nobody reads it. Made where it is not there. A key a line: the first seals, all open." },
	{ .key = "sign_file",
	  .type = GW_OPTION_PATH,
	  .offset = CONF(sign_file),
	  .fallback = "STATE/archive-sign.key",
	  .help = "The Ed25519 key that signs what is archived; made where it is not there." },
	{ .key = "keep",
	  .type = GW_OPTION_INT,
	  .offset = CONF(keep),
	  .fallback = "forever",
	  .min = 1,
	  .max = 36500,
	  .words = "forever",
	  .help = "Days that mail is kept; before that nobody can remove it." },
	{ .key = "rules",
	  .type = GW_OPTION_GROUPS,
	  .offset = CONF(rules),
	  .group = rule_options,
	  .group_size = sizeof(struct archive_rule),
	  .help = "Other mail, kept for other times; the first rule that fits counts." },
	S3_OPTIONS(CONF_S3),
	GW_OPTIONS_END
};

/* --- how long --- */

static bool is_meant(struct gw_list list, struct gw_str text)
{
	return list.count == 0 || gw_list_has(list, text);
}

static bool rule_fits(struct gw_call *call, const struct archive_rule *rule,
		      struct gw_message *message)
{
	struct gw_str domain = gw->message_fact(message, GW_MESSAGE_FROM_DOMAIN);

	return is_meant(rule->client, gw->message_fact(message, GW_MESSAGE_CLIENT)) &&
	       is_meant(rule->type, gw->message_fact(message, GW_MESSAGE_TYPE)) &&
	       (rule->domain.count == 0 || gw_domain_in_list(call, rule->domain, domain));
}

static int64_t until_of(struct gw_call *call, struct gw_message *message)
{
	const struct archive_conf *conf = gw->conf(call);
	const struct archive_rule *rules = conf->rules.items;
	int64_t keep = conf->keep;
	size_t i;

	for (i = 0; i < conf->rules.count; i++)
		if (rule_fits(call, &rules[i], message)) {
			keep = rules[i].keep;
			break;
		}
	return keep == KEEP_FOREVER ? 0 : gw->now(call) + keep * MS_OF_DAY;
}

/* --- start and stop --- */

static void warn_s3(struct gw_call *call, const struct archive_conf *conf)
{
	if (!conf->key_file.len)
		gw->problem(call, false,
			    "without key_file, whoever reads the bucket reads the mail");
	if (conf->s3.local_days >= 0 && conf->s3.lock == S3_LOCK_NONE)
		gw->problem_at(
			call, NULL, "s3.local_days", false,
			"the only copy of old mail will be in the bucket, where nothing protects it: s3.lock, or versions and rights that forbid to delete them");
}

/* Whether the bucket, where there is one, can be meant. */
static bool start_s3(struct gw_call *call, struct archive *archive)
{
	const struct archive_conf *conf = gw->conf(call);
	const char *wrong = NULL;

	if (!conf->s3.bucket.len)
		return true;
	wrong = s3_conf_wrong(&conf->s3);
	if (!wrong)
		archive->s3 = s3_create(&conf->s3, conf->folder.ptr, &archive->store);
	if (!wrong && !archive->s3)
		wrong = "no memory";
	if (wrong)
		gw->problem(call, true, "%s", wrong);
	else
		warn_s3(call, conf);
	return !wrong;
}

/* Where the signing key is by default: a start makes that folder, and nothing else above an
 * archive.
 */
static bool is_to_be_made(const char *folder, const struct archive_conf *conf)
{
	char *made = g_path_get_dirname(conf->sign_file.ptr);
	bool is_same = strcmp(made, folder) == 0;

	g_free(made);
	return is_same;
}

/* A look, since nothing is made before the workers begin: what would be written, by whoever asks.
 * No error, since disks come and go. */
static void check_folder(struct gw_call *call, const char *option, const char *folder)
{
	const struct archive_conf *conf = gw->conf(call);
	char *parent = g_path_get_dirname(folder);
	const char *place = access(folder, F_OK) == 0 ? folder : parent;

	if (access(place, W_OK | X_OK) != 0 && !(errno == ENOENT && is_to_be_made(parent, conf)))
		gw->problem_at(call, NULL, option, false,
			       "the archive's %s %s cannot be written: %s: %s", option, folder,
			       place, strerrordesc_np(errno));
	g_free(parent);
}

/* What fails with the archive's disk, or is never used, is no spill. */
static void check_spill(struct gw_call *call, const struct archive_conf *conf)
{
	char *above = g_path_get_dirname(conf->spill.ptr);
	struct stat spill, folder;

	if (conf->on_error != ERROR_CONTINUE)
		gw->problem_at(call, NULL, "spill", false,
			       "spill is for on_error = \"continue\" alone");
	else if ((stat(conf->spill.ptr, &spill) == 0 || stat(above, &spill) == 0) &&
		 stat(conf->folder.ptr, &folder) == 0 && spill.st_dev == folder.st_dev)
		gw->problem_at(call, NULL, "spill", false,
			       "spill is on the archive's own disk, and fails with it");
	g_free(above);
}

static int on_start(struct gw_call *call)
{
	const struct archive_conf *conf = gw->conf(call);
	struct archive *archive = calloc(1, sizeof *archive);

	if (!archive) {
		gw->problem(call, true, "no memory");
		return -1;
	}
	if (!start_s3(call, archive)) {
		free(archive);
		return -1;
	}
	pthread_mutex_init(&archive->opening, NULL);
	check_folder(call, "folder", conf->folder.ptr);
	if (conf->spill.len) {
		check_folder(call, "spill", conf->spill.ptr);
		check_spill(call, conf);
	}
	gw->instance_data_set(call, archive);
	return 0;
}

/* Copies that waited in memory for a disk that did not come back. */
static void tell_lost(struct gw_call *call, size_t lost)
{
	const struct archive_conf *conf = gw->conf(call);

	if (!lost)
		return;
	gw->count(call, "missed", lost);
	gw->log(call, GW_LOG_ERROR,
		"%zu mails have left without a copy: %s was not written before its end", lost,
		conf->folder.ptr);
}

static void on_stop(struct gw_call *call)
{
	struct archive *archive = gw->instance_data(call);

	archive->stopping = true;
	control_stop(archive);
	indexer_stop(archive->indexer);
	s3_fetching_end(&archive->indexing);
	s3_destroy(archive->s3);
	if (archive->store)
		tell_lost(call, store_close(archive->store));
	pthread_mutex_destroy(&archive->opening);
	free(archive);
}

/* Once: it is tried again and again. */
static void tell_closed(struct gw_call *call, struct archive *archive, const char *why)
{
	const struct archive_conf *conf = gw->conf(call);

	if (strncmp(archive->why, why, sizeof archive->why - 1) == 0)
		return;
	snprintf(archive->why, sizeof archive->why, "%s", why);
	gw->log(call, GW_LOG_ERROR, "%s: %s: nothing is archived", conf->folder.ptr, why);
}

static void open_store(struct gw_call *call, struct archive *archive)
{
	const struct archive_conf *conf = gw->conf(call);
	struct store_settings settings = { .folder = conf->folder.ptr,
					   .wrap_file = conf->key_file.ptr,
					   .sign_file = conf->sign_file.ptr,
					   .spill = conf->spill.ptr,
					   .delay_ms = conf->delay,
					   .level = (int)conf->level };
	const char *why = NULL;
	struct store *store = store_open(&settings, &why);
	struct remote *remote = s3_fetching_begin(&archive->indexing, archive->s3,
						  &archive->stopping, FETCH_AHEAD);
	struct indexer *indexer = store ? indexer_start(store, remote) : NULL;

	if (store && !indexer) {
		store_close(store);
		why = "no memory";
	}
	if (!indexer) {
		tell_closed(call, archive, why ? why : "no memory");
		s3_fetching_end(&archive->indexing);
	} else if (archive->why[0]) {
		gw->log(call, GW_LOG_INFO, "%s can be opened: mail is archived", conf->folder.ptr);
	}
	archive->indexer = indexer;
	archive->store = indexer ? store : NULL;
}

/* Once, by whoever comes first. An archive that begins where the bucket has one already would be
 * another of the same name: it waits until that is known. */
static void open_once(struct gw_call *call, struct archive *archive)
{
	pthread_mutex_lock(&archive->opening);
	if (!archive->store) {
		archive->is_asked = archive->s3 && !s3_may_begin(archive->s3);
		if (!archive->is_asked)
			open_store(call, archive);
	}
	pthread_mutex_unlock(&archive->opening);
}

/* Not in start: that is asked for --check too, and before rights are dropped. */
static void on_worker_start(struct gw_call *call)
{
	struct archive *archive = gw->instance_data(call);

	open_once(call, archive);
	if (archive->s3)
		s3_worker_start(call, archive->s3);
}

static void on_worker_stop(struct gw_call *call)
{
	struct archive *archive = gw->instance_data(call);

	if (archive->s3)
		s3_worker_stop(call, archive->s3);
}

static void on_timer(struct gw_call *call, void *arg)
{
	struct archive *archive = gw->instance_data(call);

	(void)arg;
	s3_timer(call, archive->s3);
}

static void on_http(struct gw_call *call, const struct gw_http_answer *answer, void *arg)
{
	s3_pump_http(call, answer, arg);
}

static int error_of(struct archive *archive)
{
	struct store_state state = { .error = ENOENT };

	if (archive->store)
		store_state(archive->store, &state);
	return state.error;
}

/* --- before the 250: only a look --- */

static enum gw_verdict on_message(struct gw_call *call, struct gw_message *message)
{
	const struct archive_conf *conf = gw->conf(call);
	struct archive *archive = gw->instance_data(call);
	int error = conf->on_error == ERROR_TEMPFAIL ? error_of(archive) : 0;

	if (!error || gw->message_number(message, GW_MESSAGE_OWN) == 1 ||
	    gw->message_number(message, GW_MESSAGE_DRY) == 1)
		return GW_CONTINUE;
	gw->count(call, "refused", 1);
	gw->reason(call, "the archive cannot be written: %s",
		   archive->is_asked ? "it waits to know what is in s3" : strerrordesc_np(error));
	gw->reply(call, 451, "4.3.0", "archive: it cannot be kept now");
	return GW_TEMPFAIL;
}

/* --- what leaves --- */

static void add_outcome(struct gw_call *call, struct item *outcome)
{
	struct archive *archive = gw->instance_data(call);

	if (outcome && archive->store && store_has_room(archive->store, 0))
		store_add(archive->store, outcome);
	else if (outcome)
		item_free(outcome);
}

/* Behind the item, which the store has or nobody: takes it off. */
static struct item *take_after(struct item *item)
{
	struct item *after = item->after;

	item->after = NULL;
	return after;
}

static const char *where_it_waits(struct gw_call *call)
{
	const struct archive_conf *conf = gw->conf(call);
	const struct archive *archive = gw->instance_data(call);
	struct store_state state = { .error = 0 };

	if (archive->store)
		store_state(archive->store, &state);
	if (!conf->spill.len)
		return "in memory";
	return state.spill_error ? "in memory, since the spill fails" : "in the spill";
}

/* Later, from memory: it is not on disk until then, and gone if the gateway ends before. */
static enum gw_verdict go_on(struct gw_call *call, struct archive *archive, struct item *item,
			     const char *why)
{
	struct item *after = take_after(item);

	gw->count(call, "late", 1);
	gw->reason(call, "not archived yet: %s; its copy waits %s", why, where_it_waits(call));
	item->ticket = 0;
	if (archive->store && !item->broken && store_has_room(archive->store, item_weight(item))) {
		store_add(archive->store, item);
		add_outcome(call, after);
		return GW_CONTINUE;
	}
	if (after)
		item_free(after);
	gw->count(call, "missed", 1);
	gw->log(call, GW_LOG_ERROR, "a mail leaves without a copy: %s", why);
	item_free(item);
	return GW_CONTINUE;
}

static enum gw_verdict fail(struct gw_call *call, struct item *item, int error)
{
	const struct archive_conf *conf = gw->conf(call);
	const struct archive *archive = gw->instance_data(call);
	const char *why = archive->store ? strerrordesc_np(error) : "it is not open";

	/* a report cannot wait: what it is about is kept as soon as it can be */
	if (conf->on_error == ERROR_CONTINUE || !item->delivery)
		return go_on(call, gw->instance_data(call), item, why ? why : "it failed");
	item_free(item);
	gw->count(call, "waited", 1);
	gw->reason(call, "not archived: %s; it waits", why ? why : "it failed");
	gw->wait_on(call, gw_str(KEY));
	gw->wait_until(call, gw->now(call) + AGAIN_MS);
	return GW_WAIT;
}

static enum gw_verdict kept(struct gw_call *call, void *arg)
{
	struct item *item = arg;

	if (item->error)
		return fail(call, item, item->error);
	if (item->sha256[0]) {
		gw->note_set(call, item->message, "object", gw_str(item->sha256));
		gw->count(call, "messages", 1);
	}
	if (item->delivery) {
		gw->count(call, "deliveries", 1);
		gw->reason(call, "archived as %s", gw->note(call, item->message, "object").ptr);
	}
	add_outcome(call, take_after(item));
	item_free(item);
	return GW_CONTINUE;
}

static enum gw_verdict hand_over(struct gw_call *call, struct item *item)
{
	const struct gw_async async = { .resumed = kept, .deadline_ms = LATER_MS };
	struct archive *archive = gw->instance_data(call);
	enum gw_verdict verdict;

	if (item->broken || !archive->store)
		return fail(call, item, EIO);
	verdict = gw->hold(call, &async, item, &item->ticket);
	if (verdict == GW_PENDING)
		store_add(archive->store, item);
	else
		item_free(item);
	return verdict;
}

static enum gw_verdict made(struct gw_call *call, void *arg)
{
	return hand_over(call, arg);
}

static bool is_small(struct archive *archive, const struct item *item)
{
	uint64_t octets = item->arrived_size + item->left_size;

	return octets <= ITEM_SMALL && store_level(archive->store) <= ITEM_LEVEL &&
	       store_has_room(archive->store, octets);
}

/* What is small is made here, in less time than a thread takes to have it at hand. */
static enum gw_verdict keep(struct gw_call *call, struct gw_message *message,
			    struct gw_delivery *delivery, bool arrived, struct item *after)
{
	const struct gw_async async = { .resumed = made,
					.dropped = item_free,
					.deadline_ms = LATER_MS };
	struct archive *archive = gw->instance_data(call);
	int64_t until = until_of(call, message);
	struct item *item = item_mail(call, message, delivery, arrived, until);
	enum gw_verdict verdict;

	if (!item) {
		if (after)
			item_free(after);
		return GW_FAILED;
	}
	item->after = after;
	item->store = archive->store;
	if (!item->store)
		return fail(call, item, EIO);
	if (is_small(archive, item)) {
		item_work(item);
		return hand_over(call, item);
	}
	verdict = gw->offload(call, &async, item_work, item);
	if (verdict != GW_PENDING)
		item_free(item);
	return verdict;
}

static bool is_kept(struct gw_call *call, struct gw_message *message)
{
	return gw->note(call, message, "object").ptr != NULL;
}

static enum gw_verdict on_sealed(struct gw_call *call, struct gw_delivery *delivery)
{
	struct gw_message *message = gw->delivery_message(delivery);

	if (gw->message_number(message, GW_MESSAGE_DRY) == 1)
		return GW_CONTINUE;
	return keep(call, message, delivery, !is_kept(call, message), NULL);
}

/* --- what became of it --- */

static const char *const status_words[] = { [0] = "pending",
					    [GW_DELIVERED] = "delivered",
					    [GW_DEFERRED] = "deferred",
					    [GW_BOUNCED] = "bounced",
					    [GW_UNKNOWN] = "unknown" };

static void write_outcome(struct gw_json *json, const struct gw_result *result)
{
	const struct gw_outcome *outcome = result->outcome;

	gw->json_string(json, "rcpt", gw->rcpt_fact(result->rcpt, GW_RCPT_ADDRESS));
	gw->json_string(json, "relay", result->relay);
	gw->json_string(json, "status", gw_str(status_words[outcome->status]));
	gw->json_number(json, "code", outcome->code);
	gw->json_format(json, "enhanced", "%d.%d.%d", outcome->enhanced[0], outcome->enhanced[1],
			outcome->enhanced[2]);
	gw->json_string(json, "text", outcome->text);
	gw->json_string(json, "host", outcome->host);
	gw->json_string(json, "stage", result->stage);
	gw->json_number(json, "attempt", result->attempt);
}

/* NULL: no memory, or no room for more. */
static struct item *item_outcome(struct gw_call *call, const struct gw_message *message,
				 const struct gw_result *result)
{
	struct archive *archive = gw->instance_data(call);
	struct gw_json *json;

	if (!archive->store || !store_has_room(archive->store, 0))
		return NULL;
	json = gw->json_create();
	gw->json_begin(json, NULL, GW_JSON_OBJECT);
	gw->json_string(json, "id", gw->message_fact(message, GW_MESSAGE_ID));
	write_outcome(json, result);
	return item_plain(RECORD_OUTCOME, gw->now(call), json);
}

static void on_result(struct gw_call *call, struct gw_delivery *delivery,
		      const struct gw_result *result)
{
	add_outcome(call, item_outcome(call, gw->delivery_message(delivery), result));
}

/* The result hook tells of attempts alone. What ends otherwise (no relay was tried, it got too old,
 * a module or an admin gave it back) has no reply of a next hop. */
static bool was_told(const struct gw_result *result)
{
	return result->relay.len && result->outcome->code &&
	       !gw_str_eq(result->stage, gw_str("module"));
}

/* What fails without having been tried at any relay was accepted all the same. */
static enum gw_verdict on_bounce(struct gw_call *call, struct gw_message *message,
				 const struct gw_result *result)
{
	struct item *outcome = NULL;

	if (result->delayed)
		return GW_CONTINUE;
	if (!was_told(result))
		outcome = item_outcome(call, message, result);
	if (!is_kept(call, message))
		return keep(call, message, NULL, true, outcome);
	add_outcome(call, outcome);
	return GW_CONTINUE;
}

/* --- trouble --- */

static const char *words_of(int error)
{
	if (error == EBUSY)
		return "another process writes it";
	if (error == EKEYREJECTED)
		return "sign_file is not the key that signed it";
	return strerrordesc_np(error);
}

static void tell_turn(struct gw_call *call, const char *folder, int error)
{
	struct gw_event event = { .size = sizeof event };
	char text[400];

	if (error)
		snprintf(text, sizeof text, "%.200s cannot be written: %s", folder,
			 words_of(error));
	else
		snprintf(text, sizeof text, "%.200s is written again", folder);
	event.name = gw_str(error ? "archive-down" : "archive-up");
	event.text = gw_str(text);
	gw->log(call, error ? GW_LOG_ERROR : GW_LOG_INFO, "%s", text);
	gw->emit(call, &event);
}

/* The last link of a day that is over, into the log: elsewhere than the archive. */
static void tell_day(struct gw_call *call, struct archive *archive, const struct store_state *state)
{
	char hex[2 * HASH_SIZE + 1];

	if (archive->link.number && strncmp(archive->day, state->name, 10) != 0) {
		hex_write(hex, archive->link.hash);
		gw->log(call, GW_LOG_INFO, "the archive of %s ends with batch %llu, link %s",
			archive->day, (unsigned long long)archive->link.number, hex);
	}
	snprintf(archive->day, sizeof archive->day, "%.10s", state->name);
	archive->link = state->link;
}

static void tell_spill(struct gw_call *call, struct archive *archive,
		       const struct store_state *state)
{
	if (strcmp(archive->told_spill, state->spill_damaged) == 0)
		return;
	memcpy(archive->told_spill, state->spill_damaged, sizeof archive->told_spill);
	gw->log(call, GW_LOG_ERROR,
		"the spill's %s.gwa is damaged, or not signed by this archive: what is whole of it is in the archive, and the file stays where it is as .damaged",
		state->spill_damaged);
}

/* The disk may be mounted by now, the key there, the bucket have answered. */
static void open_again(struct gw_call *call, struct archive *archive)
{
	if (archive->ticks++ % OPEN_AGAIN && !archive->is_asked)
		return;
	open_once(call, archive);
	if (archive->store)
		gw->notify(call, gw_str(KEY), SIZE_MAX);
}

static void on_tick(struct gw_call *call)
{
	struct archive *archive = gw->instance_data(call);
	struct store_state state;

	if (!archive->store)
		open_again(call, archive);
	if (archive->s3)
		s3_tick(call, archive->s3);
	if (!archive->store)
		return;
	store_set_clock(archive->store, gw->now(call));
	if (archive->s3)
		indexer_confirm_clock(archive->indexer, s3_agreed(archive->s3));
	store_state(archive->store, &state);
	if (archive->failing != (state.error != 0)) {
		archive->failing = state.error != 0;
		tell_turn(call, store_folder(archive->store), state.error);
		if (!state.error)
			gw->notify(call, gw_str(KEY), SIZE_MAX);
	}
	tell_day(call, archive, &state);
	tell_spill(call, archive, &state);
	if (state.torn && !archive->told_torn) {
		archive->told_torn = true;
		gw->log(call, GW_LOG_WARNING,
			"%llu octets of a batch that was never whole were cut off",
			(unsigned long long)state.torn);
	}
	if (state.damaged && !archive->told_damage) {
		archive->told_damage = true;
		gw->log(call, GW_LOG_ERROR,
			"its newest file is damaged: it stays as it is, and another is begun; archive verify names what is");
	}
}

static void status_index(struct gw_call *call, struct indexer *indexer)
{
	unsigned day = indexer_day(indexer);

	if (indexer_is_done(indexer))
		gw->status_line(call, "index", "has everything");
	else if (day)
		gw->status_line(call, "index", "still being made: at %04u-%02u-%02u", day / 10000,
				day / 100 % 100, day % 100);
	else
		gw->status_line(call, "index", "still being made");
}

static void status_closed(struct gw_call *call, struct archive *archive)
{
	pthread_mutex_lock(&archive->opening);
	if (archive->is_asked)
		gw->status_line(call, "archive", "waits to know what is in s3");
	else
		gw->status_line(call, "WRONG", "not open: %s",
				archive->why[0] ? archive->why : "it was not tried yet");
	pthread_mutex_unlock(&archive->opening);
}

static void on_status(struct gw_call *call)
{
	struct archive *archive = gw->instance_data(call);
	struct store_state state;

	if (archive->s3)
		s3_status(call, archive->s3);
	if (!archive->store) {
		status_closed(call, archive);
		return;
	}
	store_state(archive->store, &state);
	if (state.error)
		gw->status_line(call, "WRONG", "%s cannot be written: %s",
				store_folder(archive->store), words_of(state.error));
	else
		gw->status_line(call, "archive", "%llu records in %llu batches",
				(unsigned long long)state.records,
				(unsigned long long)state.batches);
	if (state.spilled)
		gw->status_line(call, "spill", "%llu octets wait for the archive",
				(unsigned long long)state.spilled);
	if (state.spill_error)
		gw->status_line(call, "WRONG", "the spill fails: %s", words_of(state.spill_error));
	gw->status_line(call, "waiting", "%llu octets", (unsigned long long)state.waiting);
	status_index(call, archive->indexer);
	if (indexer_waits_for_clock(archive->indexer))
		gw->status_line(
			call, "expiry",
			"waits: the clock is days ahead of what the archive knew, and neither NTP nor s3 says that it is right: archive expire --now, if it is");
	gw->status_line(call, "removed", "%llu mails",
			(unsigned long long)indexer_removed(archive->indexer));
}

GW_MODULE(.name = "archive", .version = "1.0", .summary = "keeps each mail as it arrived and left",
	  .options = options, .conf_size = sizeof(struct archive_conf), .verbs = CONTROL_VERBS,
	  .start = on_start, .stop = on_stop, .message = on_message, .sealed = on_sealed,
	  .bounce = on_bounce, .result = on_result, .tick = on_tick, .status = on_status,
	  .control = control, .worker_start = on_worker_start, .worker_stop = on_worker_stop,
	  .timer = on_timer, .http = on_http, .once = "would keep each mail twice")
