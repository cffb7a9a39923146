/* The rule: a counter's change is in its slot when counter_add returns, and the slot's file is the
 * kernel's, not the process's. So a process may end at any instruction: the next one finds every
 * value that anybody was told. SQLite gets the same values within a second, which is all that is
 * left after a power cut.
 *
 *   - A slot is two copies, then a head with the counter's name. A change is written over the older
 * copy with the next turn, and each copy carries a checksum: whichever store was the last one,
 * either the new copy is whole, or it is none and the old one counts.
 *   - A slot is taken at the end of what is used and stays the counter's; a head is valid from its
 * last store on.
 *   - The file is there while the process lives and after it was killed. An orderly end has
 * everything in SQLite and removes it.
 *   - At the beginning the slots are laid over what SQLite has. In the same boot of the machine a
 * slot is the newer of the two. After another boot nobody knows which pages of the file reached the
 * disk: then the larger value counts, so that no limit is passed.
 *   - Checksums begin with the file's salt and the line, so that what a disk brings back from
 * elsewhere is no slot. */
#include "module/state_slots.h"

#include "base/crc32c.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE 64 /* octets: a copy is one cache line */
#define FIRST_LINES (((size_t)1 << 20) / LINE)
/* "gtwslot1" where numbers begin with their low end. */
#define FILE_MAGIC UINT64_C(0x31746f6c73777467)
#define FILE_LAYOUT '1'
#define LAYOUT_OF(magic) ((char)((magic) >> 56))
#define NAME_OF(magic) ((magic) << 8)
#define HEAD_MAGIC UINT32_C(0x746f6c73)

struct file_head {
	uint64_t magic, boot;
	uint32_t salt, check; /* of magic and salt */
	/* how many it had when it grew last; 0: nobody said so */
	uint64_t lines;
};

struct slot_head {
	uint32_t magic, check; /* of key_len and key */
	uint32_t key_len;
	char key[];
};

struct slot_copy {
	int64_t period[PERIODS], value[PERIODS];
	uint64_t turn;
	uint32_t used, check; /* of all before it */
};
_Static_assert(sizeof(struct slot_copy) <= LINE, "a copy is one line");
_Static_assert(LINE == 64 && PERIODS == 2 && sizeof(struct slot_copy) == 48 &&
		       sizeof(struct slot_head) == 12 && sizeof(struct file_head) == 32,
	       "a file of another layout is one of another magic: state_open.c sets it aside");

/* --- lines --- */

static void *line_at(const struct state_slots *slots, size_t line)
{
	return slots->map + line * LINE;
}

static size_t head_lines(size_t key_len)
{
	return (sizeof(struct slot_head) + key_len + LINE - 1) / LINE;
}

static uint32_t check_of(const struct state_slots *slots, size_t line, const void *bytes,
			 size_t len)
{
	return crc32c(slots->salt ^ (uint32_t)line, bytes, len);
}

static uint32_t head_check(const struct state_slots *slots, size_t line,
			   const struct slot_head *head)
{
	return check_of(slots, line, &head->key_len, sizeof(head->key_len) + head->key_len);
}

/* --- copies --- */

#define COPY_CHECKED offsetof(struct slot_copy, check)

/* Turns alternate between the two lines before the head. */
static size_t copy_line(uint32_t head, uint64_t turn)
{
	return head - 1 - (turn & 1);
}

static void write_copy(const struct state_slots *slots, struct slot_place place,
		       const struct state_period *periods)
{
	size_t line = copy_line(place.line, place.turn);
	struct slot_copy copy = { .turn = place.turn };

	for (int i = 0; i < PERIODS && periods[i].used; i++) {
		copy.period[i] = periods[i].period;
		copy.value[i] = periods[i].value;
		copy.used++;
	}
	copy.check = check_of(slots, line, &copy, COPY_CHECKED);
	memcpy(line_at(slots, line), &copy, sizeof(copy));
}

