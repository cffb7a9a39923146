/* antivirus.c - asks a scanner about each message before its client hears 250. What nobody looked
 * at is never called clean: on_error, oversize and encrypted decide, and say so. README.md tells
 * how it is set up. */
#include "kept.h"
#include "policy.h"
#include "scanner.h"

#include <stdio.h>
#include <stdlib.h>

#define SMALL (64 * 1024) /* read and hashed on the worker: in less time than a thread is woken */
#define LATER_MS 10000    /* the gateway's own deadline, after ours */

/* --- start and stop --- */

static bool take_servers(struct gw_call *call, struct scanner *scanner)
{
	const struct conf *conf = gw->conf(call);
	const char *wrong;

	if (conf->clamd.count == 0 || conf->clamd.count > SERVERS_MOST) {
		gw->problem_at(call, NULL, "clamd", true, "between 1 and %d scanners are needed",
			       SERVERS_MOST);
		return false;
	}
	if (servers_init(&scanner->servers, conf->clamd, &wrong))
		return true;
	gw->problem_at(
		call, NULL, "clamd", true,
		"\"%s\" is neither a path nor an address with a port (\"192.0.2.1:3310\", \"[2001:db8::1]:3310\") nor an ICAP service at an address (\"icap://192.0.2.1:1344/avscan\")",
		wrong ? wrong : "");
	return false;
}

static int on_start(struct gw_call *call)
{
	const struct conf *conf = gw->conf(call);
	struct scanner *scanner = calloc(1, sizeof *scanner);

	if (!scanner)
		return -1;
	scanner->connections = conf->connections;
	scanner->queue = conf->queue;
	scanner->timeout_ms = conf->timeout;
	scanner->cache_ms = conf->cache ? conf->cache_time : 0;
	scanner->cache = cache_create((size_t)conf->cache);
	if (!scanner->cache || !take_servers(call, scanner)) {
		cache_destroy(scanner->cache);
		free(scanner);
		return -1;
	}
	gw->instance_data_set(call, scanner);
	return 0;
}

static void on_stop(struct gw_call *call)
{
	struct scanner *scanner = gw->instance_data(call);

	servers_finish(&scanner->servers);
	cache_destroy(scanner->cache);
	free(scanner);
}

static void on_worker_start(struct gw_call *call)
{
	const struct conf *conf = gw->conf(call);

	gw->worker_data_set(call, place_create(gw->instance_data(call), gw->event_base(call)));
	gw->timer_set(call, 1, conf->check, NULL);
}

static void on_worker_stop(struct gw_call *call)
{
	place_destroy(gw->worker_data(call));
}

static void tell_turn(struct gw_call *call, const struct server *server)
{
	struct gw_event event = { .size = sizeof event };
	char text[400];

	event.name = gw_str(server->down ? "scanner-down" : "scanner-up");
	if (server->down)
		snprintf(text, sizeof text, "scanner %s is down: %s", server->name, server->fault);
	else
		snprintf(text, sizeof text, "scanner %s is there again", server->name);
	event.text = gw_str(text);
	gw->log(call, server->down ? GW_LOG_ERROR : GW_LOG_INFO, "%s", text);
	gw->emit(call, &event);
}

static void tell_turns(struct gw_call *call)
{
	struct scanner *scanner = gw->instance_data(call);
	struct server known;
	size_t i;

	for (i = 0; i < scanner->servers.count; i++)
		if (servers_look(&scanner->servers, i, &known))
			tell_turn(call, &known);
}

static void on_timer(struct gw_call *call, void *arg)
{
	struct place *place = gw->worker_data(call);

	(void)arg;
	tell_turns(call);
	if (place)
		place_look(place);
}

/* --- what becomes of it --- */

static const struct {
	const char *word;   /* the note antivirus.result, the counter, the event */
	const char *phrase; /* before the finding's words */
} kinds[SCANS] = {
	[SCAN_FAILED] = { "failed", "not scanned: " },
	[SCAN_CLEAN] = { "clean", "" },
	[SCAN_INFECTED] = { "infected", "virus found: " },
	[SCAN_ENCRYPTED] = { "encrypted", "encrypted content: " },
	[SCAN_OVERSIZE] = { "oversize", "too large to be scanned: " },
};

