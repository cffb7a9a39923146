#include "head.h"
#include "addresses.h"
#include "field.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

/* What is done with a field. */
enum kind {
	KIND_KEPT,
	KIND_VISIBLE, /* To, Cc: the API sends to those */
	KIND_BLIND,   /* Bcc: made anew */
	KIND_RESENT,  /* whose recipients an API may take, or not */
	KIND_DROPPED, /* the next hop's own */
};

static const struct {
	const char *name;
	enum kind kind;
} kinds[] = {
	{ "To", KIND_VISIBLE },
	{ "Cc", KIND_VISIBLE },
	{ "Bcc", KIND_BLIND },
	{ "Resent-To", KIND_RESENT },
	{ "Resent-Cc", KIND_RESENT },
	{ "Resent-Bcc", KIND_RESENT },
	{ "Apparently-To", KIND_RESENT },
	{ "Return-Path", KIND_DROPPED },
};

struct work {
	struct gw_call *call;
	struct gw_delivery *delivery;
	FILE *out;
	bool removes;
	bool *named; /* of each recipient: To or Cc has it */
	size_t count;
	char *why;
	size_t size;
};

static enum kind kind_of(struct gw_str name)
{
	size_t i;

	for (i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (gw_str_ieq(name, gw_str(kinds[i].name)))
			return kinds[i].kind;
	return KIND_KEPT;
}

/* --- whom it names --- */

/* True: the delivery goes to that address. */
static bool mark(struct work *work, struct gw_str address)
{
	struct gw_rcpt *rcpt;
	size_t nth;
	bool found = false;

	for (nth = 0; (rcpt = gw->delivery_rcpt(work->delivery, nth)) != NULL; nth++)
		if (same_mailbox(work->call, address, gw->rcpt_fact(rcpt, GW_RCPT_ADDRESS)))
			found = work->named[nth] = true;
	return found;
}

static int refuse_other(struct work *work, struct gw_str name, struct gw_str address)
{
	snprintf(
		work->why, work->size,
		"%.*s names %.*s, to whom this delivery does not go, and the API sends to all that the header names",
		GW_STR_ARGS(name), GW_STR_ARGS(address));
	return 1;
}

static void put_kept(struct work *work, struct gw_str name, const struct entries *entries)
{
	size_t i, kept = 0;

	for (i = 0; i < entries->count; i++) {
		struct gw_str text = entries->items[i].text;

		if (!mark(work, entries->items[i].address))
			continue;
		if (kept++ == 0)
			fprintf(work->out, "%.*s: %.*s", GW_STR_ARGS(name), GW_STR_ARGS(text));
		else
			fprintf(work->out, ",\r\n %.*s", GW_STR_ARGS(text));
	}
	if (kept)
		fputs("\r\n", work->out);
}

static int put_named(struct work *work, struct gw_str field, struct gw_str name,
		     const struct entries *entries)
{
	size_t i, others = 0;

	for (i = 0; i < entries->count; i++) {
		if (mark(work, entries->items[i].address))
			continue;
		others++;
		if (!work->removes)
			return refuse_other(work, name, entries->items[i].address);
	}
	if (others)
		put_kept(work, name, entries);
	else
		fwrite(field.ptr, 1, field.len, work->out);
	return 0;
}

static int put_visible(struct work *work, struct gw_str field, struct gw_str name)
{
	struct entries entries = { 0 };
	bool read = entries_add(&entries, field_value(field));
	int put = 1;

	if (read)
		put = put_named(work, field, name, &entries);
	else
		snprintf(work->why, work->size,
			 "the addresses of its %.*s field can be read in more than one way",
			 GW_STR_ARGS(name));
	entries_finish(&entries);
	return put;
}

/* --- the whole of it --- */

static int put_field(struct work *work, struct gw_str field)
{
	struct gw_str name = field_name(field);

	if (!name.len || gw_str_find(name, ' ') < name.len) {
		snprintf(work->why, work->size, "its header has a line that is no field");
		return 1;
	}
	switch (kind_of(name)) {
	case KIND_VISIBLE:
		return put_visible(work, field, name);
	case KIND_RESENT:
		snprintf(work->why, work->size,
			 "it has a %.*s field, to whose addresses the API might send",
			 GW_STR_ARGS(name));
		return 1;
	case KIND_KEPT:
		fwrite(field.ptr, 1, field.len, work->out);
		return 0;
	default:
		return 0;
	}
}

static void put_blind(struct work *work)
{
	const char *before = "Bcc: ";
	size_t nth;

	for (nth = 0; nth < work->count; nth++) {
		struct gw_str address = gw->rcpt_fact(gw->delivery_rcpt(work->delivery, nth),
						      GW_RCPT_ADDRESS);

		if (work->named[nth])
			continue;
		fprintf(work->out, "%s<%.*s>", before, GW_STR_ARGS(address));
		before = ",\r\n ";
	}
	if (*before == ',')
		fputs("\r\n", work->out);
}

static int put_all(struct work *work, struct gw_str head)
{
	int put = 0;

	while (put == 0 && !field_is_end(head)) {
		size_t len = field_length(head);

		put = put_field(work, gw_str_n(head.ptr, len));
		head = gw_str_from(head, len);
	}
	if (put != 0)
		return put;
	put_blind(work);
	fputs("\r\n", work->out);
	return 0;
}

int head_make(struct gw_call *call, struct gw_delivery *delivery, struct gw_str head, bool removes,
	      char **out, size_t *len, char *why, size_t size)
{
	struct work work = { .call = call,
			     .delivery = delivery,
			     .removes = removes,
			     .count = (size_t)gw->delivery_number(delivery, GW_DELIVERY_RCPTS),
			     .why = why,
			     .size = size };
	int made;

	if (gw->message_number(gw->delivery_message(delivery), GW_MESSAGE_HEADER_ODD) > 0) {
		snprintf(why, size, "its header does not end as a header does");
		return 1;
	}
	*out = NULL;
	work.out = open_memstream(out, len);
	work.named = calloc(work.count + 1, sizeof *work.named);
	made = work.out && work.named ? put_all(&work, head) : -1;
	if (work.out && fclose(work.out) != 0)
		made = -1;
	free(work.named);
	if (made == 0)
		return 0;
	free(*out);
	*out = NULL;
	return made;
}
