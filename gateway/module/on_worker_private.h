/* on_worker_private.h - what the files about an instance on its worker share. */
#ifndef MODULE_ON_WORKER_PRIVATE_H
#define MODULE_ON_WORKER_PRIVATE_H

#include "module/on_worker.h"

#define WORKERS_MOST 64 /* as the option has it; the main loop's number is over it */

struct module_timer;
struct module_request;
struct module_question;
struct module_keep;

/* What an instance has on a worker. */
struct instance_part {
	void *data;
	struct module_timer *timers;
	unsigned timer_count;
	struct module_request *requests;
	unsigned request_count;
	struct module_question *questions;
	unsigned question_count;
	struct module_keep *keeps;
};

enum stay { STAY_NOT_YET, STAY_IN, STAY_OVER };

/* What a snapshot has on a worker. */
struct on_worker {
	_Atomic int stay; /* written by the worker alone */
	struct worker *worker;
	gw_timer last_timer;
	gw_http last_request;
	gw_dns last_question;
	struct instance_part *parts; /* beside snapshot->instances */
};

/* Where the call is; NULL: on no worker. */
struct instance_part *on_worker_part(const struct gw_call *call, struct on_worker **here);

void on_worker_tell(struct worker *worker, struct instance *instance, enum gw_hook hook,
		    const void *argument, void *asked_with);

/* Says in the log what a service did not take; 0. */
uint64_t on_worker_refuse(const struct gw_call *call, const char *service, const char *why);

/* Gives up what it asks; nobody is told. */
void on_worker_http_stop(struct instance_part *part);
void on_worker_dns_stop(struct instance_part *part);
void on_worker_keep_stop(struct instance_part *part);

/* What asks on and on, from its own answers or its timers, would keep an instance that was replaced
 * for ever. Sessions and messages that began with it end by themselves. */
bool on_worker_keeps_itself(const struct gw_call *call);

#endif
