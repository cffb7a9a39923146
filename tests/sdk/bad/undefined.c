/* Calls something that the gateway never offered; linked so that only the loader can notice. */
#include <gateway/module.h>

int gateway_internal_function(void);

static enum gw_verdict on_mail(struct gw_call *call, struct gw_message *message)
{
	return gateway_internal_function() ? GW_REJECT : GW_CONTINUE;
}

GW_MODULE(.name = "undefined", .version = "1.0", .summary = "has a hole", .mail = on_mail)
