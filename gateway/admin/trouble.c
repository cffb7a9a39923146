#include "admin/request.h"

#include "base/clock.h"
#include "base/log.h"
#include "loop/tls.h"
#include "module/chain.h"
#include "supervisor/supervisor.h"

#include <stdlib.h>

#define LOOK_MS 1000
#define HOUR_MS (3600 * 1000)

struct finder {
	struct recent *recent;
	void (*each)(void *arg, const char *name, const char *text);
	void *arg;
};

/* --- what may be wrong --- */

static void look_at_spool(const struct finder *finder)
{
	struct spool_stats stats;
	spool_stats(runtime.spool, &stats);
	if (stats.state == SPOOL_FULL)
		finder->each(
			finder->arg, "spool full",
			"the disk of the spool is full, or below spool.min_free: new mail gets 452");
	else if (stats.state == SPOOL_FAILED)
		finder->each(finder->arg, "spool failing",
			     "the disk of the spool fails: new mail gets 451");
	if (stats.damaged)
		finder->each(finder->arg, "spool damaged",
			     "records of the spool are damaged: see quarantine/ and the log");
}

static void look_at_certificates(const struct finder *finder)
{
	struct snapshot *snapshot = snapshot_current();
	const struct listen_settings *listeners = snapshot->settings.listeners.items;
	for (size_t i = 0; i < snapshot->settings.listeners.count; i++) {
		const char *why = listeners[i].server ? tls_server_trouble(listeners[i].server)
						      : NULL;
		char name[320], text[640];
		snprintf(name, sizeof(name), "certificate %s", listeners[i].name.ptr);
		snprintf(text, sizeof(text), "the certificate of listener %s: %s",
			 listeners[i].name.ptr, why ? why : "");
		if (why)
			finder->each(finder->arg, name, text);
	}
	snapshot_release(snapshot);
}

static uint64_t failures_of(const struct instance *instance)
{
	uint64_t sum = 0;
	for (size_t hook = 0; instance->counters && hook < GW_HOOKS; hook++)
		sum += atomic_load_explicit(&instance->counters->hooks[hook].failures,
					    memory_order_relaxed);
	return sum;
}

static uint64_t lately(const struct finder *finder, const char *name, uint64_t total)
{
	return recent_count(finder->recent, name, total, clock_monotonic());
}

static void look_at_module(const struct finder *finder, const struct instance *instance)
{
	char name[320], text[640];
	snprintf(name, sizeof(name), "module %s", instance->name);
	uint64_t failures = lately(finder, name, failures_of(instance));
	if (instance->broken)
		snprintf(
			text, sizeof(text),
			"the gateway died in module %s again and again, and does not run it any more: mend it, then gatewayctl reload",
			instance->name);
	else
		snprintf(
			text, sizeof(text),
			"module %s failed %llu times in the last hour: module-failed in the log says why",
			instance->name, (unsigned long long)failures);
	if (instance->broken || failures)
		finder->each(finder->arg, name, text);
}

static void look_at_modules(const struct finder *finder)
{
	struct snapshot *snapshot = snapshot_current();
	for (size_t i = 0; i < snapshot->instance_count; i++)
		look_at_module(finder, &snapshot->instances[i]);
	snapshot_release(snapshot);
}

static void look_at_work(void *arg, const struct offload_load *load)
{
	const struct finder *finder = arg;
	char name[128], text[256];
	snprintf(name, sizeof(name), "work %s", load->name);
	uint64_t dropped = lately(finder, name, load->dropped);
	snprintf(
		text, sizeof(text),
		"work of %s was dropped or refused %llu times in the last hour: it comes faster than it is done",
		load->name, (unsigned long long)dropped);
	if (dropped)
		finder->each(finder->arg, name, text);
}

static void look_at_log(const struct finder *finder)
{
	if (lately(finder, "log", log_dropped()))
		finder->each(
			finder->arg, "log",
			"lines of the log were dropped in the last hour: its disk does not keep up");
}

/* Where it died, as far as that is known; the message alone where it ran no module. */
static void say_where(const struct death *death, char *text, size_t size)
{
	char id[ID_TEXT];
	size_t len = 0;
	text[0] = '\0';
	for (size_t i = 0; i < death->places_count && len < size; i++) {
		const struct place *place = &death->places[i];
		len += (size_t)snprintf(text + len, size - len, "%s module %s, hook %s%s%s",
					i ? " or" : " in", place->instance, place_hook(place),
					place->id ? ", message " : "",
					place->id ? id_format(place->id, id) : "");
	}
}

