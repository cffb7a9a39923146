#include "admin/audit.h"

#include "base/log.h"

#define COMMAND_MAX 512
#define TEXT_MAX 512

/* What follows a key may be a password. */
static int harmless(const char *word)
{
	return (int)(strcspn(word, "=") + (strchr(word, '=') != NULL));
}

static const char *command_text(struct request *request, size_t shown)
{
	struct buf text;
	buf_init(&text, COMMAND_MAX);
	for (size_t i = 0; i < request->count && i < shown && !text.failed; i++)
		buf_printf(&text, "%s%.*s", i ? " " : "", harmless(request->words[i]),
			   request->words[i]);
	const char *copy = arena_printf(&request->arena, "%.*s%s", (int)buf_len(&text),
					buf_str(&text).ptr,
					text.failed || shown < request->count ? " ..." : "")
				   .ptr;
	buf_finish(&text);
	return copy ? copy : "";
}

static struct log_line *open_line(enum event_id event, const struct request *request,
				  const char *command)
{
	struct log_line *line = log_open(event);
	log_int(line, KEY_UID, request->uid);
	log_int(line, KEY_PID, request->pid);
	if (request->by)
		log_text(line, KEY_BY, request->by);
	log_text(line, KEY_COMMAND, command);
	return line;
}

void audit_begin(struct request *request, size_t shown)
{
	request->audited = command_text(request, shown);
	log_close(open_line(EVENT_CONTROL, request, request->audited));
}

void audit_refused(struct request *request, size_t shown)
{
	log_close(open_line(EVENT_CONTROL_REFUSED, request, command_text(request, shown)));
}

void audit_end(struct request *request, const json_t *json)
{
	if (!request->audited)
		return;
	const json_t *code = json_object_get(json, "code");
	const char *text = json_string_value(json_object_get(json, "text"));
	/* further lines may repeat what was said, a password too */
	size_t len = text ? strcspn(text, "\n") : 0;
	struct log_line *line = open_line(EVENT_CONTROL_DONE, request, request->audited);
	log_int(line, KEY_EXIT, json ? json_integer_value(code) : EX_OSERR);
	log_str(line, KEY_TEXT, gw_str_n(text ? text : "", len < TEXT_MAX ? len : TEXT_MAX));
	log_close(line);
	request->audited = NULL;
}

void audit_order(enum event_id event, uint64_t id, int64_t uid)
{
	struct log_line *line = log_open(event);
	log_id(line, id);
	log_int(line, KEY_UID, uid);
	log_close(line);
}
