#include "outgoing.h"

#include "author.h"
#include "instance.h"
#include "sent.h"
#include "writer.h"

#include <stdio.h>
#include <stdlib.h>

struct departure {
	struct writing writing;
	gw_ticket ticket;
	struct gw_delivery *delivery;
	struct sent_packed *sent;
	const char *which;
	bool failed;
	char address[]; /* the return path */
};

static int work(struct store *store, struct writing *writing)
{
	struct sent sent;

	sent_unpack(((struct departure *)writing)->sent, &sent);
	return store_add_sent(store, &sent);
}

static void departure_destroy(struct departure *departure)
{
	free(departure->sent);
	free(departure);
}

static void done(struct store *store, struct writing *writing, bool kept)
{
	struct departure *departure = (struct departure *)writing;

	(void)store;
	departure->failed = !kept;
	if (gw->wake(departure->ticket) != 0)
		departure_destroy(departure);
}

static struct departure *departure_create(struct gw_delivery *delivery, const char *address,
					  const char *which, const struct sent *sent)
{
	size_t size = strlen(address) + 1;
	struct departure *departure = malloc(sizeof *departure + size);

	if (!departure)
		return NULL;
	*departure = (struct departure){
		.writing = { .urgency = WRITE_SOON, .work = work, .done = done },
		.delivery = delivery,
		.which = which,
		.sent = sent_pack(sent),
	};
	memcpy(departure->address, address, size);
	if (departure->sent)
		return departure;
	free(departure);
	return NULL;
}

enum gw_verdict outgoing_set(struct gw_call *call, struct gw_delivery *delivery,
			     const char *address, const char *which)
{
	if (gw->return_path_set(call, delivery, gw_str(address)) != 0) {
		gw->reply(call, 550, "5.1.7", "%s cannot be a return path", address);
		return GW_REJECT;
	}
	gw->count(call, which, 1);
	gw->reason(call, "return path %s: %s", which, address);
	return GW_CONTINUE;
}

/* A message that nothing is remembered of goes out all the same: its bounce proves itself, and is
 * read, but nobody knows any more whom to tell. */
static enum gw_verdict resumed(struct gw_call *call, void *arg)
{
	struct departure *departure = arg;
	enum gw_verdict verdict;

	if (departure->failed)
		gw->log(call, GW_LOG_WARNING,
			"it cannot be remembered: its sender will not be told of a late bounce");
	verdict = outgoing_set(call, departure->delivery, departure->address, departure->which);
	departure_destroy(departure);
	return verdict;
}

/* --- what is remembered --- */

/* Fields that a client's parser finds its message by. */
static bool is_wanted(struct gw_str name)
{
	static const struct gw_str names[] = { GW_STR("Message-ID"), GW_STR("From"), GW_STR("To"),
					       GW_STR("Date"), GW_STR("Subject") };
	size_t i;

	for (i = 0; i < sizeof names / sizeof *names; i++)
		if (gw_str_ieq(name, names[i]))
			return true;
	return words_begin(name, "x-");
}

static void take_header(struct gw_message *message, char out[SENT_HEADER_MAX])
{
	struct gw_header header = { .size = sizeof header };
	size_t nth, len = 0;

	for (nth = 0; nth < 200 && gw->header(message, nth, &header) == 0; nth++) {
		if (!is_wanted(header.name) || gw_str_has_nul(header.whole) ||
		    header.whole.len >= SENT_HEADER_MAX - len)
			continue;
		memcpy(out + len, header.whole.ptr, header.whole.len);
		len += header.whole.len;
	}
	out[len] = '\0';
}

static void take_rcpts(struct gw_message *message, uint16_t only, struct sent *sent)
{
	struct gw_str address, original;
	struct gw_rcpt *rcpt;
	size_t nth = only ? only - 1u : 0, len = 0;

	while ((!only || !sent->rcpt_count) && (rcpt = gw->message_rcpt(message, nth++)) != NULL) {
		address = gw->rcpt_fact(rcpt, GW_RCPT_ADDRESS);
		original = gw->rcpt_fact(rcpt, GW_RCPT_ORCPT);
		sent->rcpt_count++;
		if (address.len + original.len + 3 > SENT_RCPTS_MAX - len ||
		    gw_str_has_nul(address) || gw_str_has_nul(original))
			continue;
		len += (size_t)snprintf(sent->rcpts + len, SENT_RCPTS_MAX - len, "%s%s%s\n",
					address.ptr, original.len ? "\t" : "",
					original.len ? original.ptr : "");
	}
}

