/* explain_what.c - explain: which relay would take a message, and why not the others; nothing is
 * sent. */
#include "admin/request.h"

#include "base/buf.h"
#include "base/list.h"
#include "deliver/explain.h"
#include "services/clients.h"
#include "smtp/address.h"

#include <stdlib.h>

struct asking {
	struct post there, back;
	struct request *request;
	struct snapshot *snapshot;
	const char *from, *to, *type, *name, *eml;
	struct gw_client client; /* of that name, in the request's arena */
	bool known;
	bool all;
	struct buf bytes;
	struct buf end; /* "goes to mass", "waits", "refused: 451 4.7.1 ..." */
	json_t *rows;
};

static void asking_free(struct asking *asking)
{
	snapshot_release(asking->snapshot);
	buf_finish(&asking->bytes);
	buf_finish(&asking->end);
	json_decref(asking->rows);
	free(asking);
}

/* --- the answer --- */

static void answer(struct post *post)
{
	static const char *const columns[][2] = { { "relay", "RELAY" },
						  { "answer", "ANSWER" },
						  { "why", "WHY" } };
	struct asking *asking = list_of(post, struct asking, back);
	json_t *rows, *table = table_create(columns, 3, &rows);
	json_t *verdict = buf_str(&asking->end).len ? text_of(buf_str(&asking->end))
						    : json_string("waits");
	json_array_extend(rows, asking->rows);
	json_object_set_new(table, "data",
			    json_pack("{s:O, s:O}", "verdict", verdict, "steps", rows));
	json_object_set_new(table, "text", verdict);
	request_answer(asking->request, table);
	asking_free(asking);
}

static void done(void *arg)
{
	struct asking *asking = arg;
	worker_post(runtime.main, &asking->back);
}

static bool is_answer(const struct explain_step *step, const char *answer)
{
	return strcmp(step->answer, answer) == 0;
}

/* Where it ends, but for waiting: that is where it is when nothing else was said. */
static void note_end(struct asking *asking, const struct explain_step *step)
{
	if (buf_str(&asking->end).len)
		return;
	if (is_answer(step, "takes it"))
		buf_printf(&asking->end, "goes to %.*s", GW_STR_ARGS(step->relay));
	else if (is_answer(step, EXPLAIN_REFUSED) || is_answer(step, EXPLAIN_GIVEN_BACK) ||
		 is_answer(step, "held"))
		buf_printf(&asking->end, "%s: %.*s", step->answer, GW_STR_ARGS(step->why));
	else if (is_answer(step, "taken and thrown away"))
		buf_printf(&asking->end, "%s", step->answer);
}

static json_t *why_of(const struct explain_step *step)
{
	if (!step->by.len)
		return text_of(step->why);
	return json_sprintf("%.*s%s%.*s", GW_STR_ARGS(step->by), step->why.len ? ": " : "",
			    GW_STR_ARGS(step->why));
}

static void step(void *arg, const struct explain_step *step)
{
	struct asking *asking = arg;
	note_end(asking, step);
	json_array_append_new(asking->rows,
			      json_pack("{s:o, s:s, s:o}", "relay", text_of(step->relay), "answer",
					step->answer, "why", why_of(step)));
}

/* --- the question --- */

static void say_no_type(struct asking *asking)
{
	request_usage(
		asking->request,
		"no mail is of the type \"%.100s\": there are individual, workflow, mass, and the words of `types` and `type`",
		asking->type);
}

static void ask(struct post *post)
{
	struct asking *asking = list_of(post, struct asking, there);
	struct explain_question question = {
		.worker = runtime.workers[0],
		.snapshot = asking->snapshot,
		.sender = gw_str(asking->from),
		.rcpt = gw_str(asking->to),
		.client = &asking->client,
		.known = asking->known,
		.type = gw_str(asking->type),
		.bytes = buf_str(&asking->bytes),
		.whole = asking->eml != NULL,
		.all = asking->all,
		.step = step,
		.done = done,
		.arg = asking,
	};
	explain_begin(&question);
}

static void take_options(struct asking *asking)
{
	const struct {
		const char *key;
		const char **into;
	} options[] = {
		{ "--from", &asking->from }, { "--to", &asking->to },
		{ "--type", &asking->type }, { "--client", &asking->name },
		{ "--eml", &asking->eml },
	};
	asking->all = request_option(asking->request, "--all") != NULL;
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		const char *value = request_option(asking->request, options[i].key);
		*options[i].into = value ? value : *options[i].into;
	}
}

