/* http.c - the gateway over HTTP: an API for programs. README.md tells it with examples. */
#include "control.h"
#include "server.h"

#include <stdlib.h>

/* An instance: what it makes once it is in use, not while it is only checked. */
struct instance {
	struct gw_call *call;
	pthread_mutex_t lock;
	struct server *server;
	bool begun;
};

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

static void begin(struct instance *instance, const struct http_conf *conf)
{
	instance->begun = true;
	if (!conf->listen.len)
		return;
	instance->server = server_begin(instance->call, conf, NULL);
	if (!instance->server)
		gw->log(instance->call, GW_LOG_ERROR, "no memory, or no thread: there is no API");
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

	if (instance->server)
		server_tick(instance->server);
}

static void on_stop(struct gw_call *call)
{
	struct instance *instance = gw->instance_data(call);

	if (!instance)
		return;
	server_end(instance->server);
	pthread_mutex_destroy(&instance->lock);
	free(instance);
}

GW_MODULE(.name = "http", .version = "1.0", .summary = "an API over HTTP on this machine",
	  .options = http_options, .conf_size = sizeof(struct http_conf), .start = on_start,
	  .stop = on_stop, .worker_start = on_worker_start, .tick = on_tick, .control = control,
	  .verbs = CONTROL_VERBS, .once = "would listen on the same address")
