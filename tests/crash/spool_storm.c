/* spool_storm.c - a program to be killed while it writes to a spool, and the judge of what is left.
 *
 *   spool_storm write SPOOL [threads=N] [seconds=N | ms=N | least=N] [first=N] [segment=BYTES]
 *               [final=PERCENT] [polite] [unsafe]
 *
 * least: for half a second, and until so many are acknowledged. polite: no message while
 * spool_room() refuses it. unsafe: without syncs. Appends messages of mixed sizes and prints, in
 * one write each and only after the answer:
 *
 *   "A id size"    the message is acknowledged
 *   "S id text"    its durable state is
 *   "F id"         it is about to be made final (it may be gone from here on)
 *   "D id"         it is durably final (it must be gone)
 *   "E id result"  it was refused
 *
 *   spool_storm verify SPOOL < what write printed
 *
 * Opens the spool and looks for each message. Prints "acknowledged=N lost=N altered=N risen=N
 * stale=N damaged=N"; exits 0 when all but the first are 0, else 1; 2: the spool does not open.
 *
 * The octets of a message follow from its id (see storm_fill), so that nothing but the id and size
 * need be remembered. */
#include "base/log.h"
#include "base/map.h"
#include "spool/spool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static struct spool *spool;
static uint64_t first = 1;
static unsigned threads = 4, finals = 50;
static int64_t stop_at;
static unsigned least; /* that are acknowledged, however long it takes */
static atomic_uint acknowledged;
static bool polite;

static void storm_fill(uint64_t id, uint64_t offset, char *out, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		uint64_t at = (offset + i) / 8,
			 word = (id * 0x9e3779b97f4a7c15u) ^ (at * 0xbf58476d1ce4e5b9u);
		word ^= word >> 31;
		out[i] = (char)(word >> (8 * ((offset + i) % 8)));
	}
}

static int64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void say(char kind, uint64_t id, const char *text)
{
	char line[96];
	int len = snprintf(line, sizeof(line), "%c %llu %s\n", kind, (unsigned long long)id, text);

	if (write(STDOUT_FILENO, line, (size_t)len) != len)
		_exit(3);
}

/* --- writing --- */

struct waiting {
	struct spool_append append;
	pthread_mutex_t lock;
	pthread_cond_t done;
	bool finished;
};

static void answered(struct post *post)
{
	struct waiting *waiting = (struct waiting *)(void *)((char *)post -
							     offsetof(struct waiting, append.post));

	pthread_mutex_lock(&waiting->lock);
	waiting->finished = true;
	pthread_cond_signal(&waiting->done);
	pthread_mutex_unlock(&waiting->lock);
}

static enum spool_result append(struct waiting *waiting)
{
	pthread_mutex_init(&waiting->lock, NULL);
	pthread_cond_init(&waiting->done, NULL);
	waiting->append.post.run = answered;
	spool_append(spool, &waiting->append);
	pthread_mutex_lock(&waiting->lock);
	while (!waiting->finished)
		pthread_cond_wait(&waiting->done, &waiting->lock);
	pthread_mutex_unlock(&waiting->lock);
	pthread_mutex_destroy(&waiting->lock);
	pthread_cond_destroy(&waiting->done);
	return waiting->append.result;
}

static uint64_t size_of(uint64_t id)
{
	uint64_t random = id * 0x9e3779b97f4a7c15u >> 40;
	return random % 10 == 0 ? random % 400000 : random % 8000;
}

