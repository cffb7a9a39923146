// hello.cc - the template in C++: votes for recipients in the domains it was given, and puts a
// field on what goes out.
#include <gateway/module.h>

struct config {
	gw_list domains;
	gw_str greeting;
};

static const gw_option options[] = {
	gw_option_row("domains", GW_OPTION_LIST, offsetof(config, domains),
		      "Recipients in these domains are welcome.", GW_OPTION_REQUIRED),
	gw_option_row("greeting", GW_OPTION_STRING, offsetof(config, greeting),
		      "The value of the X-Hello field.", 0, "hello"),
	GW_OPTIONS_END,
};

// No exception may leave a hook: the gateway is C, and would end with it.
static gw_verdict on_rcpt(gw_call *call, gw_message *, gw_rcpt *rcpt)
{
	const config *settings = static_cast<const config *>(gw->conf(call));
	gw_str domain = gw->rcpt_fact(rcpt, GW_RCPT_DOMAIN);

	for (size_t i = 0; i < settings->domains.count; i++)
		if (gw_str_ieq(domain, settings->domains.items[i]))
			return GW_ACCEPT;
	return GW_CONTINUE;
}

static gw_verdict on_prepare(gw_call *call, gw_delivery *delivery)
{
	const config *settings = static_cast<const config *>(gw->conf(call));

	if (gw->header_add(call, delivery, 0, "X-Hello", settings->greeting) != 0)
		return GW_FAILED;
	gw->count(call, "greeted", 1);
	return GW_CONTINUE;
}

static void describe(gw_module *self)
{
	self->name = "hello";
	self->version = "1.0";
	self->summary = "an example to start from, in C++";
	self->options = options;
	self->conf_size = sizeof(config);
	self->rcpt = on_rcpt;
	self->prepare = on_prepare;
}

GW_MODULE_FILLED(describe)
