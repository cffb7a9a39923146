/* verb.c - verbs that a module runs: nobody runs them, the test answers. */
#include "kit.h"

#define VERBS_MOST 64
#define WORDS_MOST 256

static const char *join(struct testkit *kit, struct gw_list words)
{
	const char *joined = "";
	size_t i;

	for (i = 0; i < words.count; i++)
		joined = kit_format(kit, "%s%s%.*s", joined, i ? " " : "",
				    GW_STR_ARGS(words.items[i]));
	return joined;
}

static bool append(struct testkit *kit, struct kit_verb *verb)
{
	struct kit_verb **at = &kit->verbs;
	size_t count = 0;

	kit_lock();
	for (; *at; at = &(*at)->next)
		count++;
	if (count < VERBS_MOST)
		*at = verb;
	kit_unlock();
	return count < VERBS_MOST;
}

int service_verb_run(const struct gw_call *call, const struct gw_verb *given,
		     void (*answered)(void *arg, struct gw_str json), void *arg)
{
	struct testkit *kit = call->kit;
	struct gw_verb asked = { 0 };
	struct kit_verb *verb;

	if (kit_null(kit, "verb_run", given) || kit_unsized(call, "gw_verb", given->size) ||
	    kit_fails(kit, "verb_run"))
		return -1;
	memcpy(&asked, given, given->size < sizeof asked ? given->size : sizeof asked);
	if (asked.words.count == 0 || asked.words.count > WORDS_MOST) {
		kit_tell(kit, TESTKIT_LOG, "warning verb_run() refused");
		return -1;
	}
	verb = kit_alloc(kit, sizeof *verb);
	*verb = (struct kit_verb){ NULL, join(kit, asked.words), answered, arg };
	return append(kit, verb) ? 0 : -1;
}

size_t testkit_verbs(struct testkit *kit)
{
	const struct kit_verb *verb;
	size_t count = 0;

	kit_lock();
	for (verb = kit->verbs; verb; verb = verb->next)
		count++;
	kit_unlock();
	return count;
}

const char *testkit_verb(struct testkit *kit)
{
	const char *words;

	kit_lock();
	words = kit->verbs ? kit->verbs->words : NULL;
	kit_unlock();
	return words;
}

bool testkit_run_verb(struct testkit *kit, const char *json)
{
	struct kit_verb *verb;

	kit_lock();
	verb = kit->verbs;
	if (verb)
		kit->verbs = verb->next;
	kit_unlock();
	if (verb)
		verb->answered(verb->arg, json ? gw_str(json) : gw_str_n(NULL, 0));
	return verb != NULL;
}
