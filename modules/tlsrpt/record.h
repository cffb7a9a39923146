/* record.h - what a domain says of who wants its reports: the TXT record at _smtp._tls (RFC 8460
 * section 3). */
#ifndef TLSRPT_RECORD_H
#define TLSRPT_RECORD_H

#include <gateway/str.h>

#define RECORD_URIS 5
#define RECORD_URI_MOST 512

struct record {
	size_t mails, webs;
	char mail[RECORD_URIS][RECORD_URI_MOST]; /* addresses */
	char web[RECORD_URIS][RECORD_URI_MOST];  /* https://... */
};

/* True: the one record that is of this kind names somebody who can be told. Ways that are not known
 * are passed over, and what is behind the bounds. */
bool record_read(struct gw_list texts, struct record *record);

#endif
