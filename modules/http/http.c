/* http.c - the gateway over HTTP: an API for programs, and webhooks. README.md tells it with
 * examples.
 */
#include "control.h"
#include "instance.h"
#include "told.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int on_start(struct gw_call *call)
{
	struct instance *instance;

	if (!conf_check(call, gw->conf(call)))
		return -1;
	instance = calloc(1, sizeof *instance);
	if (!instance)
		return -1;
	instance->call = call;
	pthread_mutex_init(&instance->lock, NULL);
	gw->instance_data_set(call, instance);
	return 0;
}

/* --- what it makes once it is in use, and not while it is only checked --- */

static void nothing_kept(void *arg)
{
	(void)arg;
}

static bool is_configured(const void *arg, struct gw_str name)
{
	const struct http_conf *conf = arg;
	const struct webhook_conf *webhooks = conf->webhooks.items;
	size_t i;

	for (i = 0; i < conf->webhooks.count; i++)
		if (gw_str_eq(webhooks[i].name, name))
			return true;
	return false;
}

static void begin_events(struct instance *instance, const struct http_conf *conf)
{
	bool sends = conf->webhooks.count != 0;
	const char *why = "no memory, or no thread";

	instance->store = store_open(conf->store.ptr, &why);
	if (instance->store)
		store_forget_hooks(instance->store, is_configured, conf);
	if (instance->store && sends)
		instance->webhooks = webhooks_begin(instance->call, conf, instance->store,
						    &instance->ticks);
	if (instance->store && (instance->webhooks || !sends))
		instance->outbox = outbox_begin(
			instance->call, conf, instance->store, &instance->ticks,
			sends ? webhooks_wake : nothing_kept, instance->webhooks);
	if (instance->outbox)
		return;
	snprintf(instance->fault, sizeof instance->fault, "%s", why);
	gw->log(instance->call, GW_LOG_ERROR, "no events are kept, and none are sent: %s", why);
}

static void begin(struct instance *instance, const struct http_conf *conf)
{
	instance->begun = true;
	ticks_come(&instance->ticks);
	begin_events(instance, conf);
	if (!conf->listen.len)
		return;
	instance->server = server_begin(instance->call, conf, instance->store, &instance->ticks);
	if (!instance->server)
		gw->log(instance->call, GW_LOG_ERROR, "no memory, or no thread: there is no API");
}

struct event_store *instance_store(struct instance *instance)
{
	struct event_store *store;

	pthread_mutex_lock(&instance->lock);
	store = instance->store;
	pthread_mutex_unlock(&instance->lock);
	return store;
}

bool instance_fault(struct instance *instance, char why[FAULT_MAX])
{
	pthread_mutex_lock(&instance->lock);
	memcpy(why, instance->fault, FAULT_MAX);
	pthread_mutex_unlock(&instance->lock);
	return *why;
}

struct webhooks *instance_webhooks(struct instance *instance)
{
	struct webhooks *webhooks;

	pthread_mutex_lock(&instance->lock);
	webhooks = instance->webhooks;
	pthread_mutex_unlock(&instance->lock);
	return webhooks;
}

static void on_worker_start(struct gw_call *call)
{
	struct instance *instance = gw->instance_data(call);

	pthread_mutex_lock(&instance->lock);
	if (!instance->begun)
		begin(instance, gw->conf(call));
	pthread_mutex_unlock(&instance->lock);
}

static void on_tick(struct gw_call *call)
{
	struct instance *instance = gw->instance_data(call);

	ticks_come(&instance->ticks);
}

static void on_event(struct gw_call *call, const struct gw_event *event)
{
	struct instance *instance = gw->instance_data(call);

	if (instance->outbox)
		told_event(gw->conf(call), instance->outbox, event);
}

static void on_stop(struct gw_call *call)
{
	struct instance *instance = gw->instance_data(call);

	if (!instance)
		return;
	server_end(instance->server);
	outbox_end(instance->outbox);
	webhooks_end(instance->webhooks);
	store_close(instance->store);
	pthread_mutex_destroy(&instance->lock);
	free(instance);
}

GW_MODULE(.name = "http", .version = "1.0",
	  .summary = "an API over HTTP on this machine, and webhooks", .options = http_options,
	  .conf_size = sizeof(struct http_conf), .start = on_start, .stop = on_stop,
	  .worker_start = on_worker_start, .tick = on_tick, .event = on_event,
	  .status = control_status, .control = control, .verbs = CONTROL_VERBS,
	  .once = "would listen on the same address, and send events twice")
