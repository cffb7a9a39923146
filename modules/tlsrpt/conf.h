/* conf.h - who sends reports. */
#ifndef TLSRPT_CONF_H
#define TLSRPT_CONF_H

#include <gateway/module.h>

struct tlsrpt_conf {
	struct gw_str from, organization, contact, ca_file;
	int64_t domains, timeout, start;
	bool allow_private;
};

extern const struct gw_option tlsrpt_options[];

/* The domain of `from`. */
struct gw_str conf_submitter(const struct tlsrpt_conf *conf);

#endif
