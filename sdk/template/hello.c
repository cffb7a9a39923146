/* hello.c - votes for recipients in the domains it was given, and puts a field on what goes out. */
#include <gateway/module.h>

struct config {
	struct gw_list domains;
	struct gw_str greeting;
};

static const struct gw_option options[] = {
	{ .key = "domains",
	  .type = GW_OPTION_LIST,
	  .offset = offsetof(struct config, domains),
	  .flags = GW_OPTION_REQUIRED,
	  .help = "Recipients in these domains are welcome." },
	{ .key = "greeting",
	  .type = GW_OPTION_STRING,
	  .offset = offsetof(struct config, greeting),
	  .fallback = "hello",
	  .help = "The value of the X-Hello field." },
	GW_OPTIONS_END,
};

static enum gw_verdict on_rcpt(struct gw_call *call, struct gw_message *message,
			       struct gw_rcpt *rcpt)
{
	const struct config *config = gw->conf(call);
	struct gw_str domain = gw->rcpt_fact(rcpt, GW_RCPT_DOMAIN);
	size_t i;

	for (i = 0; i < config->domains.count; i++)
		if (gw_str_ieq(domain, config->domains.items[i]))
			return GW_ACCEPT;
	return GW_CONTINUE;
}

static enum gw_verdict on_prepare(struct gw_call *call, struct gw_delivery *delivery)
{
	const struct config *config = gw->conf(call);

	if (gw->header_add(call, delivery, 0, gw_str("X-Hello"), config->greeting) != 0)
		return GW_FAILED;
	gw->count(call, "greeted", 1);
	return GW_CONTINUE;
}

GW_MODULE(.name = "hello", .version = "1.0", .summary = "an example to start from",
	  .options = options, .conf_size = sizeof(struct config), .rcpt = on_rcpt,
	  .prepare = on_prepare)
