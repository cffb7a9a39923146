/* privileges.c - whom the serving process runs as. */
#include "daemon/daemon.h"

#include <errno.h>
#include <ftw.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sysexits.h>
#include <unistd.h>

#define DEFAULT_USER "gateway"

static struct {
	char name[64];
	uid_t uid;
	gid_t gid;
	bool drop, core_dumps;
} to;

static int refuse(int code, const char *what, const char *why)
{
	fprintf(stderr, "gatewayd: %s: %s\n", what, why);
	return code;
}

static int use(const struct passwd *user)
{
	if (strlen(user->pw_name) >= sizeof(to.name))
		return refuse(EX_NOUSER, user->pw_name, "the name is too long");
	if (geteuid() != 0 && user->pw_uid != geteuid())
		return refuse(EX_NOPERM, user->pw_name, "only root may become somebody else");
	strcpy(to.name, user->pw_name);
	to.uid = user->pw_uid;
	to.gid = user->pw_gid;
	to.drop = geteuid() == 0 && user->pw_uid != 0;
	return EX_OK;
}

/* --- the state folder --- */

static int give(const char *path, const struct stat *info, int kind, struct FTW *at)
{
	return at->level > 0 ? lchown(path, to.uid, to.gid) : 0;
}

/* Only what is still root's is handed over, the folder last: nobody else could have put a link into
 * it before. */
static int hand_over(const char *state)
{
	struct stat info;
	if (mkdir(state, 0700) != 0 && errno != EEXIST)
		return -1;
	if (lstat(state, &info) != 0 || info.st_uid != 0)
		return info.st_uid == to.uid ? 0 : (errno = EPERM, -1);
	return nftw(state, give, 16, FTW_PHYS | FTW_MOUNT) == 0 ? chown(state, to.uid, to.gid) : -1;
}

int privileges_choose(const struct arguments *arguments)
{
	const struct passwd *user = arguments->user  ? getpwnam(arguments->user)
				    : geteuid() == 0 ? getpwnam(DEFAULT_USER)
						     : NULL;
	to.core_dumps = arguments->core_dumps;
	if (arguments->user && !user)
		return refuse(EX_NOUSER, arguments->user, "there is no such user");
	if (!user && geteuid() == 0 && !arguments->answer)
		return refuse(
			EX_NOUSER, DEFAULT_USER,
			"there is no such user to serve as, and all that mail can reach would be root's: "
			"make it (systemd-sysusers, or useradd --system " DEFAULT_USER
			"), or say --user root");
	return user ? use(user) : EX_OK;
}

int privileges_hand_over(const struct arguments *arguments)
{
	if (to.drop && hand_over(arguments->state) != 0)
		return refuse(EX_CANTCREAT, arguments->state, strerror(errno));
	return EX_OK;
}

/* --- in the serving process --- */

/* The right to bind low ports, say, that a supervisor without root was given. */
static int drop_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = { 0 };
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	return (int)syscall(SYS_capset, &header, none);
}

static int drop_root(void)
{
	return initgroups(to.name, to.gid) || setresgid(to.gid, to.gid, to.gid) ||
			       setresuid(to.uid, to.uid, to.uid) || setuid(0) == 0
		       ? -1
		       : 0;
}

/* Memory holds keys and passwords. */
static void forbid_dumps(void)
{
	struct rlimit limit = { 0, 0 };
	if (to.core_dumps)
		getrlimit(RLIMIT_CORE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_CORE, &limit);
	prctl(PR_SET_DUMPABLE, to.core_dumps ? 1 : 0, 0, 0, 0);
}

int privileges_drop(void)
{
	if (to.drop ? drop_root() != 0 : geteuid() != 0 && drop_capabilities() != 0)
		return refuse(EX_NOPERM, to.drop ? to.name : "capabilities", strerror(errno));
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return refuse(EX_OSERR, "no_new_privs", strerror(errno));
	forbid_dumps();
	return EX_OK;
}
