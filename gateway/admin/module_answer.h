/* module_answer.h - what a module answers to its verb, on its way to who asked. */
#ifndef ADMIN_MODULE_ANSWER_H
#define ADMIN_MODULE_ANSWER_H

#include "admin/request.h"
#include "services/output.h"

struct module_answer {
	struct service_output output; /* where the hook puts it */
	json_t *json;                 /* octets that were JSON */
	struct gw_json *written;      /* what the writer made; NULL: nothing */
};

void module_answer_init(struct module_answer *answer);
/* Ends the request with it, or with `problems` where there are any. The answer is empty then. */
void module_answer_give(struct module_answer *answer, struct request *request,
			const struct problems *problems);

#endif
