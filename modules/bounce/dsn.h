/* dsn.h - the fields of a delivery status (RFC 3464, 6533), in a part of their own or between the
 * lines of a text. */
#ifndef BOUNCE_DSN_H
#define BOUNCE_DSN_H

#include "findings.h"

/* Adds a finding for each recipient that a block of fields is about, with what the fields say: not
 * yet what it means. */
void dsn_read(struct gw_str text, struct findings *findings);

#endif