static const char *const act_words[] = { [ACT_PASS] = "let through",
					 [ACT_TEMPFAIL] = "told to come again",
					 [ACT_REJECT] = "refused",
					 [ACT_HOLD] = "kept on hold" };

static void refuse(struct gw_call *call, const struct finding *finding)
{
	if (finding->scan == SCAN_INFECTED)
		gw->reply(call, 554, "5.7.1", KEPT_REASON "virus found: %s", finding->words);
	else if (finding->scan == SCAN_OVERSIZE)
		gw->reply(call, 552, "5.3.4", KEPT_REASON "too large to be scanned");
	else if (finding->scan == SCAN_ENCRYPTED)
		gw->reply(call, 554, "5.7.1", KEPT_REASON "encrypted content: %s", finding->words);
	else
		gw->reply(call, 554, "5.7.1", KEPT_REASON "it cannot be scanned");
}

static void emit(struct gw_call *call, const struct gw_message *message,
		 const struct finding *finding, enum act act)
{
	struct gw_json *json = gw->json_create();
	struct gw_event event = { .size = sizeof event, .message = message };
	char text[300];

	snprintf(text, sizeof text, "%s%s, %s", kinds[finding->scan].phrase, finding->words,
		 act_words[act]);
	gw->json_begin(json, NULL, GW_JSON_OBJECT);
	gw->json_string(json, "result", gw_str(kinds[finding->scan].word));
	gw->json_string(json, finding->scan == SCAN_FAILED ? "why" : "signature",
			gw_str(finding->words));
	gw->json_string(json, "action", gw_str(act_words[act]));
	event.name = gw_str(finding->scan == SCAN_INFECTED ? "virus" : "unscanned");
	event.client = gw->message_fact(message, GW_MESSAGE_CLIENT);
	event.text = gw_str(text);
	event.json = gw->json_text(json);
	if (!event.json.ptr)
		event.json = gw_str("");
	gw->emit(call, &event);
	gw->json_destroy(json);
}

static void tell(struct gw_call *call, struct gw_message *message, const struct finding *finding,
		 enum act act, const char *by)
{
	const char *word = kinds[finding->scan].word;

	gw->count(call, word, 1);
	gw->note_set(call, message, "result", gw_str(word));
	if (finding->scan == SCAN_CLEAN) {
		gw->reason(call, "scanned by %s: clean", by);
		return;
	}
	gw->note_set(call, message, finding->scan == SCAN_FAILED ? "fault" : "signature",
		     gw_str(finding->words));
	gw->reason(call, "%s%s (%s); %s, as %s says", kinds[finding->scan].phrase, finding->words,
		   by[0] ? by : "no scanner", act_words[act], policy_option(finding->scan));
	emit(call, message, finding, act);
}

static enum gw_verdict decide(struct gw_call *call, struct gw_message *message,
			      const struct finding *finding, const char *by)
{
	enum act act = policy_act(gw->conf(call), message, finding->scan);

	tell(call, message, finding, act, by);
	if (act == ACT_PASS)
		return GW_CONTINUE;
	if (act == ACT_TEMPFAIL) {
		gw->reply(call, 451, "4.7.1", KEPT_REASON "it cannot be scanned now");
		return GW_TEMPFAIL;
	}
	refuse(call, finding); /* of what is held it is why: queue list --reason finds it */
	return act == ACT_HOLD ? GW_HOLD : GW_REJECT;
}

/* --- the message --- */

static enum gw_verdict end(struct gw_call *call, struct job *job)
{
	enum gw_verdict verdict = decide(call, job->message, &job->finding, job->by);

	job_free(job);
	return verdict;
}

static enum gw_verdict scanned(struct gw_call *call, void *arg)
{
	struct job *job = arg;

	job_remember(job, gw->now(call));
	return end(call, job);
}

/* Its file is there: the cache knows it, or a scanner is asked. */
static enum gw_verdict with_file(struct gw_call *call, void *arg)
{
	struct job *job = arg;
	struct gw_async async = { .resumed = scanned, .dropped = job_free };
	enum gw_verdict verdict;

