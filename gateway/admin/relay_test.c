/* relay_test.c - gatewayctl relay test: walks the way of all mail to a relay, and says what is
 * wrong where it ends. */
#include "admin/relays.h"

#include "admin/diagnosis.h"
#include "deliver/relay_trial.h"
#include "module/providers.h"

#include <stdlib.h>

struct testing {
	struct relay_trial trial; /* first */
	struct request *request;
};

static void testing_free(struct testing *testing)
{
	relay_trial_finish(&testing->trial);
	snapshot_release(testing->trial.snapshot);
	free(testing);
}

/* Only where a login or a sender is at stake the provider's hint is of use. */
static const char *hint_for(const struct relay_trial *trial)
{
	bool helps = trial->outcome.stage == STAGE_AUTH || trial->outcome.stage == STAGE_MAIL;
	const struct provider *provider = helps && trial->outcome.status != GW_DELIVERED
						  ? trial->relay->provider
						  : NULL;
	return provider && provider->hint.len ? provider->hint.ptr : "";
}

static void add_lines(json_t *rows, const struct relay_trial *trial)
{
	for (const struct relay_trial_line *line = trial->lines; line; line = line->next) {
		const char who[] = { line->who == '*' ? ' ' : line->who, '\0' };
		json_array_append_new(rows, json_pack("{s:s, s:s, s:o}", "stage", line->stage,
						      "who", who, "text", text_of(line->text)));
	}
}

static void tested(struct relay_trial *trial, void *arg)
{
	static const char *const columns[][2] = { { "stage", "STAGE" },
						  { "who", " " },
						  { "text", "WHAT WAS SAID" } };
	struct testing *testing = arg;
	const struct outcome *outcome = &trial->outcome;
	json_t *rows, *table = table_create(columns, 3, &rows);
	const char *hint = hint_for(trial), *what = diagnose(outcome),
		   *stage = outcome->status == GW_DELIVERED ? "" : stage_name(outcome->stage);
	char text[2048];

	add_lines(rows, trial);
	snprintf(text, sizeof(text), "%s%s%s%s%s", *stage ? stage : "relay ",
		 *stage ? ": " : trial->relay->name.ptr, *stage ? what : ": all is well",
		 *hint ? "\n" : "", hint);
	json_object_set_new(table, "code", json_integer(diagnosis_code(outcome)));
	json_object_set_new(table, "text", text_of(gw_str(text)));
	json_object_set_new(table, "data",
			    json_pack("{s:o, s:i, s:s, s:i, s:o, s:s, s:s, s:O}", "relay",
				      text_of(trial->relay->name), "code", diagnosis_code(outcome),
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

static bool take_words(struct request *request, struct relay_trial *trial)
{
	const char *to = request_option(request, "--to"), *from = request_option(request, "--from");
	trial->rcpt = to ? gw_str(to) : trial->rcpt;
	trial->sender = from ? gw_str(from) : trial->sender;
	return is_fine(to) && is_fine(from);
}

/* NULL: it can be tried. */
static const char *why_not(const struct relay_trial *trial)
{
	if (!trial->relay->hosts.count)
		return "a module delivers for this relay: there is no host to connect to";
	if (trial->relay->mx && !trial->rcpt.len)
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
	testing->trial = (struct relay_trial){ .snapshot = snapshot_current(),
					       .done = tested,
					       .arg = testing };
	if (!take_words(request, &testing->trial)) {
		request_usage(request, "--to and --from want an address like name@example.com");
		testing_free(testing);
		return;
	}
	testing->trial.relay = snapshot_relay(testing->trial.snapshot, gw_str(words[0]));
	if (!testing->trial.relay) {
		relay_unknown(request, testing->trial.snapshot, words[0]);
		testing_free(testing);
		return;
	}
	why = why_not(&testing->trial);
	if (!why && relay_trial_begin(&testing->trial) == 0)
		return;
	request_say(request, why ? EX_UNAVAILABLE : EX_OSERR, "%s: %s", words[0],
		    why ? why : "no memory");
	testing_free(testing);
}
