#include "module/chain.h"

#include "base/log.h"
#include "mail/message.h"

void call_log_reason(struct gw_call *call, struct gw_str sentence)
{
	struct log_line *line = call->message ? log_open(EVENT_REASON) : NULL;
	if (!line)
		return;
	log_id(line, call->message->id);
	log_text(line, KEY_HOOK, hook_table[call->hook].name);
	log_text(line, KEY_BY, call->instance->name);
	if (call->rcpt)
		log_str(line, KEY_TO, call->rcpt->address);
	if (call->relay)
		log_str(line, KEY_RELAY, call->relay->name);
	log_str(line, KEY_TEXT, sentence);
	log_close(line);
}
