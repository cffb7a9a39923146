/* queue_message.c - queue show --message: the octets of a queued message as the gateway has them, a
 * part at a time. For admins, and logged: it is other people's mail. */
#include "admin/request.h"

#include "base/log.h"
#include "mail/message.h"

#include <stdlib.h>

#define PART_MAX (256 * 1024)

struct showing {
	struct offload offload; /* first */
	struct request *request;
	uint64_t id, at, end;
	bool all;
	struct buf part;
	int result; /* 0, enum spool_error */
};

/* --- on the pool --- */

/* Our own field first, as it goes out. */
static int read_part(struct showing *showing, const struct gw_message *message)
{
	char *room = buf_reserve(&showing->part, PART_MAX);
	size_t trace = message->trace.len, from_trace = 0,
	       want = showing->end > showing->at ? (size_t)(showing->end - showing->at) : 0;
	if (!room)
		return SPOOL_UNREADABLE;
	want = want < PART_MAX ? want : PART_MAX;
	if (showing->at < trace)
		from_trace = trace - showing->at < want ? trace - (size_t)showing->at : want;
	if (from_trace)
		memcpy(room, message->trace.ptr + showing->at, from_trace);
	long got = 0;
	if (want > from_trace)
		got = spool_read(&message->content, showing->at + from_trace - trace,
				 room + from_trace, want - from_trace);
	if (got < 0)
		return (int)got;
	buf_added(&showing->part, from_trace + (size_t)got);
	return 0;
}

/* Whole lines, where another part follows: a character is not cut in two. */
static void end_at_line(struct showing *showing)
{
	struct buf *part = &showing->part;
	if (showing->at + buf_len(part) >= showing->end)
		return;
	const char *end = memrchr(buf_ptr(part), '\n', buf_len(part));
	if (end)
		part->end = part->start + (size_t)(end + 1 - buf_ptr(part));
}

static void read_it(struct offload *offload)
{
	struct showing *showing = (struct showing *)offload;
	struct snapshot *snapshot = snapshot_current();
	struct gw_message *message = NULL;
	showing->result = message_load(runtime.main, snapshot, runtime.spool, showing->id,
				       &message);
	if (showing->result == 0) {
		const struct header_block *headers = showing->all ? NULL : message_headers(message);
		uint64_t shown = showing->all ? message->content.size
				 : headers    ? headers->size
					      : MESSAGE_HEADER_MAX;
		showing->end = message->trace.len +
			       (shown < message->content.size ? shown : message->content.size);
		showing->result = read_part(showing, message);
		end_at_line(showing);
		message_destroy(message);
	}
	snapshot_release(snapshot);
}

/* --- on main --- */

/* Each octet a character: U+0000 to U+00FF. */
static json_t *octets_json(struct gw_str octets)
{
	struct buf text;
	buf_init(&text, 0);
	for (size_t i = 0; i < octets.len; i++) {
		unsigned char octet = (unsigned char)octets.ptr[i];
		char two[2] = { (char)(0xc0 | octet >> 6), (char)(0x80 | (octet & 0x3f)) };
		buf_add(&text, octet < 0x80 ? (const char *)&octet : two, octet < 0x80 ? 1 : 2);
	}
	json_t *json = text.failed ? NULL : json_stringn(buf_str(&text).ptr, buf_len(&text));
	buf_finish(&text);
	return json;
}

static void say_part(struct showing *showing)
{
	char id[ID_TEXT];
	uint64_t next = showing->at + buf_len(&showing->part);
	json_t *data = json_pack("{s:s, s:I, s:o}", "id", id_format(showing->id, id), "size",
				 (json_int_t)showing->end, "octets",
				 octets_json(buf_str(&showing->part)));
	if (data && next < showing->end && buf_len(&showing->part))
		json_object_set_new(data, "more", json_integer((json_int_t)next));
	request_answer(showing->request,
		       data ? json_pack("{s:i, s:o}", "code", EX_OK, "data", data) : NULL);
}

static void shown(struct post *post)
{
	struct showing *showing = (struct showing *)post;
	if (showing->result == 0)
		say_part(showing);
	else if (showing->result == SPOOL_GONE)
		request_say(showing->request, EX_UNAVAILABLE, "no message %s is queued",
			    showing->request->names[0]);
	else
		request_say(showing->request, EX_IOERR, "%s cannot be read%s, see the log",
			    showing->request->names[0],
			    showing->result == SPOOL_DAMAGED ? ": it is damaged" : " now");
	buf_finish(&showing->part);
	free(showing);
}

static void log_shown(const struct showing *showing)
{
	struct log_line *line = log_open(EVENT_MESSAGE_SHOWN);
	log_id(line, showing->id);
	log_int(line, KEY_UID, showing->request->uid);
	log_text(line, KEY_PART, showing->all ? "all" : "header");
	log_close(line);
}

void queue_message_show(struct request *request, uint64_t id)
{
	const char *at = request_option(request, "--at");
	struct showing *showing = request->may_change ? calloc(1, sizeof(*showing)) : NULL;
	if (!showing) {
		if (request->may_change)
			request_say(request, EX_OSERR, "no memory");
		else
			request_say(
				request, EX_NOPERM,
				"--message shows the mail of others: only root, the gateway's user and the admin group may");
		return;
	}
	*showing = (struct showing){ .request = request,
				     .id = id,
				     .at = at ? strtoull(at, NULL, 10) : 0,
				     .all = request_option(request, "--all") };
	showing->offload.work = read_it;
	showing->offload.post.run = shown;
	buf_init(&showing->part, 0);
	if (!showing->at)
		log_shown(showing);
	struct offload_line *line = offload_line(runtime.pool, "control");
	if (line && offload_run(line, runtime.main, &showing->offload))
		return;
	request_say(request, EX_TEMPFAIL, "too much is being read now, try again later");
	free(showing);
}
