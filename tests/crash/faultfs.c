/* faultfs.c - a disk that fails when it is told to: LD_PRELOAD=build/tests/faultfs.so
 *
 *   FAULTFS_RULES  rules, separated by ';' or newlines
 *   FAULTFS_FILE   a file of rules instead, looked at before each call: changed while the program
 * runs, they count from then on (all counts start anew). No file: no rules FAULTFS_LOG    a file to
 * which each fault is appended: "pid op action path"
 *
 * A rule:  OP ACTION [n=K] [from=K] [times=K] [percent=P] [path=TEXT]
 *
 *   OP       room (an errno: no octet is free); open read write sync allocate truncate unlink
 * rename mkdir; or one call's name (fsync fdatasync pwritev pwrite
 *            ...); "change" is all but open and read, "any" is all. "open" counts only opens that
 * create or write ACTION   an errno by name (EIO ENOSPC EDQUOT EROFS EMFILE EACCES EINTR); short:
 * half is written and said so; torn: half is written, then SIGKILL; skip: nothing is done and
 * success is said; slow=MS: done MS milliseconds late; kill, killafter: SIGKILL before or after the
 * call n=K      the K-th matching call alone (from 1); from=K: from the K-th on; times=K: at most K
 * times percent  of the calls, at random path     TEXT is in the file's path
 *
 * The first rule that matches decides. Calls made within libc, by io_uring, mmap or static programs
 * are not seen. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define RULES 16
#define EXPORT __attribute__((visibility("default")))

enum action {
	ACT_NONE,
	ACT_ERROR,
	ACT_SHORT,
	ACT_TORN,
	ACT_SKIP,
	ACT_SLOW,
	ACT_KILL,
	ACT_KILLAFTER
};

struct rule {
	char op[16], path[128];
	enum action action;
	int error, percent;
	long ms, nth, from, times, seen, done;
};

static struct rule rules[RULES];
static int rule_count;
static bool loaded;
static struct stat loaded_from;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static const struct {
	const char *name;
	int error;
} errors[] = {
	{ "EIO", EIO },       { "ENOSPC", ENOSPC }, { "EDQUOT", EDQUOT }, { "EROFS", EROFS },
	{ "EMFILE", EMFILE }, { "EACCES", EACCES }, { "EINTR", EINTR },
};

static const struct {
	const char *name;
	enum action action;
} actions[] = {
	{ "short", ACT_SHORT }, { "torn", ACT_TORN },           { "skip", ACT_SKIP },
	{ "kill", ACT_KILL },   { "killafter", ACT_KILLAFTER },
};

/* --- rules --- */

static void parse_action(struct rule *rule, const char *word)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++)
		if (strcmp(errors[i].name, word) == 0) {
			rule->action = ACT_ERROR;
			rule->error = errors[i].error;
		}
	for (size_t i = 0; i < sizeof(actions) / sizeof(*actions); i++)
		if (strcmp(actions[i].name, word) == 0)
			rule->action = actions[i].action;
	if (strncmp(word, "slow=", 5) == 0) {
		rule->action = ACT_SLOW;
		rule->ms = atol(word + 5);
	}
}

static void parse_limit(struct rule *rule, const char *word)
{
	if (strncmp(word, "n=", 2) == 0)
		rule->nth = atol(word + 2);
	else if (strncmp(word, "from=", 5) == 0)
		rule->from = atol(word + 5);
	else if (strncmp(word, "times=", 6) == 0)
		rule->times = atol(word + 6);
	else if (strncmp(word, "percent=", 8) == 0)
		rule->percent = atoi(word + 8);
	else if (strncmp(word, "path=", 5) == 0)
		snprintf(rule->path, sizeof(rule->path), "%s", word + 5);
}

