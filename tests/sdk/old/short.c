/* As one that was built when the table ended before tick. */
#include <gateway/module.h>

const struct gw_services *gw;

static enum gw_verdict on_mail(struct gw_call *call, struct gw_message *message)
{
	gw->reply(call, 550, "5.7.1", "old but well");
	return GW_REJECT;
}

/* Behind the end: nobody looks there. */
static void on_check(struct gw_call *call) {}

GW_PUBLIC const struct gw_module *gw_module_v1(const struct gw_services *services);
const struct gw_module *gw_module_v1(const struct gw_services *services)
{
	static const struct gw_module self = {
		.size = offsetof(struct gw_module, tick),
		.name = "short",
		.version = "0.9",
		.summary = "built with an older header",
		.mail = on_mail,
		.check = on_check,
	};
	gw = services;
	return &self;
}
