/* groups.h - addresses in groups in groups, taken apart before GMime reads a mail.
 *
 * GMime goes a call deeper with each group (RFC 5322 section 3.4) that begins within another, which
 * no mail of people does: some thousand of them, in any header of the mail or of a mail in it, end
 * the stack of whatever thread parses. Each begins with a colon. */
#ifndef COMMON_GROUPS_H
#define COMMON_GROUPS_H

#include <stddef.h>

#define GROUPS_MOST 50

/* Of each field of addresses the colons beyond GROUPS_MOST become blanks; octets are replaced one
 * by one, so lengths and offsets stay. Lines of bodies that look like such fields are changed too:
 * who wants these as they came copies the mail's octets back when the parser has its headers. */
void groups_mask_mail(char *mail, size_t len);

#endif
