/* A PROXY header: where it ends does not depend on what follows or on how it comes, and only one
 * that is whole names somebody. */
#include "fuzz.h"
#include "smtp/proxy.h"

#include <string.h>

/* In memory of just its size, so that a step aside is seen. */
static ssize_t parse(const uint8_t *data, size_t len, struct proxy_header *header)
{
	char *copy = malloc(len ? len : 1);
	ssize_t end;

	must(copy != NULL);
	memcpy(copy, data, len);
	end = proxy_parse(gw_str_n(copy, len), header);
	free(copy);
	return end;
}

static void check_beginnings(const uint8_t *data, size_t len)
{
	struct proxy_header header;

	for (size_t part = 0; part < len; part++) {
		must(parse(data, part, &header) == 0);
		must(!header.named);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct proxy_header header, alone;
	ssize_t end = parse(data, size, &header);

	must(end >= -1 && end <= PROXY_MAX && (size_t)(end < 0 ? 0 : end) <= size);
	if (end <= 0) {
		must(end < 0 || size < PROXY_MAX);
		return 0;
	}
	must(!header.named || header.source.ss_family == AF_INET ||
	     header.source.ss_family == AF_INET6);
	must(parse(data, (size_t)end, &alone) == end);
	must(memcmp(&header, &alone, sizeof(header)) == 0);
	check_beginnings(data, (size_t)end);
	return 0;
}