static int hex_of(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* From the xtext of ENVID (RFC 3461) to what a report says: printable ASCII alone. */
static void take_envelope_id(struct gw_str xtext, char *out, size_t size)
{
	size_t i, len = 0;

	for (i = 0; i < xtext.len && len + 1 < size; i++) {
		char c = xtext.ptr[i];

		if (c == '+' && i + 2 < xtext.len && hex_of(xtext.ptr[i + 1]) >= 0 &&
		    hex_of(xtext.ptr[i + 2]) >= 0) {
			c = (char)(hex_of(xtext.ptr[i + 1]) << 4 | hex_of(xtext.ptr[i + 2]));
			i += 2;
		}
		out[len++] = (char)(c >= ' ' && c < 0x7f ? c : '?');
	}
	out[len] = '\0';
}

void outgoing_describe(struct gw_call *call, struct gw_message *message, struct sent *sent)
{
	struct gw_header header = { .size = sizeof header };

	sent->path = (struct path){ (uint64_t)gw->message_number(message, GW_MESSAGE_ID), 0 };
	sent->received = gw->message_number(message, GW_MESSAGE_RECEIVED_AT);
	sent->size = gw->message_number(message, GW_MESSAGE_SIZE);
	text_keep(sent->queue_id, sizeof sent->queue_id, gw->message_fact(message, GW_MESSAGE_ID));
	if (author_read(call, message, sent->author) != NULL)
		sent->author[0] = '\0';
	text_keep(sent->sender, sizeof sent->sender, gw->message_fact(message, GW_MESSAGE_SENDER));
	text_keep(sent->client, sizeof sent->client, gw->message_fact(message, GW_MESSAGE_CLIENT));
	text_keep(sent->type, sizeof sent->type, gw->message_fact(message, GW_MESSAGE_TYPE));
	take_envelope_id(gw->message_fact(message, GW_MESSAGE_ENVID), sent->envelope_id,
			 sizeof sent->envelope_id);
	if (gw->header_named(message, gw_str("Message-ID"), 0, &header) == 0)
		text_keep(sent->message_id, sizeof sent->message_id, header.value);
}

struct path outgoing_path(struct gw_delivery *delivery)
{
	struct gw_message *message = gw->delivery_message(delivery);
	struct path path = { (uint64_t)gw->message_number(message, GW_MESSAGE_ID), 0 };
	const struct gw_rcpt *first = gw->delivery_rcpt(delivery, 0), *rcpt;
	size_t nth = 0;

	if (!first || gw->delivery_rcpt(delivery, 1))
		return path;
	while ((rcpt = gw->message_rcpt(message, nth++)) != NULL && rcpt != first)
		;
	if (rcpt && nth <= UINT16_MAX)
		path.nth = (uint16_t)nth;
	return path;
}

static void describe(struct gw_call *call, struct gw_delivery *delivery, const char *which,
		     int64_t until, struct sent *sent)
{
	struct gw_message *message = gw->delivery_message(delivery);

	*sent = (struct sent){ .until = until, .is_named = strcmp(which, "own") != 0 };
	text_keep(sent->relay, sizeof sent->relay, gw->delivery_fact(delivery, GW_DELIVERY_RELAY));
	outgoing_describe(call, message, sent);
	if (!sent->is_named)
		sent->path = outgoing_path(delivery);
	take_rcpts(message, sent->path.nth, sent);
	take_header(message, sent->header);
}

enum gw_verdict outgoing_remember(struct gw_call *call, struct gw_delivery *delivery,
				  const char *address, const char *which, int64_t until)
{
	static const struct gw_async async = { .resumed = resumed };
	struct gw_message *message = gw->delivery_message(delivery);
	struct store *store = instance_store(gw->instance_data(call));
	struct departure *departure;
	enum gw_verdict verdict;
	struct sent sent;

	if (!store || gw->message_number(message, GW_MESSAGE_DRY) == 1)
		return outgoing_set(call, delivery, address, which);
	describe(call, delivery, which, until, &sent);
	departure = departure_create(delivery, address, which, &sent);
	if (!departure)
		return GW_FAILED;
	verdict = gw->hold(call, &async, departure, &departure->ticket);
	if (verdict == GW_PENDING)
		store_write(store, &departure->writing);
	else
		departure_destroy(departure);
	return verdict;
}
