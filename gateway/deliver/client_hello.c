/* client_hello.c - what a next hop offers, from the lines of its EHLO reply. */
#include "deliver/client.h"

static struct gw_str kept(struct client *client, struct gw_str text)
{
	struct gw_str copy = arena_str(&client->arena, text);
	return copy.ptr ? copy : gw_str("");
}

/* A limit too large for a number is none. */
static void take_size(struct client *client, struct gw_str args)
{
	uint64_t size = 0;
	size_t i;
	for (i = 0; i < args.len && args.ptr[i] >= '0' && args.ptr[i] <= '9'; i++) {
		if (size > UINT64_MAX / 10 - 1)
			return;
		size = size * 10 + (uint64_t)(args.ptr[i] - '0');
	}
	client->size_limit = size;
}

static void take_mechanisms(struct client *client, struct gw_str args)
{
	if (client->mechanisms.len)
		args = arena_printf(&client->arena, "%s %.*s", client->mechanisms.ptr, (int)args.len, args.ptr);
	else
		args = kept(client, args);
	client->mechanisms = args.ptr ? args : gw_str("");
}

static const struct {
	struct gw_str keyword;
	enum client_offer offer;
	void (*take)(struct client *client, struct gw_str args);
} keywords[] = {
	{ GW_STR("PIPELINING"), OFFER_PIPELINING, NULL }, { GW_STR("8BITMIME"), OFFER_8BITMIME, NULL },
	{ GW_STR("SMTPUTF8"), OFFER_SMTPUTF8, NULL },     { GW_STR("DSN"), OFFER_DSN, NULL },
	{ GW_STR("SIZE"), OFFER_SIZE, take_size },        { GW_STR("STARTTLS"), OFFER_STARTTLS, NULL },
	{ GW_STR("AUTH"), OFFER_AUTH, take_mechanisms }, { GW_STR("REQUIRETLS"), OFFER_REQUIRETLS, NULL },
	{ GW_STR("CHUNKING"), OFFER_CHUNKING, NULL },
};

static void take_line(struct client *client, struct gw_str line)
{
	size_t len = gw_str_find(line, ' '), i;
	struct gw_str word = gw_str_n(line.ptr, len);

	/* "AUTH=LOGIN" is how some wrote it before the standard */
	if (len > 5 && gw_str_ieq(gw_str_n(line.ptr, 5), gw_str("AUTH="))) {
		word.len = 4;
		len = 4;
	}
	for (i = 0; i < sizeof keywords / sizeof *keywords; i++) {
		if (!gw_str_ieq(word, keywords[i].keyword))
			continue;
		client->offers |= keywords[i].offer;
		if (keywords[i].take)
			keywords[i].take(client, gw_str_from(line, len + 1));
	}
}

void client_offers(struct client *client, struct gw_str text)
{
	size_t first = gw_str_find(text, '\n');

	client->offers = 0;
	client->size_limit = 0;
	client->mechanisms = gw_str("");
	client->capabilities = kept(client, gw_str_from(text, first + 1));
	text = client->capabilities;
	while (text.len) {
		size_t len = gw_str_find(text, '\n');
		take_line(client, gw_str_n(text.ptr, len));
		text = gw_str_from(text, len + 1);
	}
}