static const struct slot_copy *valid_copy(const struct state_slots *slots, size_t line)
{
	const struct slot_copy *copy = line_at(slots, line);

	return copy->used <= PERIODS && copy->check == check_of(slots, line, copy, COPY_CHECKED)
		       ? copy
		       : NULL;
}

static const struct slot_copy *newer_copy(const struct state_slots *slots, uint32_t head)
{
	const struct slot_copy *a = valid_copy(slots, copy_line(head, 0)),
			       *b = valid_copy(slots, copy_line(head, 1));

	return !a || (b && b->turn > a->turn) ? b : a;
}

/* --- the file --- */

static int map_lines(struct state_slots *slots, size_t lines)
{
	size_t size = lines * LINE;
	void *map;

	/* A hole would be filled in when it is written to, and where the disk is full that is the
	 * end of the process. */
	errno = posix_fallocate(slots->fd, 0, (off_t)size);
	if (errno)
		return -1;
	if (slots->map)
		map = mremap(slots->map, slots->lines * LINE, size, MREMAP_MAYMOVE);
	else
		map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, slots->fd, 0);
	if (map == MAP_FAILED)
		return -1;
	slots->map = map;
	slots->lines = lines;
	return 0;
}

static int grow(struct state_slots *slots, size_t lines)
{
	if (map_lines(slots, lines) < 0)
		return -1;
	((struct file_head *)line_at(slots, 0))->lines = lines;
	return 0;
}

static uint32_t file_check(const struct file_head *head)
{
	return crc32c(crc32c(0, &head->magic, sizeof(head->magic)), &head->salt,
		      sizeof(head->salt));
}

static int begin_file(struct state_slots *slots)
{
	struct file_head *file = line_at(slots, 0), head = { .magic = FILE_MAGIC };

	if (getrandom(&head.salt, sizeof(head.salt), 0) != sizeof(head.salt))
		return -1;
	head.check = file_check(&head);
	file->boot = 0;
	file->salt = head.salt;
	file->check = head.check;
	__atomic_store_n(&file->magic, head.magic, __ATOMIC_RELEASE);
	return 0;
}

static int refuse(struct state_slots *slots, const char *text, char *why, size_t size)
{
	snprintf(why, size, "%s", text);
	slots_close(slots, false);
	return -1;
}

static size_t lines_of_file(int fd)
{
	struct stat info;

	return fstat(fd, &info) == 0 ? (size_t)info.st_size / LINE : 0;
}

/* NULL: it is a file of ours. */
static const char *is_strange(const struct file_head *file, char *why, size_t size)
{
	char layout = LAYOUT_OF(file->magic);

	if (NAME_OF(file->magic) == NAME_OF(FILE_MAGIC) && layout != FILE_LAYOUT && layout >= '0' &&
	    layout <= '9')
		snprintf(why, size,
			 "its layout is %c, this gateway knows %c: another release made it", layout,
			 FILE_LAYOUT);
	else if (file->magic != FILE_MAGIC || file->check != file_check(file))
		snprintf(why, size, "it is damaged, or no file of this gateway");
	else
		return NULL;
	return why;
}

int slots_open(struct state_slots *slots, const char *path, char *why, size_t size)
{
	struct file_head *file;
	char strange[120];

	slots->path = strdup(path);
	slots->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	size_t lines = slots->fd < 0 ? 0 : lines_of_file(slots->fd);
	if (!slots->path || slots->fd < 0 ||
	    map_lines(slots, lines < FIRST_LINES ? FIRST_LINES : lines) < 0)
		return refuse(slots, strerror(errno), why, size);
	file = line_at(slots, 0);
	if (file->magic == 0 && begin_file(slots) < 0)
		return refuse(slots, strerror(errno), why, size);
	if (is_strange(file, strange, sizeof(strange)))
		return refuse(slots, strange, why, size);
	slots->is_cut = lines < file->lines;
	file->lines = slots->lines;
	slots->salt = file->salt;
	slots->next = 1;
	return 0;
}

