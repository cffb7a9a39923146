#include "module/chain.h"

#include "base/log.h"
#include "mail/message.h"

void call_log_reason(struct gw_call *call, struct gw_str sentence)
{
	struct log_line *line = call->message ? log_open(LOG_LEVEL_INFO, "reason") : NULL;
	if (!line)
		return;
	log_id(line, call->message->id);
	log_text(line, "hook", hook_table[call->hook].name);
	log_text(line, "by", call->instance->name);
	if (call->rcpt)
		log_str(line, "to", call->rcpt->address);
	if (call->relay)
		log_str(line, "relay", call->relay->name);
	log_str(line, "text", sentence);
	log_close(line);
}