/* --- types: the words that the configuration knows --- */

#define CLIENTS_MAX 1000 /* so many rows are looked at */

static const char *const built_in_types[] = { "individual", "workflow", "mass" };

static bool is_type(const char *word, const char *type)
{
	return type && strcasecmp(word, type) == 0;
}

/* Of relays, of the module that finds types, of clients. */
static bool fragment_names(const struct conf_fragment *fragment, const char *word)
{
	const char *type;
	char key[40];
	for (size_t i = 0; (type = conf_text(fragment->group, "types", i)) != NULL; i++)
		if (is_type(word, type))
			return true;
	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		snprintf(key, sizeof(key), "clients[%zu].type", i);
		if (is_type(word, conf_text(fragment->group, key, 0)))
			return true;
	}
	return false;
}

static bool type_exists(const struct snapshot *snapshot, const char *word)
{
	const struct listen_settings *listeners = snapshot->settings.listeners.items;
	if (!*word || is_type(word, snapshot->settings.default_type.ptr))
		return true;
	for (size_t i = 0; i < sizeof(built_in_types) / sizeof(built_in_types[0]); i++)
		if (is_type(word, built_in_types[i]))
			return true;
	for (size_t i = 0; i < snapshot->settings.listeners.count; i++)
		if (is_type(word, listeners[i].type.ptr))
			return true;
	for (size_t i = 0; i < conf_count(snapshot->conf); i++)
		if (fragment_names(conf_at(snapshot->conf, i), word))
			return true;
	return false;
}

/* A file of a mail program may have bare line ends. */
static int add_lines(struct buf *bytes, const char *text)
{
	for (; *text; text++)
		if (*text != '\r' &&
		    (*text == '\n' ? buf_add(bytes, "\r\n", 2) : buf_add(bytes, text, 1)) != 0)
			return -1;
	return 0;
}

static int write_message(struct asking *asking)
{
	return asking->eml ? add_lines(&asking->bytes, asking->eml)
			   : buf_printf(&asking->bytes, "From: <%s>\r\n\r\n", asking->from);
}

static void find_client(struct asking *asking)
{
	asking->known = clients_find(asking->snapshot, runtime.main, &asking->request->arena,
				     gw_str(asking->name), &asking->client);
	if (!asking->known)
		asking->client = (struct gw_client){ .name = gw_str(asking->name) };
}

static struct asking *asking_create(struct request *request)
{
	struct asking *asking = calloc(1, sizeof(*asking));
	if (!asking)
		return NULL;
	asking->request = request;
	asking->snapshot = snapshot_current();
	asking->name = asking->type = "";
	asking->rows = json_array();
	asking->there.run = ask;
	asking->back.run = answer;
	buf_init(&asking->bytes, 0);
	buf_init(&asking->end, 0);
	return asking;
}

/* False: it can be no address of anybody's, which was said. */
static bool check_address(const struct asking *asking, const char *key, const char *text)
{
	struct address address;
	if (address_mailbox(gw_str(text), ADDRESS_UTF8_OK, &address))
		return true;
	request_usage(asking->request, "%s: \"%.200s\" is no address", key, text);
	return false;
}

static bool check_addresses(const struct asking *asking)
{
	bool null_sender = !*asking->from || strcmp(asking->from, "<>") == 0;
	return (null_sender || check_address(asking, "--from", asking->from)) &&
	       check_address(asking, "--to", asking->to);
}

void verb_explain_what(struct request *request, const char *const *words, size_t count)
{
	struct asking *asking = asking_create(request);
	if (!asking) {
		request_say(request, EX_OSERR, "no memory");
		return;
	}
	take_options(asking);
	if (!check_addresses(asking)) {
		asking_free(asking);
	} else if (!type_exists(asking->snapshot, asking->type)) {
		say_no_type(asking);
		asking_free(asking);
	} else if (write_message(asking) != 0) {
		request_say(request, EX_OSERR, "no memory");
		asking_free(asking);
	} else {
		find_client(asking);
		worker_post(runtime.workers[0], &asking->there);
	}
}