void slots_init(struct state_slots *slots)
{
	*slots = (struct state_slots){ .fd = -1 };
}

void slots_close(struct state_slots *slots, bool remove)
{
	if (slots->map)
		munmap(slots->map, slots->lines * LINE);
	if (slots->fd >= 0)
		close(slots->fd);
	if (remove && slots->path)
		unlink(slots->path);
	free(slots->path);
	slots_init(slots);
}

uint64_t slots_boot(const struct state_slots *slots)
{
	return ((const struct file_head *)line_at(slots, 0))->boot;
}

void slots_boot_set(struct state_slots *slots, uint64_t boot)
{
	struct file_head *file = line_at(slots, 0);

	__atomic_store_n(&file->boot, boot, __ATOMIC_RELEASE);
}

/* --- reading --- */

static bool is_whole(const struct state_slots *slots, size_t line, const struct slot_head *head)
{
	return head->key_len <= STATE_KEY_MAX && line + head_lines(head->key_len) <= slots->lines &&
	       head->check == head_check(slots, line, head) && newer_copy(slots, (uint32_t)line);
}

static void unpack(const struct slot_copy *copy, struct state_period *periods)
{
	for (uint32_t i = 0; i < PERIODS; i++)
		periods[i] = i < copy->used ? (struct state_period){ copy->period[i],
								     copy->value[i], true }
					    : (struct state_period){ 0 };
}

/* Looks at every line, since after a power cut any of them may be missing. */
long slots_each(struct state_slots *slots,
		int (*each)(void *arg, struct gw_str key, struct slot_place place,
			    const struct state_period *periods),
		void *arg)
{
	struct state_period periods[PERIODS];
	long spoiled = 0;
	size_t line = 3;

	while (line < slots->lines) {
		const struct slot_head *head = line_at(slots, line);
		if (head->magic != HEAD_MAGIC) {
			line++;
			continue;
		}
		if (!is_whole(slots, line, head)) {
			slots->next = ++line;
			spoiled++;
			continue;
		}
		const struct slot_copy *copy = newer_copy(slots, (uint32_t)line);
		unpack(copy, periods);
		if (each(arg, gw_str_n(head->key, head->key_len),
			 (struct slot_place){ (uint32_t)line, copy->turn }, periods) < 0)
			return -1;
		slots->next = line + head_lines(head->key_len);
		line = slots->next + 2;
	}
	return spoiled;
}

/* --- writing --- */

static bool has_room(struct state_slots *slots, size_t lines)
{
	if (slots->next + lines <= slots->lines)
		return true;
	if (slots->full)
		return false;
	if (grow(slots, slots->lines * 2) == 0)
		return true;
	slots->full = true;
	log_say(EVENT_COUNTERS_FULL,
		"%s cannot grow: %s; new counters are safe within a second only", slots->path,
		strerror(errno));
	return false;
}

static bool claim(struct state_slots *slots, struct slot_place *place, struct gw_str key,
		  const struct state_period *periods)
{
	size_t lines = 2 + head_lines(key.len);

	if (key.len > STATE_KEY_MAX || !has_room(slots, lines))
		return false;
	memset(line_at(slots, slots->next), 0, lines * LINE);
	*place = (struct slot_place){ (uint32_t)slots->next + 2, 1 };
	write_copy(slots, *place, periods);
	struct slot_head *head = line_at(slots, place->line);
	head->key_len = (uint32_t)key.len;
	memcpy(head->key, key.ptr, key.len);
	head->check = head_check(slots, place->line, head);
	__atomic_store_n(&head->magic, HEAD_MAGIC, __ATOMIC_RELEASE);
	slots->next += lines;
	return true;
}

bool slots_put(struct state_slots *slots, struct slot_place *place, struct gw_str key,
	       const struct state_period *periods)
{
	if (!slots->map)
		return false;
	if (!place->line)
		return claim(slots, place, key, periods);
	place->turn++;
	write_copy(slots, *place, periods);
	return true;
}
