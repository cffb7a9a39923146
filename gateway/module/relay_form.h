/* relay_form.h - a relay as a form to which modules add fields: our keys and those of every module
 * that is on, parsed together. */
#ifndef MODULE_RELAY_FORM_H
#define MODULE_RELAY_FORM_H

#include "module/load.h"

struct relay_form {
	struct option_set *sets; /* ours first */
	size_t count;
	bool ready; /* memory was there */
};

struct relay_form relay_form_make(struct load *load, struct gw_relay *relay);

/* Fills the relay and what modules keep for it; gives the number of errors. A key of a module that
 * is not on is told as such. */
size_t relay_form_parse(struct load *load, struct gw_relay *relay, const struct relay_form *form);

/* True when a key is given by which a module delivers, so that no host is needed. */
bool relay_form_gives_next_hop(const struct relay_form *form, const struct conf_group *group);

#endif
