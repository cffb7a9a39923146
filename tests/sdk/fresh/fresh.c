/* A module that is built twice, and says which of the two it is. The first dies of mail from
 * crash@. */
#include <gateway/module.h>

#include <stdlib.h>

static enum gw_verdict on_mail(struct gw_call *call, struct gw_message *message)
{
	if (FRESH_VERSION[0] == '1' && message &&
	    strncmp(gw->message_fact(message, GW_MESSAGE_SENDER).ptr, "crash@", 6) == 0)
		abort();
	return FRESH_VERSION[0] == '1' ? GW_CONTINUE : GW_REJECT;
}

static void on_status(struct gw_call *call)
{
	gw->status_line(call, "code", "%s", FRESH_VERSION);
}

GW_MODULE(.name = "fresh", .version = FRESH_VERSION, .summary = "a module that is built twice",
	  .mail = on_mail, .status = on_status)
