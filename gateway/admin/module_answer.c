#include "admin/module_answer.h"

#include "base/json_writer.h"

#include <stdlib.h>

#define CODE "{\"code\":0"

static void forget(struct module_answer *answer)
{
	json_decref(answer->json);
	json_writer_destroy(answer->written);
	answer->json = NULL;
	answer->written = NULL;
}

static json_t *json_of(struct gw_str text)
{
	json_t *json = json_loadb(text.ptr, text.len, JSON_ALLOW_NUL, NULL);
	/* Replies of next hops may be in it, and those may be anything. */
	char *clean = json ? NULL : text_clean(text);
	if (clean)
		json = json_loads(clean, 0, NULL);
	free(clean);
	return json;
}

static void take(struct service_output *output, struct gw_str json)
{
	struct module_answer *answer = (struct module_answer *)output;
	forget(answer);
	answer->json = json_of(json);
}

static void take_written(struct service_output *output, struct gw_json *json)
{
	struct module_answer *answer = (struct module_answer *)output;
	forget(answer);
	answer->written = json;
}

void module_answer_init(struct module_answer *answer)
{
	*answer = (struct module_answer){ { .answer = take, .written = take_written }, NULL, NULL };
}

/* What a module says of its verb's words is of no file, though a problem of its fragment it looks
 * like. */
static void say_problems(struct request *request, const struct problems *problems)
{
	struct buf text;
	buf_init(&text, 0);
	for (const struct problem *problem = problems->first; problem; problem = problem->next)
		buf_printf(&text, "%s%s", buf_len(&text) ? "\n" : "", problem->text);
	request_say(request, EX_DATAERR, "%.*s", (int)buf_len(&text),
		    buf_len(&text) ? buf_ptr(&text) : "");
	buf_finish(&text);
}

/* What is written goes on as it is: a long list would be read and written anew for nothing. */
static bool give_written(struct request *request, const struct gw_json *written, struct gw_str text)
{
	struct buf line;
	int error;
	if (request->audited || json_writer_says_code(written) || text.len < 2 ||
	    text.ptr[0] != '{')
		return false;
	buf_init(&line, 0);
	error = buf_add(&line, CODE, sizeof(CODE) - 1);
	if (text.len > 2)
		error |= buf_add(&line, ",", 1);
	error |= buf_add(&line, text.ptr + 1, text.len - 1);
	request_answer_line(request, error ? gw_str(ANSWER_NO_MEMORY) : buf_str(&line));
	buf_finish(&line);
	return true;
}

static void give_json(struct request *request, json_t *json)
{
	if (!json_is_object(json)) {
		json_decref(json);
		request_say(request, EX_SOFTWARE, "the module gave no answer");
		return;
	}
	if (!json_object_get(json, "code"))
		json_object_set_new(json, "code", json_integer(EX_OK));
	request_answer(request, json);
}

void module_answer_give(struct module_answer *answer, struct request *request,
			const struct problems *problems)
{
	struct gw_str text = answer->written ? json_writer_text(answer->written) : gw_str("");
	if (problems->first)
		say_problems(request, problems);
	else if (!answer->written)
		give_json(request, json_incref(answer->json));
	else if (!give_written(request, answer->written, text))
		give_json(request, json_of(text));
	forget(answer);
}
