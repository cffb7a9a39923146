/* no_memory.c - preloaded into gatewayd: the FAIL_NTH-th request for memory that its own code or a
 * module makes gets none, with FAIL_ALL=1 all after it neither. Libraries always get theirs: some
 * of them cannot do without. Makes the file FAIL_MARK when it comes to that. Each process counts
 * its own. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);

static atomic_long asked;
static long nth;
static bool all;

__attribute__((constructor)) static void read_environment(void)
{
	const char *text = getenv("FAIL_NTH");

	all = getenv("FAIL_ALL") != NULL;
	nth = text ? atol(text) : 0;
}

/* The program itself has the empty name. Asked for each request of each library: dladdr() takes
 * seconds over a start. */
static bool is_ours(void *caller)
{
	struct dl_find_object found;

	if (_dl_find_object(caller, &found) != 0)
		return false;
	return !found.dlfo_link_map->l_name[0] ||
	       strstr(found.dlfo_link_map->l_name, "modules/") != NULL;
}

static void leave_mark(void)
{
	const char *mark = getenv("FAIL_MARK");
	int fd = mark ? open(mark, O_CREAT | O_WRONLY | O_CLOEXEC, 0600) : -1;

	if (fd >= 0)
		close(fd);
}

static bool fails(void *caller)
{
	long now;

	if (nth <= 0 || !is_ours(caller))
		return false;
	now = atomic_fetch_add(&asked, 1) + 1;
	if (now != nth && !(all && now > nth))
		return false;
	if (now == nth)
		leave_mark();
	errno = ENOMEM;
	return true;
}

void *malloc(size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_realloc(memory, size);
}

static char *copy(const char *text, size_t len)
{
	char *room = __libc_malloc(len + 1);

	if (!room)
		return NULL;
	memcpy(room, text, len);
	room[len] = '\0';
	return room;
}

char *strdup(const char *text)
{
	return fails(__builtin_return_address(0)) ? NULL : copy(text, strlen(text));
}

char *strndup(const char *text, size_t most)
{
	return fails(__builtin_return_address(0)) ? NULL : copy(text, strnlen(text, most));
}
