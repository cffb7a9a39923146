#include "sources.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define FILE_MOST (4L << 20)
#define LOOK_EVERY 1 /* s */

static const struct gw_str spf_word = GW_STR("spf:");

bool source_is_one(struct gw_str text)
{
	return (text.len && text.ptr[0] == '@') ||
	       (text.len > spf_word.len && gw_str_ieq(gw_str_n(text.ptr, spf_word.len), spf_word));
}

enum source_answer source_has(struct source *source, const struct network *peer)
{
	enum source_answer answer;
	size_t i;

	pthread_rwlock_rdlock(&source->lock);
	answer = source->known ? SOURCE_HAS_NOT : SOURCE_NOT_KNOWN;
	for (i = 0; i < source->count && answer != SOURCE_HAS; i++)
		if (network_has(&source->list[i], peer))
			answer = SOURCE_HAS;
	pthread_rwlock_unlock(&source->lock);
	return answer;
}

const char *networks_flaw(const struct network *list, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (network_is_wide(&list[i]))
			return "a network in it is so wide that it is nobody's";
	return NULL;
}

void source_take(struct source *source, struct network *list, size_t count, const char *error,
		 int64_t now)
{
	struct network *old = list;

	pthread_rwlock_wrlock(&source->lock);
	source->told = source->told && error && strcmp(error, source->error) == 0;
	snprintf(source->error, sizeof source->error, "%s", error ? error : "");
	if (!error) {
		old = source->list;
		source->list = list;
		source->count = count;
		source->known = true;
		source->since = now;
	}
	pthread_rwlock_unlock(&source->lock);
	free(old);
}

/* --- files --- */

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

struct reading {
	const struct source *source;
	struct network *list;
	size_t count, room;
	int line;
	char error[300];
};

static void fail(struct reading *reading, struct gw_str text, const char *why)
{
	if (!reading->error[0])
		snprintf(reading->error, sizeof reading->error, "%s:%d: network \"%.*s\" %s",
			 reading->source->name.ptr, reading->line,
			 (int)(text.len < 60 ? text.len : 60), text.ptr, why);
}

static void read_line(struct reading *reading, struct gw_str text)
{
	const char *wrong;

	text.len = gw_str_find(text, '#');
	while (text.len && strchr(" \t\r", text.ptr[text.len - 1]))
		text.len--;
	while (text.len && strchr(" \t", text.ptr[0]))
		text = gw_str_from(text, 1);
	if (text.len == 0)
		return;
	if (reading->count == reading->room) {
		size_t room = reading->room ? reading->room * 2 : 64;
		struct network *list = realloc(reading->list, room * sizeof *list);

		if (!list) {
			fail(reading, text, "finds no memory");
			return;
		}
		reading->list = list;
		reading->room = room;
	}
	wrong = network_parse(&reading->list[reading->count], text);
	if (!wrong && network_is_wide(&reading->list[reading->count]))
		wrong = "is so wide that it is nobody's";
	if (wrong)
		fail(reading, text, wrong);
	else
		reading->count++;
}

static void read_text(struct reading *reading, struct gw_str text)
{
	while (text.len) {
		size_t end = gw_str_find(text, '\n');

		reading->line++;
		read_line(reading, gw_str_n(text.ptr, end));
		text = gw_str_from(text, end < text.len ? end + 1 : end);
	}
}

static void read_file(struct reading *reading, int fd, const struct stat *stamp)
{
	size_t size = (size_t)stamp->st_size, done = 0;
	char *text = malloc(size + 1);
	ssize_t got = 1;

	while (text && done < size && (got = read(fd, text + done, size - done)) > 0)
		done += (size_t)got;
	if (!text || got < 0)
		snprintf(reading->error, sizeof reading->error, "%s: %s", reading->source->name.ptr,
			 text ? strerror(errno) : "out of memory");
	else
		read_text(reading, gw_str_n(text, done));
	free(text);
}

