#include "store.h"

#include <gateway/module.h>

#include <errno.h>
#include <fcntl.h>
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

static char *text_of(const struct gw_json_value *json, const char *name)
{
	struct gw_str text = gw->json_value_string(gw->json_member(json, name));

	return text.ptr ? strdup(text.ptr) : NULL;
}

static const char *parse(struct gw_str text, struct token *token)
{
	struct gw_json_value *json = gw->json_read(text, NULL, 0);
	bool is_object = gw->json_kind(json) == GW_JSON_OBJECT;

	token->access = text_of(json, "access_token");
	token->refresh = text_of(json, "refresh_token");
	token->scope = text_of(json, "scope");
	token->got = gw->json_value_number(gw->json_member(json, "got"), 0);
	token->expires = gw->json_value_number(gw->json_member(json, "expires"), 0);
	gw->json_free(json);
	return is_object ? NULL : "it is no token file";
}

static void put_text(struct gw_json *json, const char *name, const char *text)
{
	if (text)
		gw->json_string(json, name, gw_str(text));
}

/* Wiped and destroyed by forget(). */
static struct gw_json *print(const struct token *token)
{
	struct gw_json *json = gw->json_create();

	gw->json_begin(json, NULL, GW_JSON_OBJECT);
	put_text(json, "access_token", token->access);
	put_text(json, "refresh_token", token->refresh);
	put_text(json, "scope", token->scope);
	gw->json_number(json, "got", token->got);
	gw->json_number(json, "expires", token->expires);
	return json;
}

static void forget(struct gw_json *json)
{
	struct gw_str text = gw->json_text(json);

	if (text.ptr)
		explicit_bzero((char *)text.ptr, text.len);
	gw->json_destroy(json);
}

/* --- reading --- */

static const char *read_bytes(const struct store *store, struct gw_str bytes, struct token *token)
{
	char text[FILE_MOST];
	const char *why = "it is sealed with another key";
	long len;

	if (!is_sealed(bytes))
		return parse(bytes, token);
	if (!store->sealed)
		return "it is sealed, and no key (seal) is set";
	len = unseal(store->key, gw_str(store->name), bytes, text);
	if (len >= 0)
		why = parse(gw_str_n(text, (size_t)len), token);
	explicit_bzero(text, sizeof text);
	return why;
}

static const char *read_open(const struct store *store, int fd, struct token *token)
{
	char bytes[FILE_MOST];
	struct stat status;
	const char *why;
	ssize_t len;

	if (fstat(fd, &status) != 0)
		return strerrordesc_np(errno);
	if (status.st_mode & 077)
		return "others may read it: chmod 600";
	len = read(fd, bytes, sizeof bytes);
	if (len < 0)
		return strerrordesc_np(errno);
	why = read_bytes(store, gw_str_n(bytes, (size_t)len), token);
	explicit_bzero(bytes, sizeof bytes);
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
	struct gw_json *json = print(token);
	struct gw_str bytes = gw->json_text(json);
	const char *why = "no memory";
	char *sealed = NULL;

	if (bytes.ptr && store->sealed && bytes.len + SEAL_MORE <= FILE_MOST) {
		sealed = malloc(bytes.len + SEAL_MORE);
		if (sealed && seal(store->key, gw_str(store->name), bytes, sealed))
			why = replace(store, gw_str_n(sealed, bytes.len + SEAL_MORE));
	} else if (bytes.ptr && !store->sealed && bytes.len <= FILE_MOST) {
		why = replace(store, bytes);
	}
	free(sealed);
	forget(json);
	return why;
}

const char *store_remove(const struct store *store)
{
	if (unlink(store->path) != 0 && errno != ENOENT)
		return strerrordesc_np(errno);
	return NULL;
}