	async.deadline_ms = (uint32_t)job->scanner->timeout_ms + LATER_MS;
	if (job_is_known(job, gw->now(call))) {
		if (!job->error)
			gw->count(call, "cached", 1);
		return end(call, job);
	}
	if (!job_begin(job))
		return end(call, job);
	verdict = gw->hold(call, &async, job, &job->ticket);
	if (verdict != GW_PENDING)
		job_free(job);
	return verdict;
}

static enum gw_verdict scan(struct gw_call *call, struct job *job, int64_t size)
{
	const struct gw_async async = { .resumed = with_file,
					.dropped = job_free,
					.deadline_ms = (uint32_t)job->scanner->timeout_ms };
	enum gw_verdict verdict;

	if (size <= SMALL) {
		job_work(job);
		return with_file(call, job);
	}
	verdict = gw->offload(call, &async, job_work, job);
	if (verdict != GW_PENDING)
		job_free(job);
	return verdict;
}

static enum gw_verdict on_message(struct gw_call *call, struct gw_message *message)
{
	const struct conf *conf = gw->conf(call);
	int64_t size = gw->message_number(message, GW_MESSAGE_SIZE);
	struct place *place = gw->worker_data(call);
	struct finding finding;
	struct job *job;

	if (gw->message_number(message, GW_MESSAGE_DRY) == 1) {
		gw->reason(call, "what is only asked about is not scanned");
		return GW_CONTINUE;
	}
	if (!policy_scans(conf, message)) {
		gw->count(call, "skipped", 1);
		gw->reason(call, "not scanned: a rule says scan = false");
		return GW_CONTINUE;
	}
	if (size > conf->max_size) {
		finding_set(&finding, SCAN_OVERSIZE, "%lld octets are over max_size",
			    (long long)size);
		return decide(call, message, &finding, "");
	}
	job = place ? job_create(gw->instance_data(call), place, message) : NULL;
	if (job)
		return scan(call, job, size);
	finding_set(&finding, SCAN_FAILED, "no memory");
	return decide(call, message, &finding, "");
}

/* --- check --- */

static void on_check(struct gw_call *call)
{
	struct scanner *scanner = gw->instance_data(call);
	size_t i;

	for (i = 0; i < scanner->servers.count; i++) {
		const char *why = server_refuses(&scanner->servers.items[i]);

		if (why)
			gw->problem_at(
				call, NULL, "clamd", false,
				"nothing answers at %s: %s; mail that no scanner looks at is answered as on_error says",
				scanner->servers.items[i].name, why);
	}
}

/* --- status --- */

static bool tell_server(struct gw_call *call, struct servers *servers, size_t which)
{
	struct server server;

	pthread_mutex_lock(&servers->lock);
	server = servers->items[which];
	pthread_mutex_unlock(&servers->lock);
	if (server.down)
		gw->status_line(call, server.name, "down: %s", server.fault);
	else
		gw->status_line(call, server.name, "%s",
				server.version[0] ? server.version : "not asked yet");
	return server.down;
}

static void on_status(struct gw_call *call)
{
	struct scanner *scanner = gw->instance_data(call);
	size_t i, down = 0;

	for (i = 0; i < scanner->servers.count; i++)
		down += tell_server(call, &scanner->servers, i);
	if (down == scanner->servers.count)
		gw->status_line(call, "WRONG",
				"no scanner answers: mail is treated as on_error says");
	gw->status_line(call, "scanning", "%d", atomic_load(&scanner->running));
	gw->status_line(call, "waiting", "%d", atomic_load(&scanner->waiting));
	gw->status_line(call, "remembered", "%zu", cache_count(scanner->cache));
}

GW_MODULE(.name = "antivirus", .version = "1.0",
	  .summary = "has each message scanned by clamd or an ICAP service before it is accepted",
	  .options = antivirus_options, .conf_size = sizeof(struct conf), .start = on_start,
	  .stop = on_stop, .message = on_message, .status = on_status, .check = on_check,
	  .verbs = KEPT_VERBS, .control = kept_control, .worker_start = on_worker_start,
	  .worker_stop = on_worker_stop, .timer = on_timer, .once = "would scan each message twice")
