/* conf.h - the module's options, and what the start makes of them: read-only afterwards. */
#ifndef DISCLAIMER_CONF_H
#define DISCLAIMER_CONF_H

#include "names.h"
#include "notice.h"

enum unfit { UNFIT_PASS, UNFIT_WAIT, UNFIT_REJECT };
enum signatures { SIGNATURES_KEEP, SIGNATURES_STRIP, SIGNATURES_LEAVE };
enum unsigned_mail { UNSIGNED_ERROR, UNSIGNED_PASS };
enum direction { DIRECTION_ANY, DIRECTION_INTERNAL, DIRECTION_EXTERNAL };

struct notice_conf {
	struct gw_str name, text, html, text_file, html_file, mark;
	int64_t place; /* bottom, top */
	bool once;
};

struct rule_conf {
	struct gw_str notice; /* its name; "none" */
	struct gw_list from, to, type, client, relay;
	struct gw_str from_file, to_file;
	int64_t direction;
};

struct conf {
	struct gw_groups notices, rules;
	struct gw_str people;
	struct gw_list own;
	int64_t unfit, signatures, unsigned_mail;
};

struct relay_conf {
	struct gw_list domains; /* routing's: sender domains that go this way */
};

extern const struct gw_option disclaimer_relay_options[];

extern const struct gw_option disclaimer_options[];

struct rule {
	const struct rule_conf *conf;
	const struct notice *notice; /* NULL: none */
	struct names *from, *to;     /* empty: any */
};

struct disclaimer {
	struct people *people; /* NULL: there are none */
	struct notice *notices;
	size_t notice_count;
	struct rule *rules;
	size_t rule_count;
	struct names *own;
};

/* NULL: problems were told. */
struct disclaimer *disclaimer_create(struct gw_call *call);
void disclaimer_destroy(struct disclaimer *disclaimer);

#endif
