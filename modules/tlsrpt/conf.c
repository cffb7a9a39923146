#include "conf.h"

#define CONF(member) offsetof(struct tlsrpt_conf, member)
const struct gw_option tlsrpt_options[] = {
	{ "from", GW_OPTION_STRING, CONF(from),
	  .help = "Who sends the reports, and gets what comes back of them: \"tls-reports@example.com\"; its domain has to have a DKIM key.",
	  .flags = GW_OPTION_REQUIRED },
	{ "organization", GW_OPTION_STRING, CONF(organization),
	  .help = "Who we are, in the reports; empty: the domain of from." },
	{ "contact", GW_OPTION_STRING, CONF(contact),
	  .help = "Whom the reader may ask; empty: from." },
	{ "domains", GW_OPTION_INT, CONF(domains), .fallback = "2000",
	  .help = "Of so many domains a day connections are counted; those that come later are not.",
	  .min = 1, .max = 100000 },
	{ "start", GW_OPTION_DURATION, CONF(start), .fallback = "30m",
	  .help = "So long after midnight (UTC) the reports of the day before begin to leave, one a second.",
	  .min = 60000, .max = 14400000 },
	{ "timeout", GW_OPTION_DURATION, CONF(timeout), .fallback = "30s",
	  .help = "How long a web server may take for a report.", .min = 100, .max = 300000 },
	{ "ca_file", GW_OPTION_PATH, CONF(ca_file),
	  .help = "Certificates (PEM) that are trusted for web servers, instead of the system's." },
	{ "allow_private", GW_OPTION_BOOL, CONF(allow_private), .fallback = "false",
	  .help = "Reports may be posted to addresses that are not public, such as 10.0.0.1: for networks of your own, and for tests." },
	GW_OPTIONS_END
};

struct gw_str conf_submitter(const struct tlsrpt_conf *conf)
{
	return gw_str_from(conf->from, gw_str_find(conf->from, '@') + 1);
}
