#include "s3_publish.h"

#include "stub.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* Under its name when it is whole and on disk. */
static int publish(const struct s3_work *work, int file, uint64_t reach, const char *from,
		   const char *name)
{
	char path[SEGMENT_PATH], *month = g_strdup_printf("%s/%.7s", work->folder, name);
	int error = ftruncate(file, (off_t)reach) != 0 || fsync(file) != 0 ? errno : 0, dir;

	segment_path(path, work->folder, name);
	if (!error && mkdir(month, 0700) != 0 && errno != EEXIST)
		error = errno;
	if (!error && (link(from, path) != 0 || unlink(from) != 0))
		error = errno;
	dir = error ? -1 : open(month, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (!error && (dir < 0 || fsync(dir) != 0))
		error = errno;
	if (dir >= 0)
		close(dir);
	g_free(month);
	return error;
}

/* The keys of a stub are those that count: some may have been destroyed since they were uploaded.
 */
static int take_slots(const struct s3_work *work, int file, const char *name)
{
	struct record record, fresh;
	struct heads heads;
	int error = heads_open(&heads, work->folder, name, false) ? 0 : errno;

	while (!error && heads_next(&heads, &record))
		if (record_read(file, heads.at, &fresh) != 1 ||
		    memcmp(fresh.octets, record.octets, RECORD_SLOT) != 0)
			error = EBADMSG;
		else
			error = file_write(file, heads.at + RECORD_SLOT,
					   record.octets + RECORD_SLOT, SLOT_SIZE);
	heads_close(&heads);
	return error;
}

int s3_publish_whole(const struct s3_work *work, int file, uint64_t reach, const char *from,
		     const char *name)
{
	char stub[SEGMENT_PATH];
	int error = 0;

	stub_path(stub, work->folder, name);
	stub_lock();
	if (access(stub, F_OK) == 0)
		error = take_slots(work, file, name);
	if (!error)
		error = publish(work, file, reach, from, name);
	if (!error && unlink(stub) != 0 && errno != ENOENT)
		error = errno;
	stub_unlock();
	return error;
}

int s3_publish_stub(const struct s3_work *work, int file, uint64_t reach, const GArray *list,
		    guint first, guint end)
{
	GArray *spans = g_array_new(FALSE, TRUE, sizeof(struct stub_span));
	uint64_t at = 0;
	guint i;
	int error = ftruncate(file, (off_t)reach) != 0 ? errno : 0;

	for (i = first; i < end && at < reach; i++) {
		const struct s3_found *found = &g_array_index(list, struct s3_found, i);
		struct stub_span span = { found->span.from, found->span.end };

		if (span.from == at) {
			g_array_append_val(spans, span);
			at = span.end;
		}
	}
	if (!error)
		error = at != reach
				? EBADMSG
				: stub_make(work->folder,
					    g_array_index(list, struct s3_found, first).span.name,
					    file, spans, work->target->name);
	g_array_unref(spans);
	return error;
}

bool s3_is_to_be_stub(const struct s3_work *work, const GArray *list, guint first, guint end)
{
	const char *name = g_array_index(list, struct s3_found, first).span.name;
	const struct s3_conf *conf = work->target->conf;

	return end < list->len && work->now && s3_may_be_stub(conf, name, work->now);
}
