#include "azure_end.h"

#include "posting.h"

#include <stdio.h>

enum gw_verdict azure_end_said(struct gw_call *call, struct send *send)
{
	gw->reason(call, "%s said %s", send->api->name, send->said.text);
	return send_end(send, given_answer(call, send->delivery, &send->said, send->host));
}

enum gw_verdict azure_end(struct gw_call *call, struct send *send, enum gw_status status,
			  const char *stage, const char *enhanced, const char *text)
{
	return send_end(send, given_end(call, send->delivery, status, stage, enhanced, text));
}

enum gw_verdict azure_end_unknown(struct gw_call *call, struct send *send, const char *why)
{
	char text[SAID_TEXT];

	snprintf(text, sizeof text, "%s may have it as operation %s: %.500s", send->api->name,
		 send->azure.id, why);
	gw->reason(call, "%s", text);
	return azure_end(call, send, GW_UNKNOWN, "dot", "4.4.2", text);
}

enum gw_verdict azure_end_not_taken(struct gw_call *call, struct send *send)
{
	posting_forget(call, send->delivery);
	return azure_end_said(call, send);
}

enum gw_verdict azure_end_refused(struct gw_call *call, struct send *send)
{
	const struct refusal *refusal = &send->azure.refusal;

	gw->reason(call, "%s cannot carry it: %s", send->api->name, refusal->text);
	return azure_end(call, send, GW_BOUNCED, "mail", refusal->enhanced, refusal->text);
}

void azure_say_sent(struct send *send)
{
	int http = send->said.http;

	send->said = (struct said){ .status = GW_DELIVERED,
				    .code = 250,
				    .enhanced = "2.0.0",
				    .stage = "dot",
				    .http = http };
	snprintf(send->said.text, sizeof send->said.text, "HTTP %d, operation %s", http,
		 send->azure.id);
}
