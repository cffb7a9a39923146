/* damage_kit.h - segments as bytes: read, spoilt, put back. */
#ifndef TESTS_SPOOL_DAMAGE_KIT_H
#define TESTS_SPOOL_DAMAGE_KIT_H

#include "spool_kit.h"

struct image {
	char name[32];
	char *bytes;
	size_t size;
};

struct images {
	struct image item[32];
	size_t count;
};

static unused_fn void image_load(const struct kit *kit, struct image *image)
{
	char path[KIT_PATH * 2];
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", kit->path, image->name);
	fd = open(path, O_RDONLY);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	image->size = (size_t)st.st_size;
	image->bytes = malloc(image->size + 1);
	assert_non_null(image->bytes);
	assert_int_equal(read(fd, image->bytes, image->size), image->size);
	close(fd);
}

static unused_fn int image_order(const void *a, const void *b)
{
	return strcmp(((const struct image *)a)->name, ((const struct image *)b)->name);
}

static unused_fn void images_load(const struct kit *kit, struct images *images)
{
	DIR *dir = opendir(kit->path);
	struct dirent *item;

	images->count = 0;
	while ((item = readdir(dir)))
		if (strstr(item->d_name, ".seg"))
			snprintf(images->item[images->count++].name, 32, "%.31s", item->d_name);
	closedir(dir);
	qsort(images->item, images->count, sizeof(*images->item), image_order);
	for (size_t i = 0; i < images->count; i++)
		image_load(kit, &images->item[i]);
}

static unused_fn void images_free(struct images *images)
{
	for (size_t i = 0; i < images->count; i++)
		free(images->item[i].bytes);
}

/* The folder holds these files and nothing else. */
static unused_fn void images_store(const struct kit *kit, const struct images *images)
{
	char path[KIT_PATH * 2];

	kit_remove(kit->path);
	assert_int_equal(mkdir(kit->path, 0700), 0);
	for (size_t i = 0; i < images->count; i++) {
		const struct image *image = &images->item[i];
		int fd;

		snprintf(path, sizeof(path), "%s/%s", kit->path, image->name);
		fd = open(path, O_WRONLY | O_CREAT, 0600);
		assert_true(fd >= 0);
		assert_int_equal(write(fd, image->bytes, image->size), image->size);
		close(fd);
	}
}

#endif
