#include "admin/request.h"

#include "supervisor/breaker.h"
#include "services/output.h"
#include "supervisor/supervisor.h"
#include "admin/trouble.h"
#include "base/clock.h"
#include "base/log.h"
#include "client/transport.h"
#include "client/usable.h"
#include "module/chain.h"
#include "queue/queue.h"

#include <stdlib.h>

struct status {
	struct service_output output;
	struct request *request;
	struct queue_counts *counts; /* of each worker */
	json_t *data, *rows;
};

static void add(struct status *status, const char *what, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void add(struct status *status, const char *what, const char *format, ...)
{
	char text[1024];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	json_array_append_new(status->rows, json_pack("{s:s, s:o}", "what", what, "value",
						      text_of(gw_str(text))));
}

static void add_trouble(void *arg, const char *name, const char *text)
{
	struct status *status = arg;
	add(status, "WRONG", "%s", text);
	json_array_append_new(json_object_get(status->data, "wrong"),
			      json_pack("{s:o, s:o}", "name", text_of(gw_str(name)), "text",
					text_of(gw_str(text))));
}

/* The key "WRONG" is what a module has to say of itself that somebody has to mend. */
static void add_module_line(struct service_output *output, const char *instance, const char *key,
			    const char *text)
{
	struct status *status = (struct status *)output;
	bool is_wrong = strcmp(key, "WRONG") == 0;
	char what[256], wrong[1024];
	snprintf(what, sizeof(what), "%s %s", is_wrong ? "module" : instance,
		 is_wrong ? instance : key);
	snprintf(wrong, sizeof(wrong), "%s: %s", instance, text);
	if (is_wrong)
		add_trouble(status, what, wrong);
	else
		add(status, what, "%s", text);
}

static void add_configuration(struct status *status, const struct snapshot *snapshot)
{
	const struct configuration_notes *notes = status->request->admin->operations->notes;
	add(status, "configuration", "generation %u, %zu modules, %zu relays", snapshot->generation,
	    snapshot->instance_count, snapshot->relay_count);
	if (notes->refused[0])
		add(status, "configuration",
		    "THE LAST GOOD ONE is in use, conf.d does not start: %s; mend it, then gatewayctl reload",
		    notes->refused);
	if (notes->restart[0])
		add(status, "configuration", "changed, and needs a restart: %s", notes->restart);
	json_object_set_new(status->data, "configuration",
			    json_pack("{s:I, s:s, s:s, s:o}", "generation",
				      (json_int_t)snapshot->generation, "source",
				      notes->refused[0] ? "last good" : "conf.d", "needs_restart",
				      notes->restart, "refused", text_of(gw_str(notes->refused))));
}

static void add_process(struct status *status)
{
	const struct snapshot *snapshot = snapshot_current();
	int64_t up = (clock_wall() - runtime.started_at) / 1000;
	add(status, "gateway", "%s, %.*s, up %lldd %lldh %lldm",
	    status->request->admin->operations->release, (int)snapshot->settings.hostname.len,
	    snapshot->settings.hostname.ptr, (long long)up / 86400, (long long)up / 3600 % 24,
	    (long long)up / 60 % 60);
	add_configuration(status, snapshot);
	snapshot_release((struct snapshot *)snapshot);
	json_object_set_new(status->data, "release",
			    json_string(status->request->admin->operations->release));
	json_object_set_new(status->data, "up_seconds", json_integer(up));
	json_object_set_new(status->data, "workers", json_integer(runtime.worker_count));
}

static void add_queue(struct status *status)
{
	struct queue_counts sum = { 0 };
	for (unsigned i = 0; i < runtime.worker_count; i++) {
		sum.waiting += status->counts[i].waiting;
		sum.active += status->counts[i].active;
		sum.held += status->counts[i].held;
		sum.in_memory += status->counts[i].in_memory;
	}
	add(status, "queue", "%llu waiting, %llu active, %llu on hold",
	    (unsigned long long)sum.waiting, (unsigned long long)sum.active,
	    (unsigned long long)sum.held);
	json_object_set_new(status->data, "queue",
			    json_pack("{s:I, s:I, s:I, s:I}", "waiting", (json_int_t)sum.waiting,
				      "active", (json_int_t)sum.active, "held",
				      (json_int_t)sum.held, "in_memory",
				      (json_int_t)sum.in_memory));
}

static const char *spool_word(enum spool_result state)
{
	static const char *const words[] = { [SPOOL_OK] = "fine",
					     [SPOOL_FULL] = "FULL: new mail gets 452",
					     [SPOOL_FAILED] = "FAILING: new mail gets 451" };
	return words[state];
}

static void add_spool(struct status *status)
{
	struct spool_stats stats;
	spool_stats(runtime.spool, &stats);
	add(status, "spool", "%s; %llu MiB in %llu segments, %lld MiB free%s",
	    spool_word(stats.state), (unsigned long long)stats.bytes >> 20,
	    (unsigned long long)stats.segments, (long long)stats.free_bytes >> 20,
	    stats.damaged ? "; DAMAGED records, see quarantine/" : "");
	json_object_set_new(
		status->data, "spool",
		json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "state",
			  spool_word(stats.state), "messages", (json_int_t)stats.messages,
			  "segments", (json_int_t)stats.segments, "bytes", (json_int_t)stats.bytes,
			  "appends", (json_int_t)stats.appends, "groups", (json_int_t)stats.groups,
			  "syncs", (json_int_t)stats.syncs, "failed_groups",
			  (json_int_t)stats.failed_groups, "compacted", (json_int_t)stats.compacted,
			  "damaged", (json_int_t)stats.damaged, "free_bytes",
			  (json_int_t)stats.free_bytes));
}

