/* queue_reason.c - why a message is not done, in one line: the same words wherever it is asked. */
#include "admin/queue_filter.h"

#include "queue/asker.h"
#include "queue/wait.h"

static struct gw_str take_part(struct gw_str text, const char *beginning)
{
	size_t len = strlen(beginning);
	return text.len >= len && memcmp(text.ptr, beginning, len) == 0 ? gw_str_from(text, len)
									: gw_str(NULL);
}

/* "open:NAME", "key:MODULE/...", "NAME", "NAME/hosts": wait.h */
static void put_wait(struct buf *out, struct gw_str key)
{
	struct gw_str relay = take_part(key, WAIT_OPEN), module = take_part(key, "key:");
	if (relay.ptr)
		buf_printf(out, "waits until relay %.*s is open", GW_STR_ARGS(relay));
	else if (module.ptr)
		buf_printf(out, "waits for %.*s", (int)gw_str_find(module, '/'), module.ptr);
	else
		buf_printf(out, "waits for relay %.*s to be reachable or to have room",
			   (int)gw_str_find(key, '/'), key.ptr);
}

static void put_waits(struct buf *out, const struct queue_entry *entry)
{
	struct gw_str key;
	for (size_t i = 0; (key = queue_wait_key(entry, i)).len; i++) {
		buf_add_text(out, i ? "; " : "");
		put_wait(out, key);
	}
}

static const struct gw_rcpt *last_answered(const struct gw_message *message)
{
	for (size_t i = 0; i < message->rcpt_count; i++)
		if (message->rcpts[i]->status == RCPT_PENDING && message->rcpts[i]->last.text.len)
			return message->rcpts[i];
	return NULL;
}

static void put_hold(struct buf *out, const struct gw_message *message, const struct gw_rcpt *rcpt)
{
	struct gw_str why = message->hold_reason.len ? message->hold_reason : gw_str("on hold");
	buf_add_str(out, why);
	if (rcpt && !memmem(why.ptr, why.len, rcpt->last.text.ptr, rcpt->last.text.len))
		buf_printf(out, "; before that: %.*s", GW_STR_ARGS(rcpt->last.text));
}

void queue_reason(const struct queue_entry *entry, const struct gw_message *message,
		  struct buf *out)
{
	const struct gw_rcpt *rcpt = message ? last_answered(message) : NULL;
	buf_clear(out);
	if (!message)
		buf_add_text(out, "cannot be read, see the log");
	else if (message->held)
		put_hold(out, message, rcpt);
	else if (rcpt)
		buf_add_str(out, rcpt->last.text);
	else
		put_waits(out, entry);
	if (message && !buf_len(out) && queue_is_asked(message->worker, message->id))
		buf_add_text(out, "its client waits for the next hop's answer");
	if (message && !buf_len(out) && entry->attempts)
		buf_add_text(out, "tried, no reply is known");
}
