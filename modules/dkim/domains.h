/* domains.h - the list of sender domains that a client is bound to. */
#ifndef DKIM_DOMAINS_H
#define DKIM_DOMAINS_H

#include <gateway/module.h>

/* True when `domains` (parted by blanks: "example.com", "*.example.com" for what is below it, "*"
 * for all) name the domain, which is in A-labels. */
bool domains_name(const struct gw_call *call, struct gw_str domains, struct gw_str domain);

#endif
