/* disk.c - in the place of spool/disk.c: three folders in memory (the state directory, the spool
 * and its quarantine), each file as it is read and as a power cut would leave it. */
#include "sim_private.h"

#include "spool/disk.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define FILES 64
#define FDS 64
#define FIRST_FD 5000 /* no descriptor of the process */

enum folder { FOLDER_STATE, FOLDER_SPOOL, FOLDER_QUARANTINE, FOLDERS };

struct image {
	char *bytes;
	size_t size;
	bool named; /* the folder has it */
};

struct file {
	bool used;
	enum folder folder;
	char name[32];
	struct image now, stable;
};

struct descriptor {
	bool used;
	struct file *file; /* NULL: the folder */
	enum folder folder;
	size_t at; /* of disk_write */
};

struct disk {
	struct file files[FILES];
	struct descriptor descriptors[FDS];
	bool has_folder[FOLDERS];
	int64_t free_octets;
	struct {
		int error, times;
		unsigned calls;
	} on[DISK_CALLS];
};

static struct disk *disk;

struct disk *disk_create(void)
{
	struct disk *made = calloc(1, sizeof(*made));

	made->has_folder[FOLDER_STATE] = true;
	made->free_octets = INT64_C(1) << 30;
	return made;
}

static void file_drop(struct file *file)
{
	free(file->now.bytes);
	free(file->stable.bytes);
	*file = (struct file){ 0 };
}

void disk_destroy(struct disk *old)
{
	for (size_t i = 0; i < FILES; i++)
		file_drop(&old->files[i]);
	free(old);
}

struct disk *disk_use(struct disk *other)
{
	struct disk *before = disk;

	disk = other;
	return before;
}

static void image_copy(struct image *to, const struct image *from)
{
	to->bytes = realloc(to->bytes, from->size + 1);
	if (from->size)
		memcpy(to->bytes, from->bytes, from->size);
	to->size = from->size;
}

struct disk *disk_after_power_cut(const struct disk *from)
{
	struct disk *copy = disk_create();
	size_t count = 0;

	memcpy(copy->has_folder, from->has_folder, sizeof(copy->has_folder));
	for (size_t i = 0; i < FILES; i++) {
		const struct file *file = &from->files[i];
		struct file *to = &copy->files[count];

		if (!file->used || !file->stable.named)
			continue;
		*to = (struct file){ .used = true, .folder = file->folder };
		memcpy(to->name, file->name, sizeof(to->name));
		image_copy(&to->now, &file->stable);
		image_copy(&to->stable, &file->stable);
		to->now.named = to->stable.named = true;
		count++;
	}
	return copy;
}

void disk_fail(struct disk *which, enum disk_call call, int error, int times)
{
	which->on[call].error = error;
	which->on[call].times = times;
}

void disk_set_free(struct disk *which, int64_t octets)
{
	which->free_octets = octets;
}

unsigned disk_calls(const struct disk *which, enum disk_call call)
{
	return which->on[call].calls;
}

/* True: this one fails, errno says how. */
static bool fails(enum disk_call call)
{
	if (disk->on[call].times == 0) {
		disk->on[call].calls++;
		return false;
	}
	if (disk->on[call].times > 0)
		disk->on[call].times--;
	errno = disk->on[call].error;
	return true;
}

static int failed(int error)
{
	errno = error;
	return -1;
}

/* --- descriptors and names --- */

static struct descriptor *descriptor_of(int fd)
{
	assert_in_range(fd, FIRST_FD, FIRST_FD + FDS - 1);
	assert_true(disk->descriptors[fd - FIRST_FD].used);
	return &disk->descriptors[fd - FIRST_FD];
}

static int descriptor_new(enum folder folder, struct file *file)
{
	for (int i = 0; i < FDS; i++) {
		if (disk->descriptors[i].used)
			continue;
		disk->descriptors[i] = (struct descriptor){ true, file, folder, 0 };
		return FIRST_FD + i;
	}
	return failed(EMFILE);
}

static struct file *find(enum folder folder, const char *name)
{
	for (size_t i = 0; i < FILES; i++)
		if (disk->files[i].used && disk->files[i].now.named &&
		    disk->files[i].folder == folder && strcmp(disk->files[i].name, name) == 0)
			return &disk->files[i];
	return NULL;
}

/* One that no name and no descriptor leads to, now or after a power cut, is free for another. */
static bool is_reachable(const struct file *file)
{
	if (file->now.named || file->stable.named)
		return true;
	for (int i = 0; i < FDS; i++)
		if (disk->descriptors[i].used && disk->descriptors[i].file == file)
			return true;
	return false;
}

static struct file *file_new(enum folder folder, const char *name)
{
	for (size_t i = 0; i < FILES; i++) {
		struct file *file = &disk->files[i];

		if (file->used && !is_reachable(file))
			file_drop(file);
		if (file->used)
			continue;
		file->used = file->now.named = true;
		file->folder = folder;
		snprintf(file->name, sizeof(file->name), "%s", name);
		return file;
	}
	fail_msg("more than %d files", FILES);
	return NULL;
}

int disk_open(const char *path)
{
	return disk->has_folder[FOLDER_SPOOL] ? descriptor_new(FOLDER_SPOOL, NULL) : failed(ENOENT);
}

int disk_mkdir(const char *path)
{
	if (disk->has_folder[FOLDER_SPOOL])
		return failed(EEXIST);
	disk->has_folder[FOLDER_SPOOL] = true;
	return 0;
}