/* This process began when the one before it died. */
static void look_at_death(const struct finder *finder)
{
	char where[400], text[640];
	if (!supervisor_served() || clock_wall() - runtime.started_at >= HOUR_MS)
		return;
	say_where(supervisor_death(), where, sizeof(where));
	snprintf(
		text, sizeof(text),
		"the serving process died%s in the last hour and was started again: crashed in the log says how",
		where);
	finder->each(finder->arg, "crash", text);
}

static void look_at_mail(const struct finder *finder)
{
	long long held = atomic_load_explicit(&counters.on_hold, memory_order_relaxed);
	uint64_t refused = lately(
		finder, "refused mail",
		atomic_load_explicit(&counters.messages_refused, memory_order_relaxed));
	long long unread = atomic_load_explicit(&counters.unread, memory_order_relaxed);
	char text[160];
	snprintf(
		text, sizeof(text),
		"%lld messages cannot be read from the spool now, and are tried every 30 s: not-read in the log names them",
		unread);
	if (unread > 0)
		finder->each(finder->arg, "unread mail", text);
	snprintf(text, sizeof(text),
		 "%lld messages are on hold: gatewayctl queue list --status held says why", held);
	if (held > 0)
		finder->each(finder->arg, "held", text);
	snprintf(
		text, sizeof(text),
		"%llu messages were refused in the last hour: the lines \"refused\" and \"message-refused\" in the log say by whom and why",
		(unsigned long long)refused);
	if (refused)
		finder->each(finder->arg, "refused mail", text);
}

void trouble_each(struct troubles *troubles,
		  void (*each)(void *arg, const char *name, const char *text), void *arg)
{
	struct finder finder = { &troubles->recent, each, arg };
	look_at_spool(&finder);
	look_at_certificates(&finder);
	look_at_modules(&finder);
	offload_each(runtime.pool, look_at_work, &finder);
	look_at_log(&finder);
	look_at_death(&finder);
	look_at_mail(&finder);
}

/* --- telling --- */

/* The event's `json` names which it is, so that who listens knows what is over. */
static void tell(enum event_id event, const char *name, const char *text)
{
	json_t *what = json_pack("{s:o}", "what", text_of(gw_str(name)));
	char *json = what ? json_dumps(what, JSON_COMPACT) : NULL;
	struct snapshot *snapshot = snapshot_current();
	struct gw_event details = { .text = gw_str(text), .json = gw_str(json ? json : "") };
	struct log_line *line = log_open(event);
	log_text(line, KEY_WHAT, name);
	log_text(line, KEY_TEXT, text);
	log_close(line);
	event_tell(runtime.main, snapshot, event, &details);
	snapshot_release(snapshot);
	free(json);
	json_decref(what);
}

static void note(void *arg, const char *name, const char *text)
{
	struct troubles *troubles = arg;
	for (size_t i = 0; i < troubles->count; i++) {
		if (strncmp(troubles->known[i].name, name, sizeof(troubles->known[i].name) - 1) !=
		    0)
			continue;
		troubles->known[i].there = true;
		return;
	}
	if (troubles->count == TROUBLES_MOST)
		return;
	struct known_trouble *known = &troubles->known[troubles->count++];
	snprintf(known->name, sizeof(known->name), "%s", name);
	known->there = true;
	tell(EVENT_TROUBLE, name, text);
}

static void look(struct timer *timer)
{
	struct troubles *troubles = (struct troubles *)timer;
	for (size_t i = 0; i < troubles->count; i++)
		troubles->known[i].there = false;
	trouble_each(troubles, note, troubles);
	for (size_t i = troubles->count; i-- > 0;) {
		struct known_trouble gone = troubles->known[i];
		if (gone.there)
			continue;
		troubles->known[i] = troubles->known[--troubles->count];
		tell(EVENT_TROUBLE_OVER, gone.name, "over");
	}
	timer_set(timer->worker, timer, LOOK_MS, look);
}

void trouble_watch(struct troubles *troubles, struct worker *main)
{
	timer_set(main, &troubles->timer, LOOK_MS, look);
}

void trouble_watch_end(struct troubles *troubles)
{
	timer_clear(&troubles->timer);
	recent_finish(&troubles->recent);
}