static void parse_rule(char *text)
{
	struct rule rule = { .percent = 100 };
	char *rest, *word = strtok_r(text, " \t", &rest);

	if (!word || *word == '#' || rule_count == RULES)
		return;
	snprintf(rule.op, sizeof(rule.op), "%s", word);
	word = strtok_r(NULL, " \t", &rest);
	if (word)
		parse_action(&rule, word);
	while ((word = strtok_r(NULL, " \t", &rest)))
		parse_limit(&rule, word);
	if (rule.action == ACT_NONE) {
		static const char bad[] = "faultfs: a rule has no action\n";
		syscall(SYS_write, 2, bad, sizeof(bad) - 1);
		_exit(99);
	}
	rules[rule_count++] = rule;
}

static void parse_rules(const char *text)
{
	char copy[4096], *rest, *line;

	rule_count = 0;
	snprintf(copy, sizeof(copy), "%s", text);
	for (line = strtok_r(copy, ";\n", &rest); line; line = strtok_r(NULL, ";\n", &rest))
		parse_rule(line);
}

static bool same_file(const struct stat *st)
{
	return st->st_ino == loaded_from.st_ino && st->st_size == loaded_from.st_size &&
	       st->st_mtim.tv_sec == loaded_from.st_mtim.tv_sec &&
	       st->st_mtim.tv_nsec == loaded_from.st_mtim.tv_nsec;
}

static void load_file(const char *path)
{
	char text[4096];
	struct stat st;
	long n, fd;

	if (stat(path, &st) < 0) {
		rule_count = 0;
		memset(&loaded_from, 0, sizeof(loaded_from));
		return;
	}
	if (same_file(&st))
		return;
	fd = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	n = syscall(SYS_read, fd, text, sizeof(text) - 1);
	syscall(SYS_close, fd);
	text[n > 0 ? n : 0] = '\0';
	parse_rules(text);
	loaded_from = st;
}

static void load_rules(void)
{
	const char *file = getenv("FAULTFS_FILE"), *text = getenv("FAULTFS_RULES");

	if (file) {
		load_file(file);
		return;
	}
	if (!loaded && text)
		parse_rules(text);
	loaded = true;
}

/* --- matching --- */

static bool op_matches(const char *op, const char *group, const char *call)
{
	if (strcmp(group, "room") == 0)
		return strcmp(op, group) == 0;
	if (strcmp(op, "any") == 0 || strcmp(op, group) == 0 || strcmp(op, call) == 0)
		return true;
	return strcmp(op, "change") == 0 && strcmp(group, "open") != 0 &&
	       strcmp(group, "read") != 0;
}

static bool due(struct rule *rule)
{
	static unsigned seed = 1;

	rule->seen++;
	if (rule->nth && rule->seen != rule->nth)
		return false;
	if (rule->from && rule->seen < rule->from)
		return false;
	if (rule->times && rule->done >= rule->times)
		return false;
	if (rule->percent < 100 && rand_r(&seed) % 100 >= rule->percent)
		return false;
	rule->done++;
	return true;
}

static void tell(const char *call, const struct rule *rule, const char *path)
{
	const char *file = getenv("FAULTFS_LOG");
	char line[PATH_MAX + 64];
	long fd;
	int len;

	if (!file)
		return;
	len = snprintf(line, sizeof(line), "%d %s %d %s\n", (int)getpid(), call, (int)rule->action,
		       path);
	fd = syscall(SYS_openat, AT_FDCWD, file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	syscall(SYS_write, fd, line, (size_t)len);
	syscall(SYS_close, fd);
}

static void path_of(int fd, char *path, size_t size)
{
	char link[32];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, size - 1);
	path[n > 0 ? n : 0] = '\0';
}

static struct rule decide(const char *group, const char *call, const char *path)
{
	struct rule result = { .action = ACT_NONE };

	pthread_mutex_lock(&lock);
	load_rules();
	for (int i = 0; i < rule_count; i++) {
		struct rule *rule = &rules[i];

		if (!op_matches(rule->op, group, call) || !strstr(path, rule->path) || !due(rule))
			continue;
		result = *rule;
		tell(call, rule, path);
		break;
	}
	pthread_mutex_unlock(&lock);
	return result;
}

static void die(void)
{
	kill(getpid(), SIGKILL);
	for (;;)
		pause();
}

