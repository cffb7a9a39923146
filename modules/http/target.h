/* target.h - what a request is for: the segments of its path and the parameters of its query,
 * decoded; RFC 3986, read strictly. What is read is hostile. */
#ifndef HTTP_TARGET_H
#define HTTP_TARGET_H

#include <gateway/str.h>

#define TARGET_MAX 4096 /* octets of path and query */
#define TARGET_SEGMENTS 8
#define TARGET_PARAMETERS 24

struct parameter {
	struct gw_str name, value;
};

struct target {
	struct gw_str segments[TARGET_SEGMENTS];
	size_t segment_count;
	struct parameter parameters[TARGET_PARAMETERS];
	size_t parameter_count;
	char room[TARGET_MAX + TARGET_SEGMENTS + 2 * TARGET_PARAMETERS];
	size_t used;
};

/* "/v1/bounces/42?limit=10". NULL, or what is wrong with it: no absolute path, an empty or a dot
 * segment, a bad %, a control character or a NUL, a parameter twice or without a name, too long,
 * too many. A '+' in the query is a blank. Decoded texts have a NUL behind them. */
const char *target_read(struct target *target, struct gw_str text);

/* ptr NULL: it has none. */
struct gw_str target_parameter(const struct target *target, const char *name);

#endif
