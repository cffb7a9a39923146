// hello.cc - the template in C++: votes for recipients in the domains it was given, and puts a
// field on what goes out.
#include <gateway/module.hh>

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

static const config &config_of(gw_call *call)
{
	return *static_cast<const config *>(gw->conf(call));
}

// Functions that are named as hooks are the hooks.
struct hello {
	static void describe(gw_module *self)
	{
		self->name = "hello";
		self->version = "1.0";
		self->summary = "an example to start from, in C++";
		self->options = options;
		self->conf_size = sizeof(config);
	}

	static gw_verdict rcpt(gw_call *call, gw_message *, gw_rcpt *rcpt)
	{
		const gw_list &domains = config_of(call).domains;
		gw_str domain = gw->rcpt_fact(rcpt, GW_RCPT_DOMAIN);

		for (size_t i = 0; i < domains.count; i++)
			if (gw_str_ieq(domain, domains.items[i]))
				return GW_ACCEPT;
		return GW_CONTINUE;
	}

	static gw_verdict prepare(gw_call *call, gw_delivery *delivery)
	{
		if (gw->header_add(call, delivery, 0, "X-Hello", config_of(call).greeting) != 0)
			return GW_FAILED;
		gw->count(call, "greeted", 1);
		return GW_CONTINUE;
	}
};

GW_MODULE_CLASS(hello)
