#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MOST 65536

bool store_init(struct store *store, struct gw_str folder, struct gw_str name)
{
	char file[800] = "";
	size_t len = 0, i;

	snprintf(store->name, sizeof store->name, "%.*s", GW_STR_ARGS(name));
	for (i = 0; i < name.len && len + 4 < sizeof file; i++) {
		unsigned char c = (unsigned char)name.ptr[i];
		bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
			     (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || (c == '.' && i);

		len += (size_t)snprintf(file + len, sizeof file - len, plain ? "%c" : "%%%02X", c);
	}
	return asprintf(&store->path, "%.*s/%s.token", GW_STR_ARGS(folder), file) >= 0 ||
	       (store->path = NULL);
}

void store_finish(struct store *store)
{
	free(store->path);
	explicit_bzero(store, sizeof *store);
}

/* --- what is in the file --- */

static char *text_of(const json_t *json, const char *name)
{
	const char *text = json_string_value(json_object_get(json, name));

	return text ? strdup(text) : NULL;
}

static const char *parse(struct gw_str text, struct token *token)
{
	json_t *json = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, NULL);

	if (!json_is_object(json)) {
		json_decref(json);
		return "it is no token file";
	}
	token->access = text_of(json, "access_token");
	token->refresh = text_of(json, "refresh_token");
	token->scope = text_of(json, "scope");
	token->got = json_integer_value(json_object_get(json, "got"));
	token->expires = json_integer_value(json_object_get(json, "expires"));
	json_decref(json);
	return NULL;
}

/* NULL: no memory. To be wiped and freed. */
static char *print(const struct token *token)
{
	json_t *json = json_pack("{s:s*, s:s*, s:s*, s:I, s:I}", "access_token", token->access,
				 "refresh_token", token->refresh, "scope", token->scope, "got",
				 (json_int_t)token->got, "expires", (json_int_t)token->expires);
	char *text = json ? json_dumps(json, JSON_INDENT(1)) : NULL;

	json_decref(json);
	return text;
}

/* --- reading --- */

static const char *read_open(const struct store *store, int fd, struct token *token)
{
	static const char *const stranger = "others may read it: chmod 600";
	char bytes[FILE_MOST], text[FILE_MOST];
	struct stat status;
	ssize_t len = read(fd, bytes, sizeof bytes);
	struct gw_str plain = gw_str_n(bytes, len > 0 ? (size_t)len : 0);
	const char *why;
	long opened;

	if (len < 0 || fstat(fd, &status) != 0)
		return strerrordesc_np(errno);
	if (status.st_mode & 077)
		return stranger;
	if (is_sealed(plain)) {
		opened = store->sealed ? unseal(store->key, gw_str(store->name), plain, text) : -1;
		if (opened < 0)
			return store->sealed ? "it is sealed with another key"
					     : "it is sealed, and no key (seal) is set";
		plain = gw_str_n(text, (size_t)opened);
	}
	why = parse(plain, token);
	explicit_bzero(bytes, sizeof bytes);
	explicit_bzero(text, sizeof text);
	return why;
}

const char *store_read(const struct store *store, struct token *token)
{
	int fd = open(store->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	const char *why;

	*token = (struct token){ 0 };
	if (fd < 0)
		return errno == ENOENT ? NULL : strerrordesc_np(errno);
	why = read_open(store, fd, token);
	close(fd);
	return why;
}

/* --- writing --- */

#define FOLDER_MOST 4096
static const char *folder_of(const char *path, char out[FOLDER_MOST])
{
	const char *slash = strrchr(path, '/');

	snprintf(out, FOLDER_MOST, "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
	return out;
}

static int sync_folder(const char *path)
{
	char folder[FOLDER_MOST];
	int fd, result;

	fd = open(folder_of(path, folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	result = fd < 0 ? -1 : fsync(fd);
	if (fd >= 0)
		close(fd);
	return result;
}

static int write_all(int fd, struct gw_str bytes)
{
	while (bytes.len) {
		ssize_t written = write(fd, bytes.ptr, bytes.len);

		if (written < 0 && errno != EINTR)
			return -1;
		if (written > 0)
			bytes = gw_str_from(bytes, (size_t)written);
	}
	return 0;
}

static int write_new(const char *path, struct gw_str bytes)
{
	int fd, result;

	unlink(path); /* left by a write that was cut off */
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -1;
	result = write_all(fd, bytes) == 0 && fsync(fd) == 0 ? 0 : -1;
	return close(fd) == 0 ? result : -1;
}

static const char *replace(const struct store *store, struct gw_str bytes)
{
	char folder[FOLDER_MOST];
	const char *why = NULL;
	char *fresh;

	mkdir(folder_of(store->path, folder), 0700); /* it is there, or what follows says why not */
	if (asprintf(&fresh, "%s.new", store->path) < 0)
		return "no memory";
	if (write_new(fresh, bytes) != 0 || rename(fresh, store->path) != 0 ||
	    sync_folder(store->path) != 0) {
		why = strerrordesc_np(errno);
		unlink(fresh);
	}
	free(fresh);
	return why;
}

const char *store_write(const struct store *store, const struct token *token)
{
	char *text = print(token), *sealed = NULL;
	struct gw_str bytes = gw_str(text);
	const char *why = "no memory";

	if (text && store->sealed && bytes.len + SEAL_MORE <= FILE_MOST) {
		sealed = malloc(bytes.len + SEAL_MORE);
		if (sealed && seal(store->key, gw_str(store->name), bytes, sealed))
			why = replace(store, gw_str_n(sealed, bytes.len + SEAL_MORE));
	} else if (text && !store->sealed && bytes.len <= FILE_MOST) {
		why = replace(store, bytes);
	}
	free(sealed);
	wipe_free(text);
	return why;
}

const char *store_remove(const struct store *store)
{
	if (unlink(store->path) != 0 && errno != ENOENT)
		return strerrordesc_np(errno);
	return NULL;
}
