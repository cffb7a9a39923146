/* sts_policy.h - an MTA-STS policy (RFC 8461 section 3.2) as it is read, and what it says of a
 * mail host. Shared by workers, never changed. Inside client/, and for `tls explain`. */
#ifndef CLIENT_STS_POLICY_H
#define CLIENT_STS_POLICY_H

#include <gateway/str.h>

#include <stdatomic.h>

#define STS_ID_MOST 32
#define STS_MX_MOST 64
#define STS_BODY_MOST (48u << 10)

enum sts_mode { STS_MODE_NONE, STS_MODE_TESTING, STS_MODE_ENFORCE };

struct sts_policy {
	_Atomic unsigned references;
	enum sts_mode mode;
	int64_t fetched_at, expires_at; /* wall ms */
	char id[STS_ID_MOST + 1];       /* of the record that led to it */
	size_t count;
	struct gw_str mx[STS_MX_MOST]; /* lower case; "*.example.net" */
	struct gw_str domain;          /* whose it is */
	char text[];
};

/* The id of "v=STSv1; id=20160831085700Z;" among the TXT records of "_mta-sts.DOMAIN"
 * (section 3.1): there has to be one that begins so. NULL: it is in `id`; else why there is none.
 * [any thread] */
const char *sts_records_read(struct gw_list records, char id[STS_ID_MOST + 1]);

/* From what the domain's server sent; with one reference. NULL: `why` says what is wrong with it.
 * [any thread] */
struct sts_policy *sts_policy_read(struct gw_str domain, struct gw_str body, const char *id,
				   int64_t now, const char **why);

const struct sts_policy *sts_policy_hold(const struct sts_policy *policy); /* [any thread] */
void sts_policy_release(const struct sts_policy *policy); /* NULL is fine [any thread] */

/* Whether mail may go to a host of that name, which is in lower case. [any thread] */
bool sts_policy_names(const struct sts_policy *policy, struct gw_str host);

const char *sts_mode_name(enum sts_mode mode); /* "enforce" */

#endif
