/* relay_test.c - gatewayctl relay test: walks the way of all mail to a relay, and says what is
 * wrong where it ends. */
#include "admin/relays.h"

#include "admin/diagnosis.h"
#include "deliver/relay_test.h"
#include "module/chain.h"
#include "module/providers.h"

#include <stdlib.h>

struct testing {
	struct relay_test test; /* first */
	struct request *request;
};

static void testing_free(struct testing *testing)
{
	relay_test_finish(&testing->test);
	snapshot_release(testing->test.snapshot);
	free(testing);
}

/* Only where a login or a sender is at stake the provider's hint is of use. */
static const char *hint_for(const struct relay_test *test)
{
	bool helps = test->outcome.stage == STAGE_AUTH || test->outcome.stage == STAGE_MAIL;
	const struct provider *provider = helps && test->outcome.status != GW_DELIVERED
						  ? test->relay->provider
						  : NULL;
	return provider && provider->hint.len ? provider->hint.ptr : "";
}

static void add_lines(json_t *rows, const struct relay_test *test)
{
	for (const struct relay_test_line *line = test->lines; line; line = line->next) {
		const char who[] = { line->who == '*' ? ' ' : line->who, '\0' };
		json_array_append_new(rows, json_pack("{s:s, s:s, s:o}", "stage", line->stage,
						      "who", who, "text", text_of(line->text)));
	}
}

static void tested(struct relay_test *test, void *arg)
{
	static const char *const columns[][2] = { { "stage", "STAGE" },
						  { "who", " " },
						  { "text", "WHAT WAS SAID" } };
	struct testing *testing = arg;
	const struct outcome *outcome = &test->outcome;
	json_t *rows, *table = table_create(columns, 3, &rows);
	const char *hint = hint_for(test), *what = diagnose(outcome),
		   *stage = outcome->status == GW_DELIVERED ? "" : stage_name(outcome->stage);
	char text[2048];

	add_lines(rows, test);
	snprintf(text, sizeof(text), "%s%s%s%s%s", *stage ? stage : "relay ",
		 *stage ? ": " : test->relay->name.ptr, *stage ? what : ": all is well",
		 *hint ? "\n" : "", hint);
	json_object_set_new(table, "code", json_integer(diagnosis_code(outcome)));
	json_object_set_new(table, "text", text_of(gw_str(text)));
	json_object_set_new(table, "data",
			    json_pack("{s:o, s:i, s:s, s:i, s:o, s:s, s:s, s:O}", "relay",
				      text_of(test->relay->name), "code", diagnosis_code(outcome),
				      "stage", stage, "reply", outcome->reply.code, "said",
				      text_of(outcome->reply.text), "diagnosis", what, "hint", hint,
				      "lines", rows));
	request_answer(testing->request, table);
	testing_free(testing);
}

/* True: nothing is there, or an address. */
static bool is_fine(const char *address)
{
	return !address || (strchr(address, '@') && !strpbrk(address, "<> \r\n"));
}

static bool take_words(struct request *request, struct relay_test *test)
{
	const char *to = request_option(request, "--to"), *from = request_option(request, "--from");
	test->rcpt = to ? gw_str(to) : test->rcpt;
	test->sender = from ? gw_str(from) : test->sender;
	return is_fine(to) && is_fine(from);
}

/* NULL: it can be tried. */
static const char *why_not(const struct relay_test *test)
{
	if (!test->relay->hosts.count && chain_empty(test->snapshot, GW_HOOK_probe))
		return "a module delivers for this relay: there is no host to connect to";
	if (test->relay->mx && !test->rcpt.len)
		return "this relay sends to each domain's own mail hosts: say which with --to ADDRESS";
	return NULL;
}

void verb_relay_test(struct request *request, const char *const *words, size_t count)
{
	struct testing *testing = calloc(1, sizeof(*testing));
	const char *why;

	if (!testing) {
		request_say(request, EX_OSERR, "no memory");
		return;
	}
	testing->request = request;
	testing->test = (struct relay_test){ .snapshot = snapshot_current(),
					     .done = tested,
					     .arg = testing };
	if (!take_words(request, &testing->test)) {
		request_usage(request, "--to and --from want an address like name@example.com");
		testing_free(testing);
		return;
	}
	testing->test.relay = snapshot_relay(testing->test.snapshot, gw_str(words[0]));
	if (!testing->test.relay) {
		relay_unknown(request, testing->test.snapshot, words[0]);
		testing_free(testing);
		return;
	}
	why = why_not(&testing->test);
	if (!why && relay_test_begin(&testing->test) == 0)
		return;
	request_say(request, why ? EX_UNAVAILABLE : EX_OSERR, "%s: %s", words[0],
		    why ? why : "no memory");
	testing_free(testing);
}
