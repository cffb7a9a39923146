/* output.h - what modules say when an admin asks them. */
#ifndef SERVICES_OUTPUT_H
#define SERVICES_OUTPUT_H

#include <gateway/json.h>

/* Where status and control put their output: gw_call.answer_to points to one. */
struct service_output {
	void (*status_line)(struct service_output *output, const char *instance, const char *key,
			    const char *text);
	/* Octets that a module took for JSON. */
	void (*answer)(struct service_output *output, struct gw_str json);
	/* What the writer wrote, without a fault; taken over. */
	void (*written)(struct service_output *output, struct gw_json *json);
};

#endif
