/* sync_count.c - preloaded into a server: counts, over all its processes, the calls that wait for
 * the disk. $BENCH_SYNCS names a file of eight octets that holds the count. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static _Atomic uint64_t *count;

static void __attribute__((constructor)) attach(void)
{
	const char *path = getenv("BENCH_SYNCS");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *at = fd >= 0 ? mmap(NULL, sizeof(*count), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)
			   : MAP_FAILED;
	if (at != MAP_FAILED)
		count = at;
	if (fd >= 0)
		close(fd);
}

#define COUNTED(name)                                                                              \
	int name(int fd)                                                                           \
	{                                                                                          \
		static int (*next)(int);                                                           \
		if (!next)                                                                         \
			next = (int (*)(int))dlsym(RTLD_NEXT, #name);                              \
		if (count)                                                                         \
			atomic_fetch_add(count, 1);                                                \
		return next(fd);                                                                   \
	}

COUNTED(fsync)
COUNTED(fdatasync)
COUNTED(syncfs)
