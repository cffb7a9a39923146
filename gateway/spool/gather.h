/* gather.h - pieces on their way into one write. */
#ifndef SPOOL_GATHER_H
#define SPOOL_GATHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define GATHER_IOV 1024
#define GATHER_SCRATCH (512u << 10)
#define GATHER_COPY 2048u

struct gather {
	struct iovec iov[GATHER_IOV];
	int count;
	char *scratch;
	size_t used;
	uint64_t bytes;
};
void gather_clear(struct gather *gather);
/* One more record, of whose parts `small_bytes` are copied, has room. */
bool gather_fits(const struct gather *gather, size_t small_bytes);
/* Small pieces are copied; longer ones stay where they are until the write. */
void gather_add(struct gather *gather, const void *bytes, size_t len);
/* All of it, at `offset`, in as many calls as the kernel wants. -1 with errno. */
int gather_write(struct gather *gather, int fd, uint64_t offset);

#endif
