/* precheck.c - what a start would stumble over beside the configuration: folders that cannot be
 * written, ports that cannot be had. Nothing is made and nothing changed; a gateway that runs may
 * have all of it. */
#include "daemon/daemon.h"

#include "supervisor/state_lock.h"
#include "loop/listener.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* Where it would be made: folders above that one are not. */
static const char *folder_of(const char *path, char folder[PATH_MAX])
{
	snprintf(folder, PATH_MAX, "%s", path);
	char *slash = strrchr(folder, '/');
	if (slash)
		slash[slash == folder] = '\0';
	return folder;
}

static bool is_below(const char *path, const char *folder)
{
	size_t len = strlen(folder);
	return strncmp(path, folder, len) == 0 && (path[len] == '/' || !path[len]);
}

static void check_writable(const char *what, const char *path, struct problems *problems)
{
	char folder[PATH_MAX];
	struct stat info;
	bool there = stat(path, &info) == 0;
	const char *wanted = there ? path : folder_of(path, folder);
	if (access(wanted, there && S_ISREG(info.st_mode) ? W_OK : W_OK | X_OK) != 0)
		problem_add(problems, true, path, 0, "the %s cannot be written: %s: %s", what,
			    wanted, strerror(errno));
}

/* What lies in a state folder that is still to be made, or to be handed over by root, is in order
 * then. */
static bool state_is_ours(const struct arguments *arguments)
{
	struct stat info;
	return stat(arguments->state, &info) == 0 && (info.st_uid == geteuid() || info.st_uid != 0);
}

static void check_folder(const struct arguments *arguments, const char *what, const char *path,
			 struct problems *problems)
{
	if (state_is_ours(arguments) || !is_below(path, arguments->state))
		check_writable(what, path, problems);
}

/* Low ports are bound by the supervisor, with rights that this process does not have. A socket unit
 * may hold a port for us: so it is a warning. */
static void check_port(const struct listen_settings *row, struct problems *problems)
{
	struct sockaddr_storage address;
	socklen_t len;
	int yes = 1, fd = -1;
	if (listener_address(row->address, (uint16_t)row->port, &address, &len))
		fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (address.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof(yes));
	if (bind(fd, (struct sockaddr *)&address, len) != 0 && errno != EACCES)
		problem_add(problems, false, NULL, 0, "cannot listen on %s now: %s", row->name.ptr,
			    strerror(errno));
	close(fd);
}

void precheck(const struct arguments *arguments, const struct settings *settings,
	      struct problems *problems)
{
	const struct listen_settings *rows = settings->listeners.items;
	check_folder(arguments, "spool", settings->spool.path.ptr, problems);
	if (!gw_str_eq(settings->log.path, gw_str("-")))
		check_folder(arguments, "log", settings->log.path.ptr, problems);
	for (size_t i = 0; i < settings->listeners.count && !state_is_locked(arguments->state); i++)
		check_port(&rows[i], problems);
}
