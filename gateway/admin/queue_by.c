#include "admin/queue_by.h"

#include "queue/wait.h"

#include <ctype.h>

#define REASON_MOST 120

/* A word that names this message, or this recipient, and no cause. */
static bool is_of_one(struct gw_str word)
{
	size_t digits = 0;
	for (size_t i = 0; i < word.len; i++)
		digits += isdigit((unsigned char)word.ptr[i]) != 0;
	return gw_str_find(word, '@') < word.len || (word.len > 6 && digits > 1) || digits > 4;
}

static void put_words(struct buf *out, struct gw_str text)
{
	while (text.len && buf_len(out) < REASON_MOST) {
		size_t len = 0;
		while (len < text.len && text.ptr[len] != ' ' && text.ptr[len] != '\n')
			len++;
		buf_add_str(out, is_of_one(gw_str_n(text.ptr, len)) ? gw_str("...")
								    : gw_str_n(text.ptr, len));
		buf_add_text(out, len < text.len ? " " : "");
		text = gw_str_from(text, len + 1);
	}
	if (text.len)
		buf_add_text(out, "...");
}

static void put_reason(const struct queue_share *share, struct buf *out)
{
	struct buf reason;
	buf_init(&reason, 0);
	queue_reason(share->entry, share->message, &reason);
	if (share->rcpt && share->rcpt->last.code && !share->message->held)
		buf_printf(out, "%d ", share->rcpt->last.code);
	put_words(out, buf_len(&reason) ? buf_str(&reason) : gw_str("not tried yet"));
	buf_finish(&reason);
}

/* Of a key that is about one: queue/wait.h. */
static struct gw_str relay_waited_for(const struct queue_entry *entry)
{
	struct gw_str key = queue_wait_key(entry, 0);
	size_t len = sizeof(WAIT_OPEN) - 1;
	if (key.len > len && memcmp(key.ptr, WAIT_OPEN, len) == 0)
		return gw_str_from(key, len);
	return gw_str_find(key, ':') < key.len ? gw_str("")
					       : gw_str_n(key.ptr, gw_str_find(key, '/'));
}

static void put_relay(const struct queue_share *share, struct buf *out)
{
	struct gw_str moved = share->message ? message_note(share->message, gw_str("gateway.relay"))
					     : gw_str("");
	struct gw_str waited = relay_waited_for(share->entry),
		      last = share->rcpt ? share->rcpt->relay : gw_str("");
	buf_add_str(out, moved.len    ? moved
			 : waited.len ? waited
			 : last.len   ? last
				      : gw_str("(none yet)"));
}

static void put_domain(const struct queue_share *share, struct buf *out)
{
	struct gw_str domain = share->rcpt ? share->rcpt->domain : gw_str("");
	for (size_t i = 0; i < domain.len; i++)
		buf_printf(out, "%c", tolower((unsigned char)domain.ptr[i]));
}

static void put_client(const struct queue_share *share, struct buf *out)
{
	if (share->message)
		buf_add_str(out, share->message->own ? gw_str("(the gateway itself)")
						     : share->message->client);
}

static const struct {
	int64_t below;
	const char *name;
} ages[] = {
	{ 5, "under 5 min" },     { 60, "5 min to 1 h" },      { 360, "1 h to 6 h" },
	{ 1440, "6 h to 1 day" }, { 3 * 1440, "1 to 3 days" }, { INT64_MAX, "over 3 days" },
};

static void put_age(const struct queue_share *share, struct buf *out)
{
	int64_t minutes = share->message ? (share->now - share->message->received_at) / 60000 : 0;
	size_t at = 0;
	while (minutes >= ages[at].below)
		at++;
	buf_add_text(out, ages[at].name);
}

const struct queue_by queue_bys[QUEUE_BYS] = {
	[QUEUE_BY_REASON] = { "reason", put_reason }, [QUEUE_BY_RELAY] = { "relay", put_relay },
	[QUEUE_BY_DOMAIN] = { "domain", put_domain }, [QUEUE_BY_CLIENT] = { "client", put_client },
	[QUEUE_BY_AGE] = { "age", put_age },
};

size_t queue_age_rank(struct gw_str name)
{
	size_t at = 0;
	while (ages[at].below < INT64_MAX && !gw_str_eq(gw_str(ages[at].name), name))
		at++;
	return at;
}
