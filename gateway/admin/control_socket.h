/* control_socket.h - the file of the control socket: where it lies, whom it lets in. */
#ifndef ADMIN_CONTROL_SOCKET_H
#define ADMIN_CONTROL_SOCKET_H

#include "module/settings.h"

/* Where the settings say; else in the folder that the service manager made for sockets, which its
 * groups may enter; else in the state folder. */
void control_socket_path(const struct settings *settings, const char *state, char *path,
			 size_t size);

/* A listening socket at `path`, for its owner alone until control_socket_open. A file that nobody
 * answers on is left from a crash and goes. -1 with errno. */
int control_socket_bind(const char *path);

/* Lets the groups of the settings in: 0660 where it is one group and the file can be given to it;
 * else everybody may connect, and who is no member is sent away at once. Warns where the folders
 * above keep a group out. */
void control_socket_open(const char *path, const struct settings *settings);

#endif