static void add_counters(struct status *status)
{
	json_t *all = json_object();
#define X(name)                                                                                    \
	json_object_set_new(all, #name, json_integer((json_int_t)atomic_load(&counters.name)));
	COUNTERS(X)
#undef X
	json_object_set_new(all, "sessions_open",
			    json_integer(atomic_load(&counters.sessions_open)));
	json_object_set_new(all, "log_lines_dropped", json_integer((json_int_t)log_dropped()));
	add(status, "sessions", "%lld open, %llu since the start",
	    (long long)atomic_load(&counters.sessions_open),
	    (unsigned long long)atomic_load(&counters.sessions));
	add(status, "messages",
	    "%llu in, %llu refused; recipients: %llu delivered, %llu deferred, %llu bounced, %llu unknown",
	    (unsigned long long)atomic_load(&counters.messages),
	    (unsigned long long)atomic_load(&counters.messages_refused),
	    (unsigned long long)atomic_load(&counters.delivered),
	    (unsigned long long)atomic_load(&counters.deferred),
	    (unsigned long long)atomic_load(&counters.bounced),
	    (unsigned long long)atomic_load(&counters.unknown));
	json_object_set_new(status->data, "counters", all);
}

/* Said where it happened; nobody's relay is at fault. */
static void add_own_fault(struct status *status)
{
	struct transport_own_fault fault;
	transport_own_fault(&fault);
	if (!fault.count)
		return;
	add(status, "this machine",
	    "%llu attempts could not be made, held against no relay; the last %lld s ago, for %s: %s",
	    (unsigned long long)fault.count, (long long)(clock_wall() - fault.at) / 1000,
	    fault.relay, fault.text);
	json_object_set_new(status->data, "own_faults",
			    json_pack("{s:I, s:I, s:s, s:o}", "count", (json_int_t)fault.count,
				      "last_at", (json_int_t)fault.at, "relay", fault.relay, "text",
				      text_of(gw_str(fault.text))));
}

/* "dkim 2 at work, 14 waiting": who waits for threads. */
static void add_line(void *arg, const struct offload_load *load)
{
	struct status *status = arg;
	char what[80];
	json_array_append_new(
		json_object_get(status->data, "offload"),
		json_pack("{s:s, s:I, s:I, s:I, s:I, s:I}", "name", load->name, "running",
			  (json_int_t)load->running, "waiting", (json_int_t)load->waiting,
			  "most_waiting", (json_int_t)load->most_waiting, "begun",
			  (json_int_t)load->begun, "dropped", (json_int_t)load->dropped));
	snprintf(what, sizeof(what), "work of %s", load->name);
	if (load->waiting || load->dropped)
		add(status, what, "%u at work, %zu waiting (%zu at most), %llu dropped unbegun",
		    load->running, load->waiting, load->most_waiting,
		    (unsigned long long)load->dropped);
}

static void add_relay(void *arg, const struct relay_load *load)
{
	struct status *status = arg;
	char what[256];
	snprintf(what, sizeof(what), "relay %s", load->name);
	add(status, what, "%lld connections (%lld idle), %lld waiting, %lld sent, %lld failed",
	    (long long)load->connections, (long long)load->idle, (long long)load->waiting,
	    (long long)load->sent, (long long)load->failed);
	json_array_append_new(json_object_get(status->data, "relays"),
			      json_pack("{s:s, s:I, s:I, s:I, s:I, s:I}", "name", load->name,
					"connections", (json_int_t)load->connections, "idle",
					(json_int_t)load->idle, "waiting",
					(json_int_t)load->waiting, "sent", (json_int_t)load->sent,
					"failed", (json_int_t)load->failed));
}

/* Why nothing goes there now; what a module closed, that module tells. */
static void add_refusal(struct status *status, struct gw_relay *relay)
{
	struct relay_refusal refusal;
	int64_t now = clock_wall();
	char what[256];
	if (relay_is_usable(relay, now, &refusal))
		return;
	snprintf(what, sizeof(what), "relay %.*s", GW_STR_ARGS(relay->name));
	if (refusal.reason == RELAY_OFF)
		add(status, what, "off (enabled = false)");
	else if (refusal.reason == RELAY_CLOSED && strcmp(refusal.by, RELAY_STATUS_ADMIN) == 0)
		add(status, what, "off: %s", refusal.why);
	else if (refusal.reason == RELAY_UNREACHABLE)
		add(status, what, "unreachable: gatewayctl relay test %.*s says why",
		    GW_STR_ARGS(relay->name));
}

static void add_refusals(struct status *status)
{
	struct snapshot *snapshot = snapshot_current();
	for (size_t i = 0; i < snapshot->relay_count; i++)
		add_refusal(status, &snapshot->relays[i]);
	snapshot_release(snapshot);
}

static void add_metric(void *arg, const char *name, int64_t value)
{
	struct status *status = arg;
	json_object_set_new(json_object_get(status->data, "metrics"), name, json_integer(value));
}

static void ask_modules(struct status *status)
{
	struct snapshot *snapshot = snapshot_current();
	struct gw_call call;
	chain_init(&call, status->request->admin->main, snapshot, &status->request->arena);
	status->output.status_line = add_module_line;
	call.answer_to = &status->output;
	chain_tell(&call, GW_HOOK_status);
	chain_cancel(&call);
	snapshot_release(snapshot);
}

/* Who died, and who does not run any more because of it: what to do about it comes with it. */
static void add_deaths(struct status *status)
{
	const struct breaker *breaker = supervisor_breaker();
	struct snapshot *snapshot = snapshot_current();
	json_t *all = json_array();
	for (size_t i = 0; i < breaker->count; i++) {
		const struct breaker_row *row = &breaker->rows[i];
		bool broken = false;
		for (size_t at = 0; at < snapshot->instance_count; at++)
			broken |= snapshot->instances[at].broken &&
				  strcmp(snapshot->instances[at].name, row->instance) == 0;
		add(status, "crashes", "%s: died %u times, last in %s%s", row->instance,
		    row->deaths, row->hook,
		    broken ? "; its code does not run any more: mend it, then gatewayctl reload"
			   : "");
		json_array_append_new(all, json_pack("{s:o, s:I, s:s, s:b}", "instance",
						     text_of(gw_str(row->instance)), "crashes",
						     (json_int_t)row->deaths, "hook", row->hook,
						     "broken", broken));
	}
	snapshot_release(snapshot);
	json_object_set_new(status->data, "crashes", all);
}

static void count_worker(struct worker *worker, unsigned number, void *arg)
{
	struct status *status = arg;
	queue_count(worker, &status->counts[number]);
}

static void counted(void *arg)
{
	static const char *const columns[][2] = { { "what", "WHAT" }, { "value", "STATE" } };
	struct status *status = arg;
	json_t *table = table_create(columns, 2, &status->rows);
	status->data = json_object();
	json_object_set_new(table, "data", status->data);
	json_object_set_new(status->data, "relays", json_array());
	json_object_set_new(status->data, "metrics", json_object());
	add_process(status);
	add_queue(status);
	json_object_set_new(status->data, "wrong", json_array());
	trouble_each(&status->request->admin->troubles, add_trouble, status);
	add_spool(status);
	add_counters(status);
	add_deaths(status);
	add_own_fault(status);
	json_object_set_new(status->data, "offload", json_array());
	offload_each(runtime.pool, add_line, status);
	add_refusals(status); /* first: a relay is counted once it was asked for */
	transport_each(add_relay, status);
	status->request->admin->operations->each_metric(add_metric, status);
	ask_modules(status);
	/* the text's own words, those of modules too */
	json_object_set(status->data, "lines", status->rows);
	request_answer(status->request, table);
	free(status->counts);
	free(status);
}

void verb_status(struct request *request, const char *const *words, size_t count)
{
	struct status *status = calloc(1, sizeof(*status));
	if (status)
		status->counts = calloc(runtime.worker_count, sizeof(*status->counts));
	if (status && status->counts) {
		status->request = request;
		if (on_each_worker(count_worker, counted, status) == 0)
			return;
		free(status->counts);
	}
	free(status);
	request_say(request, EX_OSERR, "no memory");
}
