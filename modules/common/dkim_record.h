/* dkim_record.h - whether what DNS serves under a key's name is that key, as a verifier reads it
 * (RFC 6376 sections 3.2 and 3.6.1). Nothing is kept; any thread. */
#ifndef COMMON_DKIM_RECORD_H
#define COMMON_DKIM_RECORD_H

#include <gateway/dns.h>

/* Each but the first two says why no signature of that key verifies. The numbers are kept on disk.
 */
enum dkim_record {
	DKIM_RECORD_UNKNOWN = 0, /* nobody has answered yet */
	DKIM_RECORD_SAME = 1,
	DKIM_RECORD_NONE = 2,
	DKIM_RECORD_SEVERAL = 3,
	DKIM_RECORD_FOREIGN = 4, /* of another version than DKIM1 */
	DKIM_RECORD_REVOKED = 5,
	DKIM_RECORD_OTHER = 6, /* another key, or one of another algorithm */
	DKIM_RECORD_HASHES = 7,
	DKIM_RECORD_SERVICE = 8,
	DKIM_RECORDS,
};

/* `wanted`: the record of the key that signs, "v=DKIM1; k=rsa; p=...". The answer is one for TXT,
 * and no failure: that says nothing of the key. */
enum dkim_record dkim_record_judge(const struct gw_dns_answer *answer, struct gw_str wanted);

/* What goes behind the key's name: "is not in the DNS". */
const char *dkim_record_words(enum dkim_record);

/* The value of a tag of a record, without blanks around it; ptr NULL: it is not there. */
struct gw_str dkim_record_tag(struct gw_str record, const char *name);

/* Whether a list "a:b" has the word, whatever its case. */
bool dkim_record_lists(struct gw_str list, const char *word);

#endif
