/* relay_switch.c - relay off, on, resume. What is off stays off over a restart: a record in the
 * state store says so. */
#include "admin/relays.h"

#include "base/clock.h"
#include "conf/option.h"
#include "client/transport.h"
#include "module/chain.h"
#include "queue/recall.h"

#include <stdlib.h>

static const struct gw_str owner = GW_STR("gateway");
static const struct gw_str prefix = GW_STR("relay-off/");

/* --- the record --- */

static struct gw_str key_of(struct gw_str relay, char *room, size_t size)
{
	int len = snprintf(room, size, "%s%.*s", prefix.ptr, GW_STR_ARGS(relay));
	return gw_str_n(room, len > 0 && (size_t)len < size ? (size_t)len : 0);
}

static int close_again(void *arg, struct gw_str key, struct gw_str why)
{
	relay_status_close(gw_str_from(key, prefix.len), gw_str(BY_ADMIN), GW_CAUSE_OFF, 0, why);
	return 0;
}

void relay_switch_restore(void)
{
	state_record_each(runtime.state, owner, prefix, close_again, NULL);
}

void relay_switch_forget(struct gw_str relay)
{
	char room[512];
	state_record_drop(runtime.state, owner, key_of(relay, room, sizeof(room)));
	relay_status_open(relay, gw_str(BY_ADMIN), GW_CAUSE_OFF);
}

/* --- telling --- */

void relay_unknown(struct request *request, const struct snapshot *snapshot, const char *name)
{
	const char **names = arena_alloc(&request->arena,
					 (snapshot->relay_count + 1) * sizeof(*names)),
		   *nearest;
	for (size_t i = 0; names && i < snapshot->relay_count; i++)
		names[i] = snapshot->relays[i].name.ptr;
	nearest = names ? option_nearest_word(names, snapshot->relay_count, name) : NULL;
	if (nearest)
		request_say(request, EX_UNAVAILABLE,
			    "there is no relay \"%s\", did you mean \"%s\"?", name, nearest);
	else
		request_say(request, EX_UNAVAILABLE,
			    "there is no relay \"%s\"; `gatewayctl relay list` shows them", name);
}

void relay_event(struct request *request, enum event_id event, const char *relay, const char *text)
{
	struct snapshot *snapshot = snapshot_current();
	struct gw_event details = { .text = gw_str(text), .relay = gw_str(relay) };
	event_tell(request->admin->main, snapshot, event, &details);
	snapshot_release(snapshot);
}

/* --- the verbs --- */

static void off(struct request *request, struct gw_relay *relay)
{
	char why[256], when[CLOCK_RFC3339], room[512];
	struct gw_str text;
	snprintf(why, sizeof(why), "switched off by uid %lld at %s", (long long)request->uid,
		 clock_rfc3339(clock_wall(), when));
	text = gw_str(why);
	if (state_record_put(runtime.state, owner, key_of(relay->name, room, sizeof(room)), text) !=
		    0 ||
	    state_sync(runtime.state) != 0 ||
	    relay_status_close(relay->name, gw_str(BY_ADMIN), GW_CAUSE_OFF, 0, text) != 0) {
		request_say(request, EX_IOERR, "%s: it cannot be written down that it is off",
			    relay->name.ptr);
		return;
	}
	transport_look_again();
	recall_relay(relay->name); /* what waits for it may have another way to go */
	relay_event(request, EVENT_RELAY_OFF, relay->name.ptr, why);
	request_say(request, EX_OK, "%s is off: no new mail goes there; what is on its way may end",
		    relay->name.ptr);
}

static void on(struct request *request, struct gw_relay *relay)
{
	struct relay_refusal refusal;
	relay_switch_forget(relay->name);
	relay_event(request, EVENT_RELAY_ON, relay->name.ptr, "switched on");
	if (relay_status_is_open(relay, clock_wall(), false, &refusal))
		request_say(request, EX_OK, "%s is on", relay->name.ptr);
	else if (refusal.reason == RELAY_OFF)
		request_say(request, EX_CONFIG, "%s stays off: %s says enabled = false",
			    relay->name.ptr, relay->fragment->path);
	else
		request_say(request, EX_OK, "%s is on again, but still closed by %s: %s",
			    relay->name.ptr, refusal.by, refusal.why);
}

/* Whoever suspended it hears of it and begins anew. */
static void resume(struct request *request, struct gw_relay *relay)
{
	bool any = relay_status_open(relay->name, gw_str(""), GW_CAUSE_FAILURE);
	relay_event(request, EVENT_RELAY_RESUMED, relay->name.ptr, "resumed by an admin");
	request_say(request, EX_OK, any ? "%s is open again" : "%s was not suspended",
		    relay->name.ptr);
}

static void on_relay(struct request *request, const char *const *words,
		     void (*run)(struct request *request, struct gw_relay *relay))
{
	struct snapshot *snapshot = snapshot_current();
	struct gw_relay *relay = snapshot_relay(snapshot, gw_str(words[0]));
	if (relay)
		run(request, relay);
	else
		relay_unknown(request, snapshot, words[0]);
	snapshot_release(snapshot);
}

void verb_relay_off(struct request *request, const char *const *words, size_t count)
{
	on_relay(request, words, off);
}

void verb_relay_on(struct request *request, const char *const *words, size_t count)
{
	on_relay(request, words, on);
}

void verb_relay_resume(struct request *request, const char *const *words, size_t count)
{
	on_relay(request, words, resume);
}
