/* removal_keys.c - keys of records are destroyed, wherever they are here: in the file, in its stub,
 * or, where the archive was cut off between the two, in both. */
#include "removal.h"

#include "stub.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* The file whose keys go; each -1 where it is not there. */
struct writing {
	const char *folder;
	char name[SEGMENT_NAME];
	int file;
	struct stub stub;
};

static int end_file(struct writing *writing)
{
	int error = 0;

	if (writing->file >= 0 && fdatasync(writing->file) != 0)
		error = errno;
	if (writing->stub.file >= 0 && fdatasync(writing->stub.file) != 0)
		error = errno;
	if (writing->file >= 0)
		close(writing->file);
	writing->file = -1;
	stub_close(&writing->stub);
	return error;
}

static int begin_file(struct writing *writing, const char *name)
{
	char path[SEGMENT_PATH];
	int error = end_file(writing);

	if (error)
		return error;
	snprintf(writing->name, sizeof writing->name, "%s", name);
	segment_path(path, writing->folder, name);
	writing->file = open(path, O_RDWR | O_CLOEXEC);
	if (writing->file < 0 && errno != ENOENT)
		return errno;
	return stub_open(&writing->stub, writing->folder, name) || errno == ENOENT ? 0 : errno;
}

static int destroy_here(int file, uint64_t at)
{
	struct record record;

	return record_read(file, at, &record) == 1 ? record_destroy(file, at) : EIO;
}

static int destroy_in_stub(const struct stub *stub, uint64_t at)
{
	struct stub_row row;

	if (!stub_row(stub, stub_find(stub, at), &row) || row.at != at)
		return EIO;
	return row.where ? 0 : destroy_here(stub->file, row.here);
}

static int destroy(struct writing *writing, const struct place *place)
{
	int error = strcmp(writing->name, place->name) == 0 ? 0 : begin_file(writing, place->name);

	if (!error && writing->file >= 0)
		error = destroy_here(writing->file, place->at);
	if (!error && writing->stub.file >= 0)
		error = destroy_in_stub(&writing->stub, place->at);
	return error;
}

/* A file that is gone has no keys. */
int removal_of_keys(const char *folder, const GArray *doomed)
{
	struct writing writing = { .folder = folder, .file = -1, .stub = { .file = -1 } };
	int error = 0, last;
	guint i;

	stub_lock();
	/* what became a stub, and was cut off in that, has its keys twice */
	stub_clean(folder);
	for (i = 0; i < doomed->len && !error; i++)
		error = destroy(&writing, &g_array_index(doomed, struct doomed, i).place);
	last = end_file(&writing);
	stub_unlock();
	return error ? error : last;
}
