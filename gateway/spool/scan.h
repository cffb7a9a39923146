/* scan.h - the records of a segment in order. */
#ifndef SPOOL_SCAN_H
#define SPOOL_SCAN_H

#include "spool/segment.h"

struct read_buffer {
	int fd;
	char *bytes;
	uint64_t start;
	size_t len;
	int error; /* errno of a read that failed; what could not be read is zeros */
};
#define READ_BUFFER_SIZE (1u << 20)
/* Nothing but what may be there of a header. */
bool segment_never_used(struct read_buffer *buffer, uint32_t size);
int read_buffer_init(struct read_buffer *buffer);
void read_buffer_finish(struct read_buffer *buffer);
void read_buffer_file(struct read_buffer *buffer, int fd);
/* `len` bytes at `offset`, zeros where the file ends; NULL: no memory. Valid until the next call.
 */
const char *read_buffer_at(struct read_buffer *buffer, uint64_t offset, size_t len);

enum scan_result { SCAN_END, SCAN_RECORD, SCAN_BAD, SCAN_FAILED };
struct scan {
	struct read_buffer *buffer;
	struct segment_key key;
	uint32_t segment, at, limit;
	struct record_head head; /* RECORD; BAD: of a record whose meta is bad, else its id is 0 */
	struct gw_str meta;
	uint32_t from, to; /* the record's or the bad range */
};
/* A pinned segment's. */
void scan_init(struct scan *scan, struct read_buffer *buffer, const struct segment *segment,
	       uint32_t from, uint32_t limit);
enum scan_result scan_next(struct scan *scan);

#endif
