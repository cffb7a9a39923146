#include "admin/caller.h"

#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct groups {
	gid_t *list; /* what the caller was in when it connected */
	size_t count;
};

/* Asked of the socket and not of /proc: a process may be another one by the time it is looked up.
 */
static bool groups_find(struct groups *groups, int socket)
{
	socklen_t len = 0;
	*groups = (struct groups){ 0 };
	if (getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, NULL, &len) == 0 || errno != ERANGE)
		return len == 0;
	groups->list = malloc(len);
	if (!groups->list || getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups->list, &len) != 0)
		return false;
	groups->count = len / sizeof(gid_t);
	return true;
}

static bool is_member(const struct groups *groups, gid_t own, struct gw_str name)
{
	const struct group *group = name.len ? getgrnam(name.ptr) : NULL;
	bool is = group && group->gr_gid == own;
	for (size_t i = 0; group && i < groups->count; i++)
		is |= groups->list[i] == group->gr_gid;
	return is;
}

bool caller_find(struct caller *caller, int socket, const struct settings *settings)
{
	struct ucred peer;
	struct groups groups;
	socklen_t len = sizeof(peer);
	if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
		return false;
	bool known = groups_find(&groups, socket);
	*caller = (struct caller){ .uid = peer.uid,
				   .pid = peer.pid,
				   .own = peer.uid == 0 || peer.uid == geteuid() };
	caller->change = caller->own || is_member(&groups, peer.gid, settings->control.admin_group);
	caller->view = caller->change || is_member(&groups, peer.gid, settings->control.view_group);
	free(groups.list);
	return known || caller->own;
}
