/* quarantine.c - what is damaged is copied aside and told, each time it is met; the copy is made
 * once. */
#include "spool/spool_private.h"

#include "base/id.h"
#include "base/log.h"
#include "spool/disk.h"
#include "spool/record.h"
#include "spool/recover.h"
#include "spool/segment.h"

#include <errno.h>
#include <stdio.h>

static int copy_range(struct segment *segment, int out, uint32_t from, uint32_t to)
{
	char piece[16384];

	while (from < to) {
		size_t len = to - from < sizeof(piece) ? to - from : sizeof(piece);
		ssize_t n = disk_pread(segment->fd, piece, len, from);

		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0)
			return 0;
		if (n < 0) { /* unreadable sectors: go on behind them */
			segment->unread = true;
			n = (ssize_t)len;
			memset(piece, 0, len);
		}
		if (disk_write(out, piece, (size_t)n) != n)
			return -1;
		from += (uint32_t)n;
	}
	return 0;
}

/* Under another name first: one killed here leaves no half a copy behind. */
static int copy_file(struct segment *segment, int folder, const char *name, uint32_t from,
		     uint32_t to)
{
	static const char temporary[] = "copying";
	int failed, out = disk_openat(folder, temporary, O_WRONLY | O_CREAT | O_TRUNC);

	if (out < 0)
		return -1;
	failed = copy_range(segment, out, from, to) || disk_fsync(out);
	disk_close(out);
	if (failed)
		disk_unlinkat(folder, temporary);
	return failed ? -1 : disk_renameat(folder, temporary, name);
}

static int copy_aside(struct spool *spool, uint32_t number, uint32_t from, uint32_t to)
{
	struct segment *segment = segment_hold(spool, number);
	char name[32];
	int folder, failed = -1;

	if (!segment)
		return -1;
	disk_mkdirat(spool->dir, "quarantine");
	folder = disk_openat(spool->dir, "quarantine", O_RDONLY | O_DIRECTORY);
	if (folder >= 0) {
		snprintf(name, sizeof(name), "%010u-%u", number, from);
		failed = disk_exists(folder, name) ? 0 : copy_file(segment, folder, name, from, to);
		disk_close(folder);
	}
	segment_release(spool, segment);
	return failed;
}

static void report(struct spool *spool, uint32_t segment, uint32_t from, uint32_t to, uint64_t id,
		   const char *why)
{
	char text[ID_TEXT] = "";

	if (!spool->report)
		return;
	fprintf(spool->report, "damaged: segment %u, offset %u, %u bytes: %s", segment, from,
		to - from, why);
	if (id)
		fprintf(spool->report, ", message %s", id_format(id, text));
	fputc('\n', spool->report);
}

/* Under `lock`. Without a copy the file itself is what a person has to look at. */
static void keep_file(struct spool *spool, uint32_t number)
{
	struct segment *segment = segment_find(&spool->segments, number);

	if (segment)
		segment->unread = true;
}

void quarantine(struct spool *spool, uint32_t segment, uint32_t from, uint32_t to, uint64_t id,
		const char *why)
{
	int failed = spool->dry ? 0 : copy_aside(spool, segment, from, to);
	struct log_line *line;

	pthread_mutex_lock(&spool->lock);
	spool->stats.damaged++;
	if (failed)
		keep_file(spool, segment);
	pthread_mutex_unlock(&spool->lock);
	if (spool->dry) {
		report(spool, segment, from, to, id, why);
		return;
	}
	line = log_open(EVENT_SPOOL_DAMAGED);
	if (id)
		log_id(line, id);
	log_int(line, KEY_SEGMENT, segment);
	log_int(line, KEY_OFFSET, from);
	log_int(line, KEY_SIZE, to - from);
	log_text(line, KEY_REASON, why);
	log_text(line, KEY_COPIED, failed ? "no" : "yes");
	log_close(line);
}
