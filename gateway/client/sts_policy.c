#include "client/sts_policy.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define AGE_MOST 31557600 /* seconds, RFC 8461 section 3.2 */

/* The first piece up to `end`, taken off. */
static struct gw_str piece(struct gw_str *rest, char end)
{
	struct gw_str first = gw_str_n(rest->ptr, gw_str_find(*rest, end));

	*rest = gw_str_from(*rest, first.len + 1);
	return gw_str_trim(first);
}

/* --- the records --- */

static bool take_id(struct gw_str value, char id[STS_ID_MOST + 1])
{
	if (!value.len || value.len > STS_ID_MOST)
		return false;
	for (size_t i = 0; i < value.len; i++) {
		char c = value.ptr[i];
		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')))
			return false;
		id[i] = c;
	}
	id[value.len] = '\0';
	return true;
}

static bool read_id(struct gw_str record, char id[STS_ID_MOST + 1])
{
	bool found = false;

	if (!gw_str_eq(piece(&record, ';'), gw_str("v=STSv1")))
		return false;
	while (record.len) {
		struct gw_str field = piece(&record, ';'), key = piece(&field, '=');
		if (gw_str_eq(key, gw_str("id")) && !found &&
		    !(found = take_id(gw_str_trim(field), id)))
			return false;
	}
	return found;
}

const char *sts_records_read(struct gw_list records, char id[STS_ID_MOST + 1])
{
	const struct gw_str *record = NULL;
	size_t count = 0;

	for (size_t i = 0; i < records.count; i++) {
		struct gw_str text = records.items[i];
		if (!gw_str_eq(gw_str_n(text.ptr, text.len < 7 ? text.len : 7), gw_str("v=STSv1")))
			continue;
		record = &records.items[i];
		count++;
	}
	if (count != 1)
		return "there is no TXT record of it";
	return read_id(*record, id) ? NULL : "its TXT record cannot be read";
}

/* --- the policy --- */

static const char *const mode_names[] = {
	[STS_MODE_NONE] = "none",
	[STS_MODE_TESTING] = "testing",
	[STS_MODE_ENFORCE] = "enforce",
};

struct reading {
	struct sts_policy *policy;
	char *text; /* the next free octet of policy->text */
	bool version, mode, age;
	int64_t seconds;
};

static bool take_mode(struct reading *reading, struct gw_str value)
{
	for (size_t i = 0; i < sizeof(mode_names) / sizeof(mode_names[0]); i++) {
		if (!gw_str_eq(value, gw_str(mode_names[i])))
			continue;
		reading->policy->mode = (enum sts_mode)i;
		return true;
	}
	return false;
}

static bool take_age(struct reading *reading, struct gw_str value)
{
	for (size_t i = 0; i < value.len; i++) {
		if (value.ptr[i] < '0' || value.ptr[i] > '9' || i == 10)
			return false;
		reading->seconds = reading->seconds * 10 + value.ptr[i] - '0';
	}
	if (reading->seconds > AGE_MOST)
		reading->seconds = AGE_MOST;
	return value.len > 0;
}

static bool take_mx(struct reading *reading, struct gw_str value)
{
	struct sts_policy *policy = reading->policy;

	if (!value.len || value.len > 255 || policy->count == STS_MX_MOST)
		return false;
	policy->mx[policy->count++] = gw_str_n(reading->text, value.len);
	for (size_t i = 0; i < value.len; i++) {
		char c = value.ptr[i];
		*reading->text++ = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
	}
	*reading->text++ = '\0';
	return true;
}

/* What is said twice counts as it was said first; what is not known is passed over. */
static bool take_line(struct reading *reading, struct gw_str key, struct gw_str value)
{
	if (gw_str_eq(key, gw_str("version")) && !reading->version)
		return reading->version = gw_str_eq(value, gw_str("STSv1"));
	if (gw_str_eq(key, gw_str("mode")) && !reading->mode)
		return reading->mode = take_mode(reading, value);
	if (gw_str_eq(key, gw_str("max_age")) && !reading->age)
		return reading->age = take_age(reading, value);
	return !gw_str_eq(key, gw_str("mx")) || take_mx(reading, value);
}

static const char *read_lines(struct reading *reading, struct gw_str body)
{
	while (body.len) {
		struct gw_str line = piece(&body, '\n');
		size_t colon = gw_str_find(line, ':');
		if (line.len && !take_line(reading, gw_str_trim(gw_str_n(line.ptr, colon)),
					   gw_str_trim(gw_str_from(line, colon + 1))))
			return "the policy has a line that cannot be read";
	}
	if (!reading->version || !reading->mode || !reading->age)
		return "the policy lacks its version, mode or max_age";
	if (reading->policy->mode != STS_MODE_NONE && reading->policy->count == 0)
		return "the policy names no mail host";
	return NULL;
}

struct sts_policy *sts_policy_read(struct gw_str domain, struct gw_str body, const char *id,
				   int64_t now, const char **why)
{
	struct sts_policy *policy = calloc(1, sizeof(*policy) + body.len + domain.len + 2);
	struct reading reading = { .policy = policy };

	*why = "out of memory";
	if (!policy)
		return NULL;
	memcpy(policy->text, domain.ptr, domain.len);
	policy->domain = gw_str_n(policy->text, domain.len);
	reading.text = policy->text + domain.len + 1;
	*why = read_lines(&reading, body);
	if (*why) {
		free(policy);
		return NULL;
	}
	atomic_init(&policy->references, 1);
	memcpy(policy->id, id, strnlen(id, STS_ID_MOST));
	policy->fetched_at = now;
	policy->expires_at = now + reading.seconds * 1000;
	return policy;
}

const struct sts_policy *sts_policy_hold(const struct sts_policy *policy)
{
	atomic_fetch_add_explicit(&((struct sts_policy *)policy)->references, 1,
				  memory_order_relaxed);
	return policy;
}

void sts_policy_release(const struct sts_policy *policy)
{
	struct sts_policy *own = (struct sts_policy *)policy;

	if (own && atomic_fetch_sub_explicit(&own->references, 1, memory_order_acq_rel) == 1)
		free(own);
}

/* RFC 8461 section 4.1: a wildcard stands for one label. */
static bool is_named(struct gw_str pattern, struct gw_str host)
{
	if (pattern.len < 3 || pattern.ptr[0] != '*' || pattern.ptr[1] != '.')
		return gw_str_ieq(pattern, host);
	host = gw_str_from(host, gw_str_find(host, '.'));
	return gw_str_ieq(gw_str_from(pattern, 1), host);
}

bool sts_policy_names(const struct sts_policy *policy, struct gw_str host)
{
	for (size_t i = 0; i < policy->count; i++)
		if (is_named(policy->mx[i], host))
			return true;
	return false;
}

const char *sts_mode_name(enum sts_mode mode)
{
	return mode_names[mode];
}