static void before(const struct rule *rule)
{
	struct timespec wait = { rule->ms / 1000, rule->ms % 1000 * 1000000 };

	if (rule->action == ACT_KILL)
		die();
	if (rule->action == ACT_SLOW)
		nanosleep(&wait, NULL);
}

static struct rule decide_fd(const char *group, const char *call, int fd)
{
	char path[PATH_MAX];
	int saved = errno;
	struct rule rule;

	path_of(fd, path, sizeof(path));
	rule = decide(group, call, path);
	before(&rule);
	errno = saved;
	return rule;
}

static struct rule decide_path(const char *group, const char *call, const char *path)
{
	int saved = errno;
	struct rule rule = decide(group, call, path);

	before(&rule);
	errno = saved;
	return rule;
}

static long after(const struct rule *rule, long result)
{
	if (rule->action == ACT_KILLAFTER || rule->action == ACT_TORN)
		die();
	return result;
}

static bool ends(const struct rule *rule, long success, long *result)
{
	if (rule->action == ACT_ERROR) {
		errno = rule->error;
		*result = -1;
		return true;
	}
	*result = success;
	return rule->action == ACT_SKIP;
}

static bool halves(const struct rule *rule)
{
	return rule->action == ACT_SHORT || rule->action == ACT_TORN;
}

#define NEXT(type, name) ((type)(void *)dlsym(RTLD_NEXT, name))

/* --- free space --- */

typedef int statvfs_fn(int, struct statvfs *);
EXPORT int fstatvfs(int fd, struct statvfs *fs)
{
	static statvfs_fn *next;
	struct rule rule = decide_fd("room", "fstatvfs", fd);

	next = next ? next : NEXT(statvfs_fn *, "fstatvfs");
	int result = next(fd, fs);
	if (rule.action == ACT_ERROR)
		fs->f_bavail = 0;
	return result;
}
/* The same where files are of 64 bits, under its other name. */
EXPORT int fstatvfs64(int fd, struct statvfs64 *fs)
{
	return fstatvfs(fd, (struct statvfs *)(void *)fs);
}

/* --- writing --- */

typedef ssize_t write_fn(int, const void *, size_t);
typedef ssize_t pwrite_fn(int, const void *, size_t, off_t);
typedef ssize_t writev_fn(int, const struct iovec *, int);
typedef ssize_t pwritev_fn(int, const struct iovec *, int, off_t);

static size_t half(const struct rule *rule, size_t len)
{
	return halves(rule) && len > 1 ? len / 2 : len;
}

EXPORT ssize_t write(int fd, const void *bytes, size_t len)
{
	static write_fn *next;
	struct rule rule = decide_fd("write", "write", fd);
	long result;

	next = next ? next : NEXT(write_fn *, "write");
	return ends(&rule, (long)len, &result) ? result
					       : after(&rule, next(fd, bytes, half(&rule, len)));
}

EXPORT ssize_t pwrite(int fd, const void *bytes, size_t len, off_t offset)
{
	static pwrite_fn *next;
	struct rule rule = decide_fd("write", "pwrite", fd);
	long result;

	next = next ? next : NEXT(pwrite_fn *, "pwrite");
	return ends(&rule, (long)len, &result)
		       ? result
		       : after(&rule, next(fd, bytes, half(&rule, len), offset));
}
EXPORT ssize_t pwrite64(int fd, const void *bytes, size_t len, off_t offset)
{
	return pwrite(fd, bytes, len, offset);
}

static size_t total(const struct iovec *iov, int count)
{
	size_t len = 0;
	for (int i = 0; i < count; i++)
		len += iov[i].iov_len;
	return len;
}

