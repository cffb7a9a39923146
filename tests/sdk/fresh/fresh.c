/* A module that is built twice, and says which of the two it is. */
#include <gateway/module.h>

static enum gw_verdict on_mail(struct gw_call *call, struct gw_message *message)
{
	return FRESH_VERSION[0] == '1' ? GW_CONTINUE : GW_REJECT;
}

static void on_status(struct gw_call *call)
{
	gw->status_line(call, "code", "%s", FRESH_VERSION);
}

GW_MODULE(.name = "fresh", .version = FRESH_VERSION, .summary = "a module that is built twice", .mail = on_mail, .status = on_status)
