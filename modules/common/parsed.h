/* parsed.h - a mail as GMime reads it, with nothing left behind: what it made up of charsets' names
 * is masked while GMime looks. Whoever links it has called g_mime_init(). [any thread] */
#ifndef COMMON_PARSED_H
#define COMMON_PARSED_H

#include <gateway/str.h>

#include <gmime/gmime.h>

/* The octets are copied. Bodies are as they came, also where they look like what is masked. To be
 * unreffed; NULL: it is no mail. */
GMimeMessage *parsed_mail(struct gw_str octets);

/* What is in a part, decoded; empty where nothing is. To be unreffed. */
GByteArray *parsed_octets(GMimePart *part);

#endif
