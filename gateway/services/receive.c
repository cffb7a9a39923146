#include "services/services.h"

#include "mail/message.h"

/* Before mail there is no message, and after the message hook it has been answered. */
void services_take_refused(struct gw_call *call, struct gw_message *message)
{
	if (call->hook >= GW_HOOK_mail && call->hook <= GW_HOOK_message)
		message->take_refused = true;
}
