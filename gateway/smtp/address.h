/* address.h - mailboxes and paths of RFC 5321 section 4.1.2, with RFC 6531 where asked. Pure
 * functions. */
#ifndef SMTP_ADDRESS_H
#define SMTP_ADDRESS_H

#include <gateway/str.h>

/* Octets. RFC 5321 section 4.5.3.1.1 says 64 for a local part: bounce addresses with the
 * recipient's address in them are longer. A whole fits with its command in the line that
 * section 4.5.3.1.4 asks a next hop to take. */
#define ADDRESS_LOCAL_MAX 255
#define ADDRESS_DOMAIN_MAX 255
#define ADDRESS_MAX 480

/* Parts of the text that was parsed; nothing is copied. A null path `<>` has all parts empty. */
struct address {
	/* local@domain, as written, without the brackets and without a source route */
	struct gw_str whole;
	struct gw_str local;  /* as written, quotes included */
	struct gw_str domain; /* empty only for <> and <postmaster> */
};

enum address_flags {
	ADDRESS_NULL_OK = 1,    /* `<>` is a path (MAIL FROM) */
	ADDRESS_UTF8_OK = 2,    /* SMTPUTF8 was asked for */
	ADDRESS_POSTMASTER = 4, /* `<postmaster>` without a domain is a path (RCPT TO) */
};

/* Parses `<path>` at the start of `text`; `*used` is how many bytes it took. A source route
 * (`<@a,@b:x@y>`) is read and left out of `whole`. False: no path that the RFC allows: also a
 * control character, CR, LF, NUL, a byte over 127 without UTF8_OK or that is no UTF-8, a part
 * or a whole over its bound above. Dots may stand anywhere in a local part. */
bool address_path(struct gw_str text, unsigned flags, struct address *address, size_t *used);

/* Parses a bare mailbox `local@domain` that takes up all of `text`. */
bool address_mailbox(struct gw_str text, unsigned flags, struct address *address);

/* A domain name or an address literal, all of `text`. Labels up to 63, letters, digits, hyphens
 * inside (underscore too). */
bool address_domain(struct gw_str text, bool utf8);

/* The addr-spec of a From-like field value: display names, comments and groups skipped, the first
 * mailbox taken.
 * `*count` (may be NULL) is how many entries there are, also those that cannot be read as a
 * mailbox: a rule that wants one author looks at it. False: no entry is a mailbox. */
bool address_in_header(struct gw_str value, struct address *address, size_t *count);

/* The text of xtext (RFC 3461 section 4) decoded into `out` (at least value.len bytes); -1:
 * malformed. */
long address_xtext_decode(struct gw_str value, char *out);

#endif