int disk_mkdirat(int folder, const char *name)
{
	disk->has_folder[FOLDER_QUARANTINE] = true;
	return 0;
}

int disk_openat(int folder, const char *name, int flags)
{
	enum folder in = descriptor_of(folder)->folder;
	struct file *file = find(in, name);

	if (flags & O_DIRECTORY)
		return descriptor_new(strcmp(name, "..") == 0 ? FOLDER_STATE : FOLDER_QUARANTINE,
				      NULL);
	if (!file && !(flags & O_CREAT))
		return failed(ENOENT);
	if (file && (flags & O_EXCL))
		return failed(EEXIST);
	return descriptor_new(in, file ? file : file_new(in, name));
}

static void status_of(const struct file *file, struct stat *status)
{
	*status = (struct stat){ .st_mode = file ? S_IFREG | 0600 : S_IFDIR | 0700,
				 .st_uid = geteuid(),
				 .st_size = file ? (off_t)file->now.size : 0 };
}

int disk_fstatat(int folder, const char *name, struct stat *status)
{
	const struct file *file = find(descriptor_of(folder)->folder, name);

	if (!file)
		return failed(ENOENT);
	status_of(file, status);
	return 0;
}

bool disk_exists(int folder, const char *name)
{
	return find(descriptor_of(folder)->folder, name) != NULL;
}

int disk_renameat(int folder, const char *from, const char *to)
{
	struct file *file = find(descriptor_of(folder)->folder, from);

	if (!file)
		return failed(ENOENT);
	snprintf(file->name, sizeof(file->name), "%s", to);
	return 0;
}

int disk_unlinkat(int folder, const char *name)
{
	struct file *file = find(descriptor_of(folder)->folder, name);

	if (!file)
		return failed(ENOENT);
	file->now.named = false;
	return 0;
}

int disk_list(int folder, int (*each)(void *arg, const char *name), void *arg)
{
	enum folder in = descriptor_of(folder)->folder;
	int result = 0;

	for (size_t i = 0; i < FILES && result == 0; i++)
		if (disk->files[i].used && disk->files[i].now.named && disk->files[i].folder == in)
			result = each(arg, disk->files[i].name);
	return result;
}

int disk_fstatvfs(int folder, struct statvfs *space)
{
	*space = (struct statvfs){ .f_frsize = 1, .f_bavail = (fsblkcnt_t)disk->free_octets };
	return 0;
}

/* --- files --- */

int disk_close(int fd)
{
	descriptor_of(fd)->used = false;
	return 0;
}

int disk_flock(int fd, int operation)
{
	return 0;
}

int disk_fstat(int fd, struct stat *status)
{
	status_of(descriptor_of(fd)->file, status);
	return 0;
}

static void resize(struct image *image, size_t size)
{
	image->bytes = realloc(image->bytes, size + 1);
	if (size > image->size)
		memset(image->bytes + image->size, 0, size - image->size);
	image->size = size;
}

int disk_fallocate(int fd, off_t size)
{
	struct image *image = &descriptor_of(fd)->file->now;

	if (fails(DISK_ALLOCATE))
		return -1;
	if (size > disk->free_octets)
		return failed(ENOSPC);
	if ((size_t)size > image->size)
		resize(image, (size_t)size);
	return 0;
}

int disk_ftruncate(int fd, off_t size)
{
	resize(&descriptor_of(fd)->file->now, (size_t)size);
	return 0;
}

ssize_t disk_pread(int fd, void *out, size_t len, off_t offset)
{
	const struct image *image = &descriptor_of(fd)->file->now;
	size_t left = (size_t)offset < image->size ? image->size - (size_t)offset : 0;

	len = len < left ? len : left;
	if (len)
		memcpy(out, image->bytes + offset, len);
	return (ssize_t)len;
}

static void put(struct image *image, const void *bytes, size_t len, size_t offset)
{
	if (offset + len > image->size)
		resize(image, offset + len);
	if (len)
		memcpy(image->bytes + offset, bytes, len);
}

ssize_t disk_pwrite(int fd, const void *bytes, size_t len, off_t offset)
{
	if (fails(DISK_WRITE))
		return -1;
	put(&descriptor_of(fd)->file->now, bytes, len, (size_t)offset);
	return (ssize_t)len;
}

ssize_t disk_pwritev(int fd, const struct iovec *pieces, int count, off_t offset)
{
	struct image *image = &descriptor_of(fd)->file->now;
	size_t done = 0;

	if (fails(DISK_WRITE))
		return -1;
	for (int i = 0; i < count; i++) {
		put(image, pieces[i].iov_base, pieces[i].iov_len, (size_t)offset + done);
		done += pieces[i].iov_len;
	}
	return (ssize_t)done;
}

ssize_t disk_write(int fd, const void *bytes, size_t len)
{
	struct descriptor *to = descriptor_of(fd);

	put(&to->file->now, bytes, len, to->at);
	to->at += len;
	return (ssize_t)len;
}

int disk_fdatasync(int fd)
{
	struct file *file = descriptor_of(fd)->file;

	if (fails(DISK_SYNC))
		return -1;
	image_copy(&file->stable, &file->now);
	return 0;
}

int disk_fsync(int fd)
{
	struct descriptor *what = descriptor_of(fd);

	if (what->file)
		return disk_fdatasync(fd);
	for (size_t i = 0; i < FILES; i++)
		if (disk->files[i].used && disk->files[i].folder == what->folder)
			disk->files[i].stable.named = disk->files[i].now.named;
	return 0;
}
