/* client_hello.c - what a next hop offers, from the lines of its EHLO reply. */
#include "client/client.h"

static struct gw_str kept(struct client *client, struct gw_str text)
{
	struct gw_str copy = arena_str(&client->arena, text);
	return copy.ptr ? copy : gw_str("");
}

/* A limit too large for a number is none. */
static uint64_t number_of(struct gw_str text)
{
	uint64_t number = 0;
	size_t i;
	for (i = 0; i < text.len && text.ptr[i] >= '0' && text.ptr[i] <= '9'; i++) {
		if (number > UINT64_MAX / 10 - 1)
			return 0;
		number = number * 10 + (uint64_t)(text.ptr[i] - '0');
	}
	return number;
}

static void take_size(struct client *client, struct gw_str args)
{
	client->size_limit = number_of(args);
}

static void take_limit(struct client *client, struct gw_str name, uint64_t number)
{
	if (gw_str_ieq(name, gw_str("MAILMAX")))
		client->limits.mails = number;
	else if (gw_str_ieq(name, gw_str("RCPTMAX")))
		client->limits.rcpts = number;
	else if (gw_str_ieq(name, gw_str("RCPTDOMAINMAX")))
		client->limits.domains = number;
}

/* "RCPTMAX=20 MAILMAX=5" */
static void take_limits(struct client *client, struct gw_str args)
{
	while (args.len) {
		struct gw_str word = gw_str_n(args.ptr, gw_str_find(args, ' '));
		size_t name = gw_str_find(word, '=');
		take_limit(client, gw_str_n(word.ptr, name),
			   number_of(gw_str_from(word, name + 1)));
		args = gw_str_from(args, word.len + 1);
	}
}

static void take_mechanisms(struct client *client, struct gw_str args)
{
	if (client->mechanisms.len)
		args = arena_printf(&client->arena, "%s %.*s", client->mechanisms.ptr,
				    (int)args.len, args.ptr);
	else
		args = kept(client, args);
	client->mechanisms = args.ptr ? args : gw_str("");
}

static const struct {
	struct gw_str keyword;
	enum client_offer offer;
	void (*take)(struct client *client, struct gw_str args);
} keywords[] = {
	{ GW_STR("PIPELINING"), OFFER_PIPELINING, NULL },
	{ GW_STR("8BITMIME"), OFFER_8BITMIME, NULL },
	{ GW_STR("SMTPUTF8"), OFFER_SMTPUTF8, NULL },
	{ GW_STR("DSN"), OFFER_DSN, NULL },
	{ GW_STR("SIZE"), OFFER_SIZE, take_size },
	{ GW_STR("STARTTLS"), OFFER_STARTTLS, NULL },
	{ GW_STR("AUTH"), OFFER_AUTH, take_mechanisms },
	{ GW_STR("REQUIRETLS"), OFFER_REQUIRETLS, NULL },
	{ GW_STR("CHUNKING"), OFFER_CHUNKING, NULL },
	{ GW_STR("LIMITS"), OFFER_LIMITS, take_limits },
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
	client->limits = (struct client_limits){ 0 };
	client->mechanisms = gw_str("");
	client->capabilities = kept(client, gw_str_from(text, first + 1));
	text = client->capabilities;
	while (text.len) {
		size_t len = gw_str_find(text, '\n');
		take_line(client, gw_str_n(text.ptr, len));
		text = gw_str_from(text, len + 1);
	}
}
