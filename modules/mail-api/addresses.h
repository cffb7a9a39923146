/* addresses.h - the addresses of a To, Cc or Bcc field, read as strictly as somebody needs who
 * must know to whom an API will send: what could be read in two ways is not read. */
#ifndef MAIL_API_ADDRESSES_H
#define MAIL_API_ADDRESSES_H

#include <gateway/module.h>

struct entry {
	struct gw_str text; /* as it stands in the field: name and address, without blanks around */
	struct gw_str address; /* local@domain, in the field */
};

struct entries {
	struct entry *items;
	size_t count, room;
};

/* Appends the mailboxes of a field's value; groups are their members. False: the value cannot be
 * read without doubt, or there is no memory; `entries` is to be finished in any case. */
bool entries_add(struct entries *entries, struct gw_str value);
void entries_finish(struct entries *entries);

/* The same mailbox: case does not matter, nor quotes that need not be there, nor how the domain is
 * written. */
bool same_mailbox(struct gw_call *call, struct gw_str a, struct gw_str b);

#endif
