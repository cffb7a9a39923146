/* tally.h - what became of TLS on one day's connections to one domain: counts by policy, and of
 * failures by their kind. Bounded, so that it fits into a record: what is beyond is in the sums
 * alone.
 */
#ifndef TLSRPT_TALLY_H
#define TLSRPT_TALLY_H

#include <gateway/module.h>

#define TALLY_POLICIES 4
#define TALLY_FAILURES 10
#define TALLY_POLICY_TEXT 2048 /* octets of a policy, and of its hosts */
#define TALLY_WORDS 160        /* of a failure's reason */

struct failure {
	char *type, *source, *host, *address, *reason;
	int64_t count;
};

struct policy {
	enum gw_link_policy type;
	char *domain, *text, *hosts; /* the latter two by lines */
	int64_t good, bad;
	struct failure failures[TALLY_FAILURES];
	size_t failure_count;
};

struct tally {
	struct policy policies[TALLY_POLICIES];
	size_t count;
};

void tally_finish(struct tally *tally);

/* One connection. False: no memory, and it is not counted. */
bool tally_add(struct tally *tally, const struct gw_link *link);

/* The member "policies" of a report, RFC 8460 section 4.4, into an object that is open. */
void tally_write(const struct tally *tally, struct gw_json *json);
/* Adds what tally_write() wrote. */
void tally_read(struct tally *tally, const struct gw_json_value *object);

int64_t tally_sum(const struct tally *tally, bool bad);

#endif
