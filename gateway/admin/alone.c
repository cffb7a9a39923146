/* alone.c - verbs that need no gateway that runs, answered of the configuration alone: one request,
 * whose answer goes to standard output. */
#include "admin/request.h"

#include "module/snapshot.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* The same words as over the socket; a module's verb only where its answer needs nothing that its
 * start() makes. */
static bool is_answered(const char *const *words)
{
	static const char *const known[][2] = { { "help", NULL },
						{ "options", NULL },
						{ "dkim", "keygen" } };
	for (size_t i = 0; words[0] && i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(words[0], known[i][0]) == 0 &&
		    (!known[i][1] || (words[1] && strcmp(words[1], known[i][1]) == 0)))
			return true;
	return !words[0];
}

struct request *request_alone(struct admin *admin, const struct gw_str *words, size_t count)
{
	struct request *request = calloc(1, sizeof(*request));
	json_t *list = json_array();
	if (!request || !list) {
		free(request);
		json_decref(list);
		return NULL;
	}
	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, text_of(words[i]));
	arena_init(&request->arena, 0);
	request->admin = admin;
	request->may_change = true;
	request->uid = geteuid();
	request->pid = getpid();
	request->json = json_pack("{s:o}", "words", list);
	return request;
}

static struct request *make_request(struct admin *admin, const char *const *words)
{
	struct gw_str said[REQUEST_WORDS];
	size_t count = 0;
	for (; words[count] && count < REQUEST_WORDS; count++)
		said[count] = gw_str(words[count]);
	struct request *request = request_alone(admin, said, count);
	if (request)
		request->out = stdout;
	return request;
}

int admin_answer_alone(struct worker *main, const struct admin_operations *operations,
		       const char *const *words)
{
	struct admin admin = { .main = main, .operations = operations };
	struct request *request = is_answered(words) ? make_request(&admin, words) : NULL;
	if (!request) {
		fputs("gatewayd: that is answered by a gateway that runs\n", stderr);
		return EX_UNAVAILABLE;
	}
	request_run(request);
	return EX_OK;
}
