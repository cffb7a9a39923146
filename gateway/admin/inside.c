/* inside.c - verbs that modules run for those whom they know, such as who has a token of an API. */
#include "admin/request.h"

#include "services/verb.h"

static void run(struct verb_run *verb, void *arg)
{
	struct admin *admin = arg;
	struct request *request = request_alone(admin, verb->words.items, verb->words.count);
	if (!request) {
		verb_answer(verb, gw_str(ANSWER_NO_MEMORY));
		return;
	}
	request->inside = verb;
	request->by = verb->by;
	request->may_change = verb->admin;
	request->next_inside = admin->inside;
	admin->inside = request;
	request_run(request);
}

void inside_answer(struct request *request, struct gw_str json)
{
	struct request **at = &request->admin->inside;
	while (*at != request)
		at = &(*at)->next_inside;
	*at = request->next_inside;
	verb_answer(request->inside, json);
}

void inside_begin(struct admin *admin)
{
	verb_set_runner(run, admin);
}

/* Requests that workers still have are not freed by anybody: the process ends. */
void inside_end(struct admin *admin)
{
	verb_set_runner(NULL, NULL);
	while (admin->inside)
		inside_answer(admin->inside, gw_str_n(NULL, 0));
}
