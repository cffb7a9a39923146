#include "instance.h"

#include "keeper.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct instance {
	pthread_mutex_t lock;
	struct keys keys;
	bool has_keys;
	struct store *store;
	char fault[FAULT_MAX]; /* why there is none */
	char domain[GW_DOMAIN_MAX + 1];
};

static bool read_keys(struct gw_call *call, struct instance *instance)
{
	const struct bounce_conf *conf = gw->conf(call);
	const char *why = NULL;
	int got = conf->domain.len ? keys_read(&instance->keys, conf->key_file.ptr, &why) : 1;

	instance->has_keys = got == 0;
	if (got < 0)
		gw->problem_at(call, NULL, "key_file", true, "%s: %s", conf->key_file.ptr, why);
	return got >= 0;
}

static bool read_domain(struct gw_call *call, struct instance *instance)
{
	const struct bounce_conf *conf = gw->conf(call);

	if (!conf->domain.len || gw->domain_ascii(call, conf->domain, instance->domain) > 0)
		return true;
	gw->problem_at(call, NULL, "domain", true, "\"%.*s\" is no domain",
		       GW_STR_ARGS(conf->domain));
	return false;
}

struct instance *instance_create(struct gw_call *call)
{
	struct instance *instance = calloc(1, sizeof *instance);

	if (!instance) {
		gw->problem(call, true, "no memory");
		return NULL;
	}
	pthread_mutex_init(&instance->lock, NULL);
	if (read_domain(call, instance) && read_keys(call, instance))
		return instance;
	instance_destroy(instance);
	return NULL;
}

void instance_destroy(struct instance *instance)
{
	if (!instance)
		return;
	store_close(instance->store);
	pthread_mutex_destroy(&instance->lock);
	free(instance);
}

static const char *make_keys(struct instance *instance, const char *path)
{
	const char *why = NULL;

	if (keys_make(path) != 0)
		return strerror(errno);
	instance->has_keys = keys_read(&instance->keys, path, &why) == 0;
	return why;
}

void instance_begin(struct gw_call *call, struct instance *instance)
{
	const struct bounce_conf *conf = gw->conf(call);
	const char *why = NULL, *unopened = NULL;

	pthread_mutex_lock(&instance->lock);
	if (conf->domain.len && !instance->has_keys)
		why = make_keys(instance, conf->key_file.ptr);
	if (!instance->store)
		instance->store = store_open(conf->store_file.ptr, &unopened);
	snprintf(instance->fault, sizeof instance->fault, "%s",
		 instance->store ? ""
		 : unopened      ? unopened
				 : "no memory");
	if (instance->store)
		keeper_begin(store_keeper(instance->store), gw->now(call));
	pthread_mutex_unlock(&instance->lock);
	if (unopened && !instance->store)
		gw->log(call, GW_LOG_ERROR, "%s: %s: bounces cannot be remembered",
			conf->store_file.ptr, unopened);
	if (why)
		gw->log(call, GW_LOG_ERROR, "%s: %s: return paths of ours cannot be made",
			conf->key_file.ptr, why);
}

bool instance_fault(struct instance *instance, char why[FAULT_MAX])
{
	pthread_mutex_lock(&instance->lock);
	memcpy(why, instance->fault, FAULT_MAX);
	pthread_mutex_unlock(&instance->lock);
	return *why;
}

const char *instance_domain(const struct instance *instance)
{
	return instance->domain;
}

struct store *instance_store(struct instance *instance)
{
	struct store *store;

	pthread_mutex_lock(&instance->lock);
	store = instance->store;
	pthread_mutex_unlock(&instance->lock);
	return store;
}

bool instance_keys(struct instance *instance, struct keys *keys)
{
	bool has;

	pthread_mutex_lock(&instance->lock);
	has = instance->has_keys;
	*keys = instance->keys;
	pthread_mutex_unlock(&instance->lock);
	return has;
}
