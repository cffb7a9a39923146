#include "base/log_private.h"

#include "base/clock.h"
#include "base/id.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define CHUNK (256 * 1024)
/* Lines of several threads are not in strict order, and a clock may be set back a little. */
#define SLACK_MS 60000

struct reading {
	char token[ID_TEXT + 1]; /* "=0DWK..." */
	int (*each)(void *arg, struct gw_str line);
	void *arg;
	char *chunk;
};

/* Whether the key that ends before `equals` is `key`, outside of quotes: within, a peer could have
 * written anything. */
static bool is_key(const char *line, const char *equals, const char *key)
{
	size_t len = strlen(key);
	bool quoted = false;

	if ((size_t)(equals - line) <= len || equals[-(ptrdiff_t)len - 1] != ' ' ||
	    memcmp(equals - len, key, len) != 0)
		return false;
	for (const char *at = line; at < equals; at++) {
		if (*at == '\\' && quoted)
			at++;
		else if (*at == '"')
			quoted = !quoted;
	}
	return !quoted;
}

static bool is_match(const struct reading *r, const char *line, const char *equals, const char *end)
{
	const char *behind = equals + strlen(r->token);

	return behind <= end && (behind == end || *behind == ' ') &&
	       (is_key(line, equals, "id") || is_key(line, equals, "parent"));
}

/* Whole lines of a chunk. The token is searched for in all of them at once: nearly all lines are
 * somebody else's. */
static int scan_lines(const struct reading *r, const char *at, const char *end)
{
	const char *hit, *line, *behind;
	int rc = 0;

	while (rc == 0 && (hit = memmem(at, (size_t)(end - at), r->token, strlen(r->token)))) {
		line = memrchr(at, '\n', (size_t)(hit - at));
		line = line ? line + 1 : at;
		behind = memchr(hit, '\n', (size_t)(end - hit));
		if (!is_match(r, line, hit, behind)) {
			/* The same line may still name it behind; then only the part before the hit
			 * is lost to the search. */
			const char *next = memmem(hit + 1, (size_t)(behind - hit - 1), r->token,
						  strlen(r->token));
			while (next && !is_match(r, line, next, behind))
				next = memmem(next + 1, (size_t)(behind - next - 1), r->token,
					      strlen(r->token));
			if (!next) {
				at = behind + 1;
				continue;
			}
		}
		rc = r->each(r->arg, gw_str_n(line, (size_t)(behind - line)));
		at = behind + 1;
	}
	return rc;
}

/* 0, or what `each` gave, or -1 with errno in *error. */
static int scan_file(const struct reading *r, int fd, off_t from, int *error)
{
	size_t held = 0;
	ssize_t got;
	int rc = 0;

	while ((got = pread(fd, r->chunk + held, CHUNK - held, from)) > 0) {
		char *last;
		from += got;
		held += (size_t)got;
		last = memrchr(r->chunk, '\n', held);
		if (last) {
			rc = scan_lines(r, r->chunk, last + 1);
			held -= (size_t)(last + 1 - r->chunk);
			memmove(r->chunk, last + 1, held);
		} else if (held == CHUNK) {
			held = 0; /* no line is that long: not ours */
		}
		if (rc != 0)
			return rc;
	}
	if (got < 0)
		*error = errno;
	return rc;
}

/* Where a line begins at or behind `at` whose time can be read, before `end`; its time, or -1. */
static int64_t time_behind(const struct reading *r, int fd, off_t at, off_t *line)
{
	ssize_t got = pread(fd, r->chunk, 4 * LOG_LINE_MAX, at);
	const char *end = r->chunk + (got > 0 ? got : 0), *here = r->chunk;

	while (here < end && (here = memchr(here, '\n', (size_t)(end - here))) &&
	       end - ++here >= CLOCK_RFC3339 - 1) {
		int64_t when = clock_parse_rfc3339(gw_str_n(here, CLOCK_RFC3339 - 1));
		if (when >= 0) {
			*line = at + (here - r->chunk);
			return when;
		}
	}
	return -1;
}

static off_t find_time(const struct reading *r, int fd, int64_t from)
{
	off_t low = 0, high = lseek(fd, 0, SEEK_END);

	while (high - low > 4 * LOG_LINE_MAX) {
		off_t middle = low + (high - low) / 2, line;
		int64_t when = time_behind(r, fd, middle, &line);
		if (when >= 0 && when < from && line < high)
			low = line;
		else
			high = middle;
	}
	return low;
}

static int read_day(const struct reading *r, const char *folder, const char *name, int64_t from,
		    int *error)
{
	char path[4096], first[CLOCK_RFC3339];
	int fd, rc;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		if (errno != ENOENT) /* it may just have become too old */
			*error = errno;
		return 0;
	}
	clock_rfc3339(from, first);
	rc = scan_file(r, fd, memcmp(name, first, 10) == 0 ? find_time(r, fd, from) : 0, error);
	close(fd);
	return rc;
}

static int read_days(const struct reading *r, const char *folder, int64_t from)
{
	struct dirent **days;
	char first[CLOCK_RFC3339];
	int count = log_journal_list(folder, &days), error = 0, rc = 0;

	if (count < 0)
		return -1;
	clock_rfc3339(from, first);
	for (int i = 0; i < count; i++) {
		if (rc == 0 && !error && memcmp(days[i]->d_name, first, 10) >= 0)
			rc = read_day(r, folder, days[i]->d_name, from, &error);
		free(days[i]);
	}
	free(days);
	errno = error;
	return error ? -1 : 0;
}

int log_journal_read(uint64_t id, int (*each)(void *arg, struct gw_str line), void *arg)
{
	struct reading r = { .token = "=", .each = each, .arg = arg };
	char *folder = log_settle_journal();
	int64_t from = id_time(id), now = clock_wall();
	int rc = -1;

	if (!folder)
		return -1;
	id_format(id, r.token + 1);
	r.chunk = malloc(CHUNK);
	/* After the clock was set back, ids run ahead of it until it has caught up. */
	if (r.chunk)
		rc = read_days(&r, folder, (from < now ? from : now) - SLACK_MS);
	free(r.chunk);
	free(folder);
	return rc;
}
