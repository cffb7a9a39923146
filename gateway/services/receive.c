#include "services/services.h"

#include "mail/message.h"

/* Before mail there is no message, and after the message hook it has been answered. */
void services_accept_then_bounce(struct gw_call *call, struct gw_message *message)
{
	if (call->hook >= GW_HOOK_mail && call->hook <= GW_HOOK_message)
		message->accept_then_bounce = true;
}
