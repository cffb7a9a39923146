/* gather.c - the pieces of a group put together for one write; small ones are copied side by side.
 */
#include "spool/gather.h"

#include "spool/disk.h"
#include "spool/group.h"
#include "spool/record.h"

#include <errno.h>

void gather_clear(struct gather *gather)
{
	gather->count = 0;
	gather->used = 0;
	gather->bytes = 0;
}

/* A record takes at most five pieces; those up to GATHER_COPY are copied together. */
bool gather_fits(const struct gather *gather, size_t small_bytes)
{
	return gather->count + 8 <= GATHER_IOV && gather->used + small_bytes <= GATHER_SCRATCH &&
	       gather->bytes < GROUP_BYTES;
}

static void add_piece(struct gather *gather, const void *bytes, size_t len)
{
	struct iovec *last = gather->count ? &gather->iov[gather->count - 1] : NULL;

	if (last && (const char *)last->iov_base + last->iov_len == bytes) {
		last->iov_len += len;
		return;
	}
	gather->iov[gather->count].iov_base = (void *)bytes;
	gather->iov[gather->count++].iov_len = len;
}

void gather_add(struct gather *gather, const void *bytes, size_t len)
{
	char *copy = gather->scratch + gather->used;

	if (len == 0)
		return;
	gather->bytes += len;
	if (len > GATHER_COPY) {
		add_piece(gather, bytes, len);
		return;
	}
	memcpy(copy, bytes, len);
	gather->used += len;
	add_piece(gather, copy, len);
}

static void skip(struct gather *gather, int *at, size_t written)
{
	while (written > 0) {
		struct iovec *iov = &gather->iov[*at];
		size_t part = written < iov->iov_len ? written : iov->iov_len;

		iov->iov_base = (char *)iov->iov_base + part;
		iov->iov_len -= part;
		written -= part;
		if (iov->iov_len == 0)
			(*at)++;
	}
}

int gather_write(struct gather *gather, int fd, uint64_t offset)
{
	int at = 0;

	while (at < gather->count) {
		ssize_t n = disk_pwritev(fd, gather->iov + at, gather->count - at, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			errno = n == 0 ? EIO : errno;
			return -1;
		}
		offset += (uint64_t)n;
		skip(gather, &at, (size_t)n);
	}
	return 0;
}
