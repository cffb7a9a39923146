/* bounce.c - what comes back is understood: bounces, complaints and automatic replies, and the
 * replies of next hops. */
#include "bounce.h"
#include "control.h"
#include "mail.h"

#define CONF(member) offsetof(struct bounce_conf, member)
static const struct gw_option options[] = {
	{ .key = "rules",
	  .type = GW_OPTION_GROUPS,
	  .offset = CONF(rules),
	  .group = rule_options,
	  .group_size = sizeof(struct rule),
	  .help = "What words and codes mean; the first row that fits decides." },
	GW_OPTIONS_END
};

static int on_start(struct gw_call *call)
{
	const struct bounce_conf *conf = gw->conf(call);

	mail_init();
	return rules_check(call, &conf->rules) ? 0 : -1;
}

static void on_control(struct gw_call *call, const struct gw_command *command)
{
	control(call, command);
}

GW_MODULE(.name = "bounce", .version = "1.0",
	  .summary = "bounces: what they mean, and where they go", .options = options,
	  .conf_size = sizeof(struct bounce_conf), .verbs = CONTROL_VERBS, .start = on_start,
	  .control = on_control)