#define PIECE 65536u
static bool send_message(uint64_t id)
{
	struct spool_extent extents[16];
	struct waiting message = { .append = { .type = SPOOL_MESSAGE,
					       .id = id,
					       .durable = true,
					       .meta = GW_STR("an envelope") } };
	uint64_t size = size_of(id), at = 0;
	size_t count = 0;
	char bytes[PIECE], text[24];

	for (; size - at > PIECE; at += PIECE) {
		struct waiting extent = {
			.append = { .type = SPOOL_EXTENT, .id = id, .data = { bytes, PIECE } }
		};

		storm_fill(id, at, bytes, PIECE);
		if (append(&extent) != SPOOL_OK) {
			spool_abandon(spool, id, extents, count);
			return false;
		}
		extents[count++] = extent.append.extent;
	}
	storm_fill(id, at, bytes, (size_t)(size - at));
	message.append.data = gw_str_n(bytes, (size_t)(size - at));
	message.append.extents = extents;
	message.append.extent_count = count;
	if (append(&message) != SPOOL_OK) {
		spool_abandon(spool, id, extents, count);
		return false;
	}
	snprintf(text, sizeof(text), "%llu", (unsigned long long)size);
	say('A', id, text);
	acknowledged++;
	return true;
}

static void set_state(uint64_t id, unsigned number)
{
	char text[24];
	struct waiting state = { .append = { .type = SPOOL_STATE, .id = id, .durable = true } };

	state.append.meta = gw_str_n(text,
				     (size_t)snprintf(text, sizeof(text), "tried-%u", number));
	if (append(&state) == SPOOL_OK)
		say('S', id, text);
}

static void finish_message(uint64_t id)
{
	struct waiting final = { .append = {
					 .type = SPOOL_FINAL, .id = id, .durable = id % 2 == 0 } };

	say('F', id, "");
	if (append(&final) == SPOOL_OK && id % 2 == 0)
		say('D', id, "");
}

static void *storm(void *arg)
{
	uint64_t id = first + (uint64_t)(uintptr_t)arg;

	for (; now_ms() < stop_at || acknowledged < least; id += threads) {
		if (polite && spool_room(spool, 100000) != SPOOL_OK) {
			usleep(1000);
			continue;
		}
		if (!send_message(id)) {
			say('E', id, "refused");
			usleep(1000);
			continue;
		}
		if (id % 5 == 0)
			set_state(id, (unsigned)(id % 7));
		if (id * 2654435761u % 100 < finals)
			finish_message(id);
	}
	return NULL;
}

static int write_mode(struct spool_options *options)
{
	pthread_t thread[64];
	struct problems problems;

	problems_init(&problems);
	spool = spool_open(options, NULL, NULL, &problems);
	if (!spool)
		return 2;
	for (unsigned i = 0; i < threads; i++)
		if (pthread_create(&thread[i], NULL, storm, (void *)(uintptr_t)i) != 0)
			return 2;
	for (unsigned i = 0; i < threads; i++)
		pthread_join(thread[i], NULL);
	spool_close(spool);
	problems_finish(&problems);
	return 0;
}

/* --- judging --- */

enum said { SAID_ACKNOWLEDGED = 1, SAID_FINAL = 2, SAID_GONE = 4 };

struct heard {
	uint64_t id, size;
	unsigned said;
	char state[24];
};

static struct id_map heard;

static struct heard *heard_of(uint64_t id)
{
	struct heard *one = id_map_get(&heard, id);

	if (one)
		return one;
	one = calloc(1, sizeof(*one));
	if (!one)
		exit(2);
	one->id = id;
	if (id_map_put(&heard, one) < 0)
		exit(2);
	return one;
}

static void listen_to_writer(void)
{
	unsigned long long id;
	char line[128], text[24];

	while (fgets(line, sizeof(line), stdin)) {
		struct heard *one;

		text[0] = '\0';
		if (!strchr(line, '\n') || sscanf(line + 1, "%llu %23s", &id, text) < 1)
			continue;
		one = heard_of(id);
		if (line[0] == 'A')
			one->size = strtoull(text, NULL, 10);
		if (line[0] == 'S')
			memcpy(one->state, text, sizeof(text));
		one->said |= line[0] == 'A'   ? SAID_ACKNOWLEDGED
			     : line[0] == 'F' ? SAID_FINAL
			     : line[0] == 'D' ? SAID_GONE
					      : 0;
	}
}

static bool is_whole(const struct spool_content *content, const struct heard *one)
{
	char got[PIECE], want[PIECE];
	long n = 0;

	if (content->size != one->size || spool_verify(content) < 0)
		return false;
	for (uint64_t at = 0; at < content->size; at += (uint64_t)n) {
		n = spool_read(content, at, got, sizeof(got));
		if (n <= 0)
			return false;
		storm_fill(one->id, at, want, (size_t)n);
		if (memcmp(got, want, (size_t)n) != 0)
			return false;
	}
	return true;
}