/* Half of the octets of a vector, by a single pwrite of its first pieces. */
static ssize_t half_vector(int fd, const struct iovec *iov, int count, off_t offset, bool at)
{
	size_t len = total(iov, count), want = len > 1 ? len / 2 : len, got = 0;
	char *bytes = malloc(want + 1);
	ssize_t n;

	if (!bytes)
		return -1;
	for (int i = 0; i < count && got < want; i++) {
		size_t part = iov[i].iov_len < want - got ? iov[i].iov_len : want - got;
		memcpy(bytes + got, iov[i].iov_base, part);
		got += part;
	}
	n = at ? syscall(SYS_pwrite64, fd, bytes, want, offset)
	       : syscall(SYS_write, fd, bytes, want);
	free(bytes);
	return n;
}

EXPORT ssize_t writev(int fd, const struct iovec *iov, int count)
{
	static writev_fn *next;
	struct rule rule = decide_fd("write", "writev", fd);
	long result;

	next = next ? next : NEXT(writev_fn *, "writev");
	if (ends(&rule, (long)total(iov, count), &result))
		return result;
	return after(&rule,
		     halves(&rule) ? half_vector(fd, iov, count, 0, false) : next(fd, iov, count));
}

EXPORT ssize_t pwritev(int fd, const struct iovec *iov, int count, off_t offset)
{
	static pwritev_fn *next;
	struct rule rule = decide_fd("write", "pwritev", fd);
	long result;

	next = next ? next : NEXT(pwritev_fn *, "pwritev");
	if (ends(&rule, (long)total(iov, count), &result))
		return result;
	return after(&rule, halves(&rule) ? half_vector(fd, iov, count, offset, true)
					  : next(fd, iov, count, offset));
}
EXPORT ssize_t pwritev64(int fd, const struct iovec *iov, int count, off_t offset)
{
	return pwritev(fd, iov, count, offset);
}

/* --- reading --- */

typedef ssize_t pread_fn(int, void *, size_t, off_t);
EXPORT ssize_t pread(int fd, void *bytes, size_t len, off_t offset)
{
	static pread_fn *next;
	struct rule rule = decide_fd("read", "pread", fd);
	long result;

	next = next ? next : NEXT(pread_fn *, "pread");
	return ends(&rule, 0, &result) ? result
				       : after(&rule, next(fd, bytes, half(&rule, len), offset));
}
EXPORT ssize_t pread64(int fd, void *bytes, size_t len, off_t offset)
{
	return pread(fd, bytes, len, offset);
}

/* --- calls of one descriptor --- */

