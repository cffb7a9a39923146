/* header.c - the head of a segment: it says how the records in it are marked. See FORMAT.md.
 *
 * The salt is what tells a record from octets that look like one: it is in no message, since nobody
 * outside has seen it. */
#include "spool/header.h"

#include "base/crc32c.h"
#include "spool/disk.h"
#include "spool/record.h"
#include "spool/scan.h"
#include "spool/segment.h"

#include <errno.h>
#include <sys/random.h>

#define HEADER_MAGIC "GWSPOOL\n"
#define HEADER_COPY 4096u /* where the second one lies: a block that went bad takes one of them */

struct header {
	char magic[8];
	uint32_t number, version;
	uint32_t salt[2];
	uint32_t zero, crc;
};
_Static_assert(sizeof(struct header) == 32, "a header is written as it is in memory");
_Static_assert(HEADER_COPY + sizeof(struct header) <= SEGMENT_HEADER,
	       "both copies lie before the first record");

static uint32_t header_crc(const struct header *header)
{
	return crc32c(0, header, offsetof(struct header, crc));
}

struct segment_key segment_key_old(uint32_t number)
{
	return (struct segment_key){ number, RECORD_VERSION_UNSALTED, { RECORD_MAGIC, number } };
}

int segment_key_make(struct segment_key *key, uint32_t number)
{
	*key = (struct segment_key){ .number = number, .version = RECORD_VERSION };
	if (getrandom(key->salt, sizeof(key->salt), 0) == (ssize_t)sizeof(key->salt))
		return 0;
	errno = EIO;
	return -1;
}

static int write_copy(int fd, const struct header *header, uint32_t offset)
{
	ssize_t n;

	do
		n = disk_pwrite(fd, header, sizeof(*header), offset);
	while (n < 0 && errno == EINTR);
	if (n >= 0 && n != (ssize_t)sizeof(*header))
		errno = EIO;
	return n == (ssize_t)sizeof(*header) ? 0 : -1;
}

int segment_header_write(int fd, const struct segment_key *key)
{
	struct header header = { .magic = HEADER_MAGIC,
				 .number = key->number,
				 .version = key->version };

	memcpy(header.salt, key->salt, sizeof(header.salt));
	header.crc = header_crc(&header);
	return write_copy(fd, &header, 0) < 0 || write_copy(fd, &header, HEADER_COPY) < 0 ? -1 : 0;
}

static bool header_good(const struct header *header, uint32_t number)
{
	return memcmp(header->magic, HEADER_MAGIC, sizeof(header->magic)) == 0 &&
	       header->number == number && header->crc == header_crc(header);
}

/* 1: as segment_header_read; 0: none there; SPOOL_UNREADABLE. */
static int read_copy(const struct segment *segment, uint32_t offset, struct segment_key *key)
{
	struct header header;
	int result = segment_read(segment, &header, sizeof(header), offset);

	if (result < 0)
		return result == SPOOL_DAMAGED ? 0 : result;
	if (!header_good(&header, segment->number))
		return 0;
	*key = (struct segment_key){ header.number,
				     header.version,
				     { header.salt[0], header.salt[1] } };
	return 1;
}

int segment_header_read(const struct segment *segment, struct segment_key *key)
{
	int first = read_copy(segment, 0, key), second;

	if (first > 0)
		return first;
	second = read_copy(segment, HEADER_COPY, key);
	return second ? second : first;
}

bool segment_begins_old(const struct segment *segment)
{
	struct segment_key key = segment_key_old(segment->number);
	struct record_head head;

	return segment_read(segment, &head, sizeof(head), 0) == 0 && record_valid(&head, &key, 0) &&
	       head.type == RECORD_SEAL;
}

/* A header that a power cut tore is no trace of a record: it was not synced, so none was written.
 */
bool segment_never_used(struct read_buffer *buffer, uint32_t size)
{
	for (uint32_t at = 0; at < size; at += HEADER_COPY) {
		uint32_t from = at <= HEADER_COPY ? (uint32_t)sizeof(struct header) : 0;
		const char *bytes = read_buffer_at(buffer, at, HEADER_COPY);

		for (uint32_t i = from; bytes && i < HEADER_COPY; i++)
			if (bytes[i])
				return false;
		if (!bytes)
			return false;
	}
	return true;
}
