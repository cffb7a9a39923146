/* explain_what.c - explain: which relay would take a message, and why not the others; nothing is sent. */
#include "admin/request.h"

#include "base/buf.h"
#include "base/list.h"
#include "deliver/explain.h"

#include <stdlib.h>

struct asking {
	struct post there, back;
	struct request *request;
	struct snapshot *snapshot;
	const char *from, *to, *type, *client, *eml;
	struct buf bytes;
	struct buf taker;            /* who would take it */
	json_t *rows;
};

static void asking_free(struct asking *asking)
{
	snapshot_release(asking->snapshot);
	buf_finish(&asking->bytes);
	buf_finish(&asking->taker);
	json_decref(asking->rows);
	free(asking);
}

/* --- the answer --- */

static void answer(struct post *post)
{
	static const char *const columns[][2] = { { "relay", "RELAY" }, { "answer", "ANSWER" }, { "why", "WHY" } };
	struct asking *asking = list_of(post, struct asking, back);
	json_t *rows, *table = table_create(columns, 3, &rows);
	json_array_extend(rows, asking->rows);
	if (buf_str(&asking->taker).len)
		json_object_set_new(table, "text", json_sprintf("goes to %.*s", GW_STR_ARGS(buf_str(&asking->taker))));
	else
		json_object_set_new(table, "text", json_string("no relay takes it now"));
	request_answer(asking->request, table);
	asking_free(asking);
}

static void done(void *arg)
{
	struct asking *asking = arg;
	worker_post(runtime.main, &asking->back);
}

static void step(void *arg, const struct explain_step *step)
{
	struct asking *asking = arg;
	if (strcmp(step->answer, "takes it") == 0 && !buf_str(&asking->taker).len)
		buf_add(&asking->taker, step->relay.ptr, step->relay.len);
	json_array_append_new(asking->rows, json_pack("{s:o, s:s, s:o}", "relay", text_of(step->relay), "answer", step->answer, "why", text_of(step->why)));
}

/* --- the question --- */

static void ask(struct post *post)
{
	struct asking *asking = list_of(post, struct asking, there);
	struct explain_question question = {
		.worker = runtime.workers[0], .snapshot = asking->snapshot, .sender = gw_str(asking->from), .rcpt = gw_str(asking->to),
		.client = gw_str(asking->client), .type = gw_str(asking->type), .bytes = buf_str(&asking->bytes), .whole = asking->eml != NULL,
		.step = step, .done = done, .arg = asking,
	};
	explain_begin(&question);
}

static void take_options(struct asking *asking)
{
	const struct { const char *key; const char **into; } options[] = {
		{ "--from", &asking->from }, { "--to", &asking->to }, { "--type", &asking->type }, { "--client", &asking->client }, { "--eml", &asking->eml },
	};
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		const char *value = request_option(asking->request, options[i].key);
		*options[i].into = value ? value : *options[i].into;
	}
}

/* A file of a mail program may have bare line ends. */
static int add_lines(struct buf *bytes, const char *text)
{
	for (; *text; text++)
		if (*text != '\r' && (*text == '\n' ? buf_add(bytes, "\r\n", 2) : buf_add(bytes, text, 1)) != 0)
			return -1;
	return 0;
}

static int write_message(struct asking *asking)
{
	return asking->eml ? add_lines(&asking->bytes, asking->eml) : buf_printf(&asking->bytes, "From: <%s>\r\n\r\n", asking->from);
}

static struct asking *asking_create(struct request *request)
{
	struct asking *asking = calloc(1, sizeof(*asking));
	if (!asking)
		return NULL;
	asking->request = request;
	asking->snapshot = snapshot_current();
	asking->client = asking->type = "";
	asking->rows = json_array();
	asking->there.run = ask;
	asking->back.run = answer;
	buf_init(&asking->bytes, 0);
	buf_init(&asking->taker, 0);
	return asking;
}

void verb_explain_what(struct request *request, const char *const *words, size_t count)
{
	struct asking *asking = asking_create(request);
	if (!asking) {
		request_say(request, EX_OSERR, "no memory");
	} else if (take_options(asking), write_message(asking) != 0) {
		request_say(request, EX_OSERR, "no memory");
		asking_free(asking);
	} else {
		worker_post(runtime.workers[0], &asking->there);
	}
}