typedef int fd_fn(int);
#define FD_CALL(name, group)                                                                       \
	EXPORT int name(int fd)                                                                    \
	{                                                                                          \
		static fd_fn *next;                                                                \
		struct rule rule = decide_fd(group, #name, fd);                                    \
		long result;                                                                       \
                                                                                                   \
		next = next ? next : NEXT(fd_fn *, #name);                                         \
		return (int)(ends(&rule, 0, &result) ? result : after(&rule, next(fd)));           \
	}
FD_CALL(fsync, "sync")
FD_CALL(fdatasync, "sync")

typedef int truncate_fn(int, off_t);
EXPORT int ftruncate(int fd, off_t size)
{
	static truncate_fn *next;
	struct rule rule = decide_fd("truncate", "ftruncate", fd);
	long result;

	next = next ? next : NEXT(truncate_fn *, "ftruncate");
	return (int)(ends(&rule, 0, &result) ? result : after(&rule, next(fd, size)));
}
EXPORT int ftruncate64(int fd, off_t size)
{
	return ftruncate(fd, size);
}

typedef int allocate_fn(int, off_t, off_t);
EXPORT int posix_fallocate(int fd, off_t offset, off_t len)
{
	static allocate_fn *next;
	struct rule rule = decide_fd("allocate", "posix_fallocate", fd);
	long result;

	next = next ? next : NEXT(allocate_fn *, "posix_fallocate");
	if (ends(&rule, 0, &result))
		return result < 0 ? rule.error : 0;
	return (int)after(&rule, next(fd, offset, len));
}
EXPORT int posix_fallocate64(int fd, off_t offset, off_t len)
{
	return posix_fallocate(fd, offset, len);
}

/* --- calls of a name --- */

typedef int openat_fn(int, const char *, int, ...);
static int open_any(const char *call, int dir, const char *path, int flags, mode_t mode)
{
	static openat_fn *next;
	bool changes = (flags & (O_CREAT | O_WRONLY | O_RDWR | O_TRUNC)) != 0;
	struct rule rule = { .action = ACT_NONE };
	long result;

	next = next ? next : NEXT(openat_fn *, "openat");
	if (changes)
		rule = decide_path("open", call, path);
	return (int)(ends(&rule, -1, &result) ? result
					      : after(&rule, next(dir, path, flags, mode)));
}

#define OPEN_MODE(mode, flags)                                                                     \
	mode_t mode = 0;                                                                           \
	if ((flags) & (O_CREAT | O_TMPFILE)) {                                                     \
		va_list args;                                                                      \
		va_start(args, flags);                                                             \
		mode = va_arg(args, mode_t);                                                       \
		va_end(args);                                                                      \
	}
EXPORT int open(const char *path, int flags, ...)
{
	OPEN_MODE(mode, flags)
	return open_any("open", AT_FDCWD, path, flags, mode);
}
EXPORT int open64(const char *path, int flags, ...)
{
	OPEN_MODE(mode, flags)
	return open_any("open", AT_FDCWD, path, flags, mode);
}
EXPORT int openat(int dir, const char *path, int flags, ...)
{
	OPEN_MODE(mode, flags)
	return open_any("openat", dir, path, flags, mode);
}
EXPORT int openat64(int dir, const char *path, int flags, ...)
{
	OPEN_MODE(mode, flags)
	return open_any("openat", dir, path, flags, mode);
}

typedef int unlink_fn(const char *);
EXPORT int unlink(const char *path)
{
	static unlink_fn *next;
	struct rule rule = decide_path("unlink", "unlink", path);
	long result;

	next = next ? next : NEXT(unlink_fn *, "unlink");
	return (int)(ends(&rule, 0, &result) ? result : after(&rule, next(path)));
}

typedef int unlinkat_fn(int, const char *, int);
EXPORT int unlinkat(int dir, const char *path, int flags)
{
	static unlinkat_fn *next;
	struct rule rule = decide_path("unlink", "unlinkat", path);
	long result;

	next = next ? next : NEXT(unlinkat_fn *, "unlinkat");
	return (int)(ends(&rule, 0, &result) ? result : after(&rule, next(dir, path, flags)));
}

typedef int rename_fn(const char *, const char *);
EXPORT int rename(const char *from, const char *to)
{
	static rename_fn *next;
	struct rule rule = decide_path("rename", "rename", to);
	long result;

	next = next ? next : NEXT(rename_fn *, "rename");
	return (int)(ends(&rule, 0, &result) ? result : after(&rule, next(from, to)));
}

typedef int renameat_fn(int, const char *, int, const char *);
EXPORT int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	static renameat_fn *next;
	struct rule rule = decide_path("rename", "renameat", to);
	long result;

	next = next ? next : NEXT(renameat_fn *, "renameat");
	return (int)(ends(&rule, 0, &result) ? result
					     : after(&rule, next(from_dir, from, to_dir, to)));
}

typedef int mkdir_fn(const char *, mode_t);
EXPORT int mkdir(const char *path, mode_t mode)
{
	static mkdir_fn *next;
	struct rule rule = decide_path("mkdir", "mkdir", path);
	long result;

	next = next ? next : NEXT(mkdir_fn *, "mkdir");
	return (int)(ends(&rule, 0, &result) ? result : after(&rule, next(path, mode)));
}

typedef int mkdirat_fn(int, const char *, mode_t);
EXPORT int mkdirat(int dir, const char *path, mode_t mode)
{
	static mkdirat_fn *next;
	struct rule rule = decide_path("mkdir", "mkdirat", path);
	long result;

	next = next ? next : NEXT(mkdirat_fn *, "mkdirat");
	return (int)(ends(&rule, 0, &result) ? result : after(&rule, next(dir, path, mode)));
}
