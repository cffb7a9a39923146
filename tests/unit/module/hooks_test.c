#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "module/snapshot.h"

/* Every function of the table between `stop` and `once` is a hook, in the same order: a row too
 * many or too few is seen here. */
static void rows_are_the_functions_of_the_table(void **state)
{
	size_t first = offsetof(struct gw_module, stop) + sizeof(void (*)(void));

	assert_int_equal(first + GW_HOOKS * sizeof(void (*)(void)),
			 offsetof(struct gw_module, once));
	for (size_t hook = 0; hook < GW_HOOKS; hook++) {
		assert_non_null(hook_table[hook].name);
		assert_int_equal(hook_table[hook].offset, first + hook * sizeof(void (*)(void)));
	}
}

static void accept_is_a_claim_or_a_vote(void **state)
{
	for (size_t hook = 0; hook < GW_HOOKS; hook++) {
		const struct hook_row *row = &hook_table[hook];
		assert_int_equal(row->mode != HOOK_ALL,
				 (row->verdicts & VERDICT_BIT(GW_ACCEPT)) != 0);
	}
}

static bool observes(size_t hook)
{
	return hook_table[hook].kind == HOOK_OBSERVES;
}

static void observers_have_no_say(void **state)
{
	for (size_t hook = 0; hook < GW_HOOKS; hook++)
		assert_int_equal(hook_table[hook].verdicts == 0, observes(hook));
}

/* What a broken module becomes must never be a yes, but where the design says "go on". */
static void broken_is_never_clean(void **state)
{
	for (size_t hook = 0; hook < GW_HOOKS; hook++) {
		enum gw_verdict broken = hook_table[hook].broken;
		if (observes(hook) || hook == GW_HOOK_ehlo || hook == GW_HOOK_bounce ||
		    hook == GW_HOOK_probe || hook == GW_HOOK_fallback)
			assert_int_equal(broken, GW_CONTINUE);
		else
			assert_true(broken == GW_TEMPFAIL || broken == GW_WAIT ||
				    broken == GW_DISCONNECT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_the_functions_of_the_table),
		cmocka_unit_test(accept_is_a_claim_or_a_vote),
		cmocka_unit_test(observers_have_no_say),
		cmocka_unit_test(broken_is_never_clean),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
