/* edited.c - mail that other modules change, and that this one tells of. */
#include "kit.h"

static void add(struct testkit *kit, struct edited *edited, const struct gw_edit *from)
{
	struct gw_edit *edit;

	edited->list = kit_grow(kit, edited->list, edited->count, sizeof *edited->list);
	edit = &edited->list[edited->count++];
	*edit = *from;
	edit->size = sizeof *edit;
	edit->domain = kit_str(kit, from->domain);
	edit->by = kit_str(kit, from->by);
}

void testkit_edit(struct testkit *kit, const struct gw_edit *edit)
{
	add(kit, &kit->foreign, edit);
}

const struct gw_edit *testkit_edited(struct testkit *kit, size_t nth)
{
	return nth < kit->edited.count ? &kit->edited.list[nth] : NULL;
}

bool service_edit_known(struct gw_call *call, const struct gw_edit *edit)
{
	struct testkit *kit = call->kit;
	struct gw_edit given = { 0 };

	if (kit_refused(call, "edit_known", ON(edits)) || kit_null(kit, "edit_known", edit) ||
	    kit_unsized(call, "gw_edit", edit->size))
		return false;
	memcpy(&given, edit, edit->size < sizeof given ? edit->size : sizeof given);
	given.by = gw_str("module");
	if (!given.domain.len || !kit_name_refused(kit, "edit_known", given.domain))
		add(kit, &kit->edited, &given);
	return true;
}

void service_edit_each(struct gw_call *call, bool (*each)(void *arg, const struct gw_edit *),
		       void *arg)
{
	const struct edited *foreign = &call->kit->foreign;
	size_t i;

	if (kit_refused(call, "edit_each", ON(start) | ON(check)))
		return;
	for (i = 0; i < foreign->count && each(arg, &foreign->list[i]); i++)
		;
}
