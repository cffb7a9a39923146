#include "control_take.h"

#include "classify.h"
#include "control.h"
#include "instance.h"
#include "mail.h"
#include "returned.h"

/* What became of it; who pipes a mailbox into this reads the exit code alone. */
static const char *outcome(const struct returned *returned)
{
	size_t i;

	if (!returned->findings->count)
		return "no bounce";
	if (!returned->is_known)
		return "of no message that is remembered: does the relay say return_path_reflect?";
	for (i = 0; i < returned->findings->count; i++)
		if (returned->numbers[i])
			return "remembered";
	return "a copy";
}

static void answer(struct gw_call *call, const struct returned *returned)
{
	struct gw_json *json = gw->json_create();
	size_t i;

	gw->json_begin(json, NULL, GW_JSON_OBJECT);
	gw->json_string(json, "text", gw_str(outcome(returned)));
	gw->json_begin(json, "data", GW_JSON_OBJECT);
	gw->json_string(json, "outcome", gw_str(outcome(returned)));
	gw->json_begin(json, "items", GW_JSON_ARRAY);
	for (i = 0; i < returned->findings->count; i++)
		finding_write(json, NULL, returned->findings, &returned->findings->items[i]);
	gw->json_end(json);
	gw->json_end(json);
	gw->json_end(json);
	gw->answer_json(call, json);
}

/* The reports go out as those that are owed. */
void control_take(struct gw_call *call, struct gw_str mail)
{
	struct store *store = instance_store(gw->instance_data(call));
	struct returned *returned = store ? returned_create(call, store) : NULL;

	if (!returned) {
		gw->problem(call, true, "no bounces are remembered: the store cannot be opened");
		return;
	}
	returned->len = mail.len < MAIL_MAX ? mail.len : MAIL_MAX;
	memcpy(returned->bytes, mail.ptr, returned->len);
	returned_read(returned, true);
	if (returned_has_records(returned, true))
		returned_keep_now(returned);
	if (returned->failed)
		gw->problem(call, true, "it cannot be kept: try again later");
	else
		answer(call, returned);
	returned_free(returned);
}
