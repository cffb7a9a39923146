#include "plan.h"

void plan_init(struct plan *plan)
{
	plan->splices = g_array_new(FALSE, FALSE, sizeof(struct splice));
	plan->fields = g_array_new(FALSE, FALSE, sizeof(struct field_edit));
}

void plan_finish(struct plan *plan)
{
	guint i;

	for (i = 0; i < plan->splices->len; i++)
		g_string_free(g_array_index(plan->splices, struct splice, i).text, TRUE);
	for (i = 0; i < plan->fields->len; i++)
		g_free(g_array_index(plan->fields, struct field_edit, i).value);
	g_array_free(plan->splices, TRUE);
	g_array_free(plan->fields, TRUE);
}

void plan_splice(struct plan *plan, uint64_t offset, uint64_t drop, GString *text)
{
	struct splice splice = { offset, drop, text };

	g_array_append_val(plan->splices, splice);
}

void plan_field(struct plan *plan, uint64_t nth, const char *name, char *value)
{
	struct field_edit edit = { nth, name, value };

	g_array_append_val(plan->fields, edit);
}

/* At one place, what is dropped before what comes in front of it. */
static int last_first(const void *left, const void *right)
{
	const struct splice *a = left, *b = right;

	if (a->offset != b->offset)
		return a->offset < b->offset ? 1 : -1;
	return a->drop < b->drop ? 1 : a->drop > b->drop ? -1 : 0;
}

static int highest_first(const void *left, const void *right)
{
	uint64_t a = ((const struct field_edit *)left)->nth + 1; /* PLAN_ADD is 0 */
	uint64_t b = ((const struct field_edit *)right)->nth + 1;

	return a < b ? 1 : a > b ? -1 : 0;
}

void plan_order(struct plan *plan)
{
	g_array_sort(plan->splices, last_first);
	g_array_sort(plan->fields, highest_first);
}
