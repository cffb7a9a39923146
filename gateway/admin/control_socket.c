#include "admin/control_socket.h"

#include "base/log.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define FILE_NAME "control.sock"
#define BACKLOG 256

void control_socket_path(const struct settings *settings, const char *state, char *path,
			 size_t size)
{
	const char *run = getenv("RUNTIME_DIRECTORY"); /* one of several, where there are several */
	if (settings->control.socket.len)
		snprintf(path, size, "%s", settings->control.socket.ptr);
	else if (run && *run == '/')
		snprintf(path, size, "%.*s/" FILE_NAME, (int)strcspn(run, ":"), run);
	else
		snprintf(path, size, "%s/" FILE_NAME, state);
}

/* --- bind --- */

static bool answered(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool alive = fd >= 0 &&
		     connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0;
	if (fd >= 0)
		close(fd);
	return alive;
}

static int bind_to(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mode_t mask = umask(0177);
	bool fine = fd >= 0 && bind(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 &&
		    listen(fd, BACKLOG) == 0;
	int error = errno;
	umask(mask);
	if (!fine && fd >= 0)
		close(fd);
	errno = error;
	return fine ? fd : -1;
}

int control_socket_bind(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	strcpy(address.sun_path, path);
	if (answered(&address)) {
		errno = EADDRINUSE;
		return -1;
	}
	unlink(path);
	return bind_to(&address);
}

/* --- its groups --- */

static bool group_id(struct gw_str name, gid_t *gid)
{
	const struct group *group = name.len ? getgrnam(name.ptr) : NULL;
	if (name.len && !group)
		log_say(EVENT_CONTROL_SOCKET, "there is no group \"%s\"", name.ptr);
	if (group)
		*gid = group->gr_gid;
	return group != NULL;
}

/* Every folder on the way has to let its members pass. */
static void warn_if_closed(const char *path, gid_t gid, const char *name)
{
	char folder[4096];
	struct stat info;
	snprintf(folder, sizeof(folder), "%s", path);
	for (char *slash; (slash = strrchr(folder, '/')) && slash != folder;) {
		*slash = '\0';
		if (stat(folder, &info) != 0 || info.st_mode & S_IXOTH ||
		    (info.st_gid == gid && info.st_mode & S_IXGRP))
			continue;
		log_say(EVENT_CONTROL_SOCKET,
			"the group %s cannot reach %s: %s is closed to it; control.socket can name another place",
			name, path, folder);
		return;
	}
}

void control_socket_open(const char *path, const struct settings *settings)
{
	struct gw_str names[] = { settings->control.admin_group, settings->control.view_group };
	gid_t gids[2], one = 0;
	size_t count = 0;
	for (size_t i = 0; i < 2; i++) {
		if (!group_id(names[i], &gids[i]))
			continue;
		warn_if_closed(path, gids[i], names[i].ptr);
		count += count == 0 || gids[i] != one;
		one = gids[i];
	}
	bool given = count == 1 && chown(path, (uid_t)-1, one) == 0;
	if (chmod(path, !count ? 0600 : given ? 0660 : 0666) != 0)
		log_say(EVENT_CONTROL_SOCKET, "%s: %s", path, strerror(errno));
}