struct verdicts {
	unsigned acknowledged, lost, altered, risen, stale;
};

static void judge(const struct heard *one, struct verdicts *verdicts)
{
	struct gw_str envelope, state;
	struct spool_content content;
	struct arena arena;
	bool there;

	if (!(one->said & SAID_ACKNOWLEDGED))
		return;
	arena_init(&arena, 0);
	there = spool_load(spool, one->id, &arena, &envelope, &state, &content) == 0;
	verdicts->acknowledged++;
	verdicts->lost += !there && !(one->said & SAID_FINAL);
	verdicts->altered += there && (!is_whole(&content, one) ||
				       !gw_str_eq(envelope, gw_str("an envelope")));
	verdicts->risen += there && (one->said & SAID_GONE);
	verdicts->stale += there && one->state[0] && !gw_str_eq(state, gw_str(one->state));
	arena_finish(&arena);
}

static int verify_mode(struct spool_options *options)
{
	struct verdicts verdicts = { 0 };
	struct problems problems;
	struct spool_stats stats;
	struct heard *one;
	char text[512];

	problems_init(&problems);
	spool = spool_open(options, NULL, NULL, &problems);
	for (const struct problem *problem = problems.first; problem; problem = problem->next)
		fprintf(stderr, "%s\n", problem_format(problem, text, sizeof(text)));
	if (!spool)
		return 2;
	listen_to_writer();
	for (size_t at = 0; (one = id_map_next(&heard, &at));) {
		judge(one, &verdicts);
		free(one);
	}
	spool_stats(spool, &stats);
	printf("acknowledged=%u lost=%u altered=%u risen=%u stale=%u damaged=%llu\n",
	       verdicts.acknowledged, verdicts.lost, verdicts.altered, verdicts.risen,
	       verdicts.stale, (unsigned long long)stats.damaged);
	spool_close(spool);
	problems_finish(&problems);
	id_map_finish(&heard);
	return verdicts.lost || verdicts.altered || verdicts.risen || verdicts.stale ||
			       stats.damaged
		       ? 1
		       : 0;
}

static void take_option(const char *text, struct spool_options *options)
{
	const char *value = strchr(text, '=') ? strchr(text, '=') + 1 : "";

	if (strncmp(text, "threads=", 8) == 0)
		threads = (unsigned)atoi(value) > 64 ? 64 : (unsigned)atoi(value);
	else if (strncmp(text, "seconds=", 8) == 0)
		stop_at = now_ms() + atol(value) * 1000;
	else if (strncmp(text, "ms=", 3) == 0)
		stop_at = now_ms() + atol(value);
	else if (strncmp(text, "least=", 6) == 0) {
		least = (unsigned)atoi(value);
		stop_at = now_ms() + 500;
	} else if (strncmp(text, "first=", 6) == 0)
		first = strtoull(value, NULL, 10);
	else if (strncmp(text, "segment=", 8) == 0)
		options->segment_size = atol(value);
	else if (strncmp(text, "final=", 6) == 0)
		finals = (unsigned)atoi(value);
	else if (strcmp(text, "polite") == 0)
		polite = true;
	else if (strcmp(text, "unsafe") == 0)
		options->unsafe_skip_sync = true;
}

int main(int argc, char **argv)
{
	struct spool_options options = { .segment_size = 4 << 20, .gather_us = 50 };

	if (argc < 3) {
		fprintf(stderr, "usage: spool_storm write|verify SPOOL [option=value ...]\n");
		return 2;
	}
	stop_at = now_ms() + 5000;
	options.path = argv[2];
	for (int i = 3; i < argc; i++)
		take_option(argv[i], &options);
	log_set_level(LOG_LEVEL_WARNING);
	return strcmp(argv[1], "write") == 0 ? write_mode(&options) : verify_mode(&options);
}
