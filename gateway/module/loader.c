/* libltdl is not thread-safe and looks through every system folder for a short name, so: the main
 * thread only, absolute paths only. It says "file not found" for whatever went wrong, so dlopen is
 * asked again for the reason. */
#include "module/code.h"
#include "module/load.h"

#include "base/arena.h"
#include "base/log.h"

#include <dlfcn.h>
#include <errno.h>
#include <ltdl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAJOR_TRIED 9
#define SIZE_LEAST (offsetof(struct gw_module, summary) + sizeof(const char *))

typedef const struct gw_module *entry(const struct gw_services *services);

struct attempt {
	const char *path;
	struct code_stamp stamp;
	char *copy;       /* what is opened; NULL: the file itself */
	const char *file; /* the place that asked for it */
	int line;
	struct problems *problems;
};

static struct module *loaded;
static lt_dladvise advise;

static void *refuse(const struct attempt *attempt, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static void *refuse(const struct attempt *attempt, const char *format, ...)
{
	va_list args;
	char text[600];

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	problem_add(attempt->problems, true, attempt->file, attempt->line, "%s", text);
	return NULL;
}

/* --- the file --- */

/* The process runs what is in it, so nobody else may be able to put something there. */
static bool file_trusted(const struct attempt *attempt, const struct stat *info)
{
	if (!S_ISREG(info->st_mode))
		return refuse(attempt, "%s: is no file", attempt->path);
	if (info->st_mode & S_IWOTH)
		return refuse(
			attempt,
			"%s: everybody may write it (mode %03o); a module must not be writable by others: chmod o-w",
			attempt->path, info->st_mode & 0777u);
	if (info->st_uid != 0 && info->st_uid != geteuid())
		return refuse(
			attempt,
			"%s: belongs to user %u; a module must belong to root or to the gateway's user %u",
			attempt->path, (unsigned)info->st_uid, (unsigned)geteuid());
	return true;
}

static bool loader_ready(void)
{
	return advise || (lt_dlinit() == 0 && lt_dladvise_init(&advise) == 0 &&
			  lt_dladvise_local(&advise) == 0);
}

static const char *real_reason(const char *path)
{
	dlerror();
	void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (handle) {
		dlclose(handle);
		return "libltdl cannot load it";
	}
	const char *reason = dlerror();
	size_t len = strlen(path);
	return reason && strncmp(reason, path, len) == 0 && strncmp(reason + len, ": ", 2) == 0
		       ? reason + len + 2
		       : reason;
}

/* libltdl binds lazily; a module with a hole in it must fail here and not in the middle of a
 * message. */
static lt_dlhandle file_open(const struct attempt *attempt)
{
	const char *path = attempt->copy ? attempt->copy : attempt->path;
	off_t length = code_length(path);
	if (length > attempt->stamp.size)
		return refuse(attempt, "%s: is cut off: %jd octets were expected, there are %jd",
			      attempt->path, (intmax_t)length, (intmax_t)attempt->stamp.size);
	if (!loader_ready())
		return refuse(attempt, "%s: libltdl: %s", attempt->path, lt_dlerror());
	void *now = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	lt_dlhandle handle = now ? lt_dlopenadvise(path, advise) : NULL;
	if (!handle)
		refuse(attempt, "%s: cannot be loaded: %s", attempt->path, real_reason(path));
	if (now)
		dlclose(now);
	return handle;
}

/* --- the negotiation --- */

static entry *entry_find(const struct attempt *attempt, lt_dlhandle handle)
{
	char name[32];

	snprintf(name, sizeof(name), "gw_module_v%d", GW_ABI_MAJOR);
	void *found = lt_dlsym(handle, name);
	if (found)
		return (entry *)found;
	for (int major = 1; major <= MAJOR_TRIED; major++) {
		snprintf(name, sizeof(name), "gw_module_v%d", major);
		if (major != GW_ABI_MAJOR && lt_dlsym(handle, name))
			return refuse(attempt,
				      "%s: is built for module ABI %d, this gateway speaks %d",
				      attempt->path, major, GW_ABI_MAJOR);
	}
	return refuse(attempt, "%s: is not a gateway module: it has no symbol gw_module_v%d",
		      attempt->path, GW_ABI_MAJOR);
}

static bool table_read(const struct attempt *attempt, const struct gw_module *from,
		       struct gw_module *table)
{
	if (!from)
		return refuse(attempt, "%s: its entry gives no table", attempt->path);
	if (from->size < SIZE_LEAST)
		return refuse(attempt, "%s: its table has %u octets, at least %zu were expected",
			      attempt->path, from->size, SIZE_LEAST);
	*table = (struct gw_module){ 0 };
	memcpy(table, from, from->size < sizeof(*table) ? from->size : sizeof(*table));
	if (!table->name || !table->name[0] || !table->version || !table->version[0])
		return refuse(attempt, "%s: its table has no name or no version", attempt->path);
	return true;
}

/* "dkim" of "/usr/lib/gateway/dkim.so". */
static struct gw_str file_stem(const char *path)
{
	const char *slash = strrchr(path, '/'), *start = slash ? slash + 1 : path;
	size_t len = strlen(start);

	return gw_str_n(start, len > 3 ? len - 3 : len);
}

static bool table_fits(const struct attempt *attempt, const struct gw_module *table)
{
	struct gw_str stem = file_stem(attempt->path);
	char why[200];

	if (table->need > GW_ABI_MINOR)
		return refuse(attempt, "%s: %s %s needs module ABI %d.%u, this gateway has %d.%d",
			      attempt->path, table->name, table->version, GW_ABI_MAJOR, table->need,
			      GW_ABI_MAJOR, GW_ABI_MINOR);
	if (!gw_str_eq(gw_str(table->name), stem))
		return refuse(attempt, "%s: says it is the module \"%s\", \"%.*s\" was expected",
			      attempt->path, table->name, (int)stem.len, stem.ptr);
	const char *problem = table_problem(table, why, sizeof(why));
	if (problem)
		return refuse(attempt, "%s: %s %s: %s", attempt->path, table->name, table->version,
			      problem);
	return true;
}

static bool negotiate(const struct attempt *attempt, lt_dlhandle handle,
		      const struct gw_services *services, struct gw_module *table)
{
	entry *enter = entry_find(attempt, handle);

	return enter && table_read(attempt, enter(services), table) && table_fits(attempt, table);
}

/* --- the list --- */

static struct module *find(const char *path, const struct code_stamp *stamp)
{
	struct module *module = loaded;

	while (module &&
	       !(strcmp(module->path, path) == 0 && code_stamp_equal(&module->stamp, stamp)))
		module = module->next;
	return module;
}

static struct module *keep(const struct attempt *attempt, const struct gw_module *table)
{
	struct module *module = calloc(1, sizeof(*module));
	char *path = strdup(attempt->path), *name = strdup(table->name),
	     *version = strdup(table->version);

	if (!module || !path || !name || !version) {
		free(module);
		free(path);
		free(name);
		free(version);
		return refuse(attempt, "%s: no memory", attempt->path);
	}
	*module = (struct module){
		.next = loaded,
		.path = path,
		.stamp = attempt->stamp,
		.table = *table,
		.name = name,
		.version = version,
	};
	return loaded = module;
}

static void log_replaced(const char *path)
{
	const struct module *before = loaded->next;
	while (before && strcmp(before->path, path) != 0)
		before = before->next;
	if (before)
		log_say(EVENT_MODULE_REPLACED,
			"%s: version %s follows %s; what runs ends on the old code", path,
			loaded->version, before->version);
}

/* What was taken stays for the life of the process; what was refused leaves nothing behind. */
static struct module *load(const struct attempt *attempt, const struct gw_services *services)
{
	struct gw_module table;
	lt_dlhandle handle = file_open(attempt);
	struct module *module = handle && negotiate(attempt, handle, services, &table)
					? keep(attempt, &table)
					: NULL;
	if (module) {
		lt_dlmakeresident(handle);
		log_replaced(attempt->path);
	} else if (handle) {
		lt_dlclose(handle);
	}
	if (!module && attempt->copy)
		unlink(attempt->copy);
	return module;
}

static void copy_code(struct attempt *attempt, const char *folder)
{
	attempt->copy = code_copy(attempt->path, folder);
	if (!attempt->copy)
		problem_add(
			attempt->problems, false, attempt->file, attempt->line,
			"%s: runs from the file itself, which must not be overwritten: no copy in %s: %s",
			attempt->path, folder, strerror(errno));
}

struct module *module_load(const struct module_source *source, const char *file, int line,
			   struct problems *problems)
{
	struct attempt attempt = {
		.path = source->path, .file = file, .line = line, .problems = problems
	};
	struct stat info;

	if (stat(attempt.path, &info) < 0)
		return refuse(&attempt, "%s: cannot be read: %m", attempt.path);
	attempt.stamp = code_stamp(&info);
	struct module *known = find(attempt.path, &attempt.stamp);
	if (known || !file_trusted(&attempt, &info))
		return known;
	if (source->copies)
		copy_code(&attempt, source->copies);
	struct module *module = load(&attempt, source->services);
	free(attempt.copy);
	return module;
}