static void read_source(struct source *source, int64_t now)
{
	struct reading reading = { .source = source };
	int fd = open(source->name.ptr, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat stamp = { 0 };

	if (fd < 0 || fstat(fd, &stamp) != 0)
		snprintf(reading.error, sizeof reading.error, "%s: %s", source->name.ptr,
			 strerror(errno));
	else if (!S_ISREG(stamp.st_mode) || stamp.st_size > FILE_MOST)
		snprintf(reading.error, sizeof reading.error, "%s: no file of networks",
			 source->name.ptr);
	else
		read_file(&reading, fd, &stamp);
	if (fd >= 0)
		close(fd);
	source->stamp = stamp;
	source_take(source, reading.list, reading.count, reading.error[0] ? reading.error : NULL,
		    now);
}

static void look(struct sources *sources)
{
	struct source *source;
	struct stat stamp;
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	for (source = sources->first; source; source = source->next)
		/* between the two steps of a replacement there is none */
		if (source->kind == SOURCE_FILE && stat(source->name.ptr, &stamp) == 0 &&
		    !is_same(&stamp, &source->stamp))
			read_source(source, (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000);
}

static void *watch(void *arg)
{
	struct sources *sources = arg;
	struct timespec until;

	pthread_mutex_lock(&sources->lock);
	while (!sources->stops) {
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec += LOOK_EVERY;
		pthread_cond_timedwait(&sources->change, &sources->lock, &until);
		if (!sources->stops)
			look(sources);
	}
	pthread_mutex_unlock(&sources->lock);
	return NULL;
}

void sources_watch(struct sources *sources)
{
	pthread_mutex_lock(&sources->lock);
	if (sources->has_files && !sources->runs)
		sources->runs = pthread_create(&sources->thread, NULL, watch, sources) == 0;
	pthread_mutex_unlock(&sources->lock);
}

/* --- all of them --- */

static void tell(struct gw_call *call, struct source *source)
{
	char error[sizeof source->error];
	bool told, known;
	size_t count;

	pthread_rwlock_wrlock(&source->lock);
	known = source->known;
	count = source->count;
	told = source->told || (!known && !source->error[0]);
	source->told = source->told || !told;
	snprintf(error, sizeof error, "%s", source->error);
	pthread_rwlock_unlock(&source->lock);
	if (told)
		return;
	if (error[0])
		gw->log(call, GW_LOG_WARNING, "networks of %s%.*s: %s; %s",
			source->kind == SOURCE_SPF ? "spf:" : "@", GW_STR_ARGS(source->name), error,
			known ? "the last good list stays" : "there is no list yet");
	else
		gw->log(call, GW_LOG_INFO, "networks of %s%.*s: %zu",
			source->kind == SOURCE_SPF ? "spf:" : "@", GW_STR_ARGS(source->name),
			count);
}

void sources_tick(struct gw_call *call, struct sources *sources)
{
	int64_t now = gw->now(call);
	struct source *source;

	for (source = sources->first; source; source = source->next) {
		if (source->idle && !atomic_load(&sources->hints))
			continue;
		if (source->kind == SOURCE_SPF && !source->asked && source_is_due(source, now))
			source_ask(call, source);
		if (!source->idle)
			tell(call, source);
	}
}

/* SPF is asked for again and again, and is nobody's here to mend. */
void sources_status(struct gw_call *call, struct sources *sources)
{
	struct source *source;

	for (source = sources->first; source; source = source->next) {
		pthread_rwlock_rdlock(&source->lock);
		if (source->kind == SOURCE_FILE && source->error[0])
			gw->status_line(
				call, "WRONG", "%s; %s", source->error,
				source->known ? "the last good list stays, and the next start fails"
					      : "there is no list yet");
		pthread_rwlock_unlock(&source->lock);
	}
}

static struct source *find(const struct sources *sources, enum source_kind kind, struct gw_str name)
{
	struct source *source;

	for (source = sources->first; source; source = source->next)
		if (source->kind == kind && gw_str_eq(source->name, name))
			break;
	return source;
}

static struct source *make(struct gw_call *call, struct sources *sources, enum source_kind kind,
			   struct gw_str name, const char *key)
{
	struct source *source = gw->alloc(call, sizeof *source);
	char *copy = gw->alloc(call, name.len + 1);

	if (!source || !copy) {
		gw->problem(call, true, "no memory");
		return NULL;
	}
	source->kind = kind;
	memcpy(copy, name.ptr, name.len);
	source->name = gw_str_n(copy, name.len);
	snprintf(source->key, sizeof source->key, "%s", key);
	pthread_rwlock_init(&source->lock, NULL);
	source->next = sources->first;
	sources->first = source;
	return source;
}

static struct source *make_file(struct gw_call *call, struct sources *sources, struct gw_str path,
				const char *key)
{
	struct source *source;

	if (path.len == 0 || path.ptr[0] != '/' || gw_str_has_nul(path)) {
		gw->problem_at(call, NULL, key, true, "\"@%.*s\" needs the whole path of a file",
			       GW_STR_ARGS(path));
		return NULL;
	}
	source = make(call, sources, SOURCE_FILE, path, key);
	if (!source)
		return NULL;
	sources->has_files = true;
	read_source(source, gw->now(call));
	if (source->error[0])
		gw->problem_at(call, NULL, key, true, "%s", source->error);
	return source;
}

struct source *source_of(struct gw_call *call, struct sources *sources, struct gw_str text,
			 const char *key)
{
	enum source_kind kind = text.ptr[0] == '@' ? SOURCE_FILE : SOURCE_SPF;
	struct gw_str name = gw_str_from(text, kind == SOURCE_FILE ? 1 : spf_word.len);
	struct source *source = find(sources, kind, name);
	char domain[GW_DOMAIN_MAX + 1];

	if (source)
		return source;
	if (kind == SOURCE_FILE)
		return make_file(call, sources, name, key);
	if (gw->domain_ascii(call, name, domain) < 0) {
		gw->problem_at(call, NULL, key, true, "\"%.*s\" names no domain",
			       GW_STR_ARGS(text));
		return NULL;
	}
	source = make(call, sources, SOURCE_SPF, name, key);
	if (source)
		source_load(call, source);
	return source;
}

struct source *sources_find(const struct sources *sources, struct gw_str text)
{
	enum source_kind kind = text.ptr[0] == '@' ? SOURCE_FILE : SOURCE_SPF;

	return find(sources, kind, gw_str_from(text, kind == SOURCE_FILE ? 1 : spf_word.len));
}

void source_describe(struct source *source, struct gw_json *row)
{
	pthread_rwlock_rdlock(&source->lock);
	if (source->known) {
		gw->json_number(row, "lists", (int64_t)source->count);
		gw->json_time(row, "since", source->since);
	}
	gw->json_string(row, "state",
			gw_str(source->error[0] ? source->error
			       : source->known  ? "fine"
			       : source->idle   ? "no client has it: asked for now, look again"
						: "has not come yet"));
	pthread_rwlock_unlock(&source->lock);
}

bool source_each(struct source *source, void (*each)(void *arg, const struct network *), void *arg)
{
	bool known;
	size_t i;

	pthread_rwlock_rdlock(&source->lock);
	known = source->known;
	for (i = 0; known && i < source->count; i++)
		each(arg, &source->list[i]);
	pthread_rwlock_unlock(&source->lock);
	return known;
}

void sources_init(struct sources *sources)
{
	*sources = (struct sources){ 0 };
	pthread_mutex_init(&sources->lock, NULL);
	pthread_cond_init(&sources->change, NULL);
}

void sources_finish(struct sources *sources)
{
	struct source *source;

	pthread_mutex_lock(&sources->lock);
	sources->stops = true;
	pthread_cond_signal(&sources->change);
	pthread_mutex_unlock(&sources->lock);
	if (sources->runs)
		pthread_join(sources->thread, NULL);
	for (source = sources->first; source; source = source->next) {
		free(source->list);
		pthread_rwlock_destroy(&source->lock);
	}
	pthread_cond_destroy(&sources->change);
	pthread_mutex_destroy(&sources->lock);
}
