/* Built with the shorter header: its table ends before tick. */
#include <gateway/module.h>

static enum gw_verdict on_mail(struct gw_call *call, struct gw_message *message)
{
	gw->reply(call, 550, "5.7.1", "old but well");
	return GW_REJECT;
}

GW_MODULE(.name = "short", .version = "0.9", .summary = "built with an older header", .mail = on_mail)
