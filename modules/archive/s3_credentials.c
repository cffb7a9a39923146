#include "s3_credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FILE_MOST 65536
#define SECTION "default"

static void wipe(char **text)
{
	if (*text)
		explicit_bzero(*text, strlen(*text));
	g_clear_pointer(text, g_free);
}

static void drop(struct s3_credentials *credentials)
{
	wipe(&credentials->access);
	wipe(&credentials->secret);
	wipe(&credentials->token);
}

void s3_credentials_init(struct s3_credentials *credentials, struct gw_str path,
			 struct gw_str access, struct gw_str secret)
{
	*credentials = (struct s3_credentials){ .path = path.len ? path.ptr : NULL };
	if (path.len)
		return;
	credentials->access = g_strdup(access.ptr);
	credentials->secret = g_strdup(secret.ptr);
}

void s3_credentials_finish(struct s3_credentials *credentials)
{
	drop(credentials);
}

static bool is_same(const struct stat *one, const struct stat *two)
{
	return one->st_ctim.tv_sec == two->st_ctim.tv_sec &&
	       one->st_ctim.tv_nsec == two->st_ctim.tv_nsec && one->st_size == two->st_size &&
	       one->st_ino == two->st_ino && one->st_dev == two->st_dev;
}

static bool fail(struct s3_credentials *credentials, const char *what)
{
	drop(credentials);
	credentials->status = (struct stat){ .st_ino = 0 };
	snprintf(credentials->why, sizeof credentials->why, "%.150s: %s", credentials->path, what);
	return false;
}

static bool take(struct s3_credentials *credentials, const char *text, size_t len)
{
	GKeyFile *file = g_key_file_new();
	bool good = g_key_file_load_from_data(file, text, len, G_KEY_FILE_NONE, NULL);

	drop(credentials);
	if (good) {
		credentials->access = g_key_file_get_value(file, SECTION, "aws_access_key_id",
							   NULL);
		credentials->secret = g_key_file_get_value(file, SECTION, "aws_secret_access_key",
							   NULL);
		credentials->token = g_key_file_get_value(file, SECTION, "aws_session_token", NULL);
	}
	g_key_file_free(file);
	return credentials->access && credentials->secret && *credentials->access &&
	       *credentials->secret;
}

static bool read_all(struct s3_credentials *credentials, int file)
{
	char *text = g_malloc(FILE_MOST);
	ssize_t len = read(file, text, FILE_MOST);
	bool good = len > 0 && take(credentials, text, (size_t)len);

	explicit_bzero(text, FILE_MOST);
	g_free(text);
	return good || fail(credentials, "its section [" SECTION
					 "] has no aws_access_key_id and aws_secret_access_key");
}

bool s3_credentials_read(struct s3_credentials *credentials, bool anew)
{
	struct stat status;
	bool good;
	int file;

	if (!credentials->path)
		return true;
	file = open(credentials->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (file < 0 || fstat(file, &status) != 0)
		good = fail(credentials, strerrordesc_np(errno));
	else if (!S_ISREG(status.st_mode))
		good = fail(credentials, "it is no file");
	else if (status.st_mode & 07)
		good = fail(credentials, "it is open to others: chmod o-rwx");
	else if (credentials->access && !anew && is_same(&status, &credentials->status))
		good = true;
	else
		good = read_all(credentials, file);
	if (good)
		credentials->status = status;
	if (file >= 0)
		close(file);
	return good;
}

bool s3_credentials_are_over(const char *code)
{
	static const char *const codes[] = { "ExpiredToken", "InvalidToken", "TokenRefreshRequired",
					     "InvalidAccessKeyId" };
	size_t i;

	for (i = 0; i < sizeof codes / sizeof codes[0]; i++)
		if (strcmp(code, codes[i]) == 0)
			return true;
	return false;
}
