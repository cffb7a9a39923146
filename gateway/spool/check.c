/* check.c - a look at a spool that changes nothing. */
#include "spool/spool_private.h"

#include "base/id.h"
#include "spool/disk.h"
#include "spool/index.h"
#include "spool/record.h"
#include "spool/recover.h"
#include "spool/segment.h"

#include <errno.h>
#include <sys/file.h>

static int open_idle(struct spool *spool, FILE *out)
{
	spool->dir = disk_open(spool->path);
	if (spool->dir >= 0)
		spool->lock_file = disk_openat(spool->dir, "lock", O_RDONLY);
	if (spool->lock_file < 0) {
		fprintf(out, "%s: no spool: %s\n", spool->path, strerror(errno));
		return -1;
	}
	if (disk_flock(spool->lock_file, LOCK_SH | LOCK_NB) == 0)
		return 0;
	fprintf(out, "%s: in use, stop the gateway first\n", spool->path);
	return -1;
}

static void say_problems(const struct problems *problems, FILE *out)
{
	char text[512];

	for (const struct problem *problem = problems->first; problem; problem = problem->next)
		fprintf(out, "%s\n", problem_format(problem, text, sizeof(text)));
}

static void say_segments(const struct spool *spool, FILE *out)
{
	for (size_t i = 0; i < spool->segments.count; i++) {
		const struct segment *segment = spool->segments.items[i];

		if (segment->aside)
			continue;
		fprintf(out, "segment %u: %u bytes, of which %llu are needed by %u records\n",
			segment->number, segment->end, (unsigned long long)segment->live,
			segment->needed);
	}
	for (size_t i = 0; i < spool->gap_count; i++)
		fprintf(out, "torn: segment %u, offset %u, %u bytes: never answered for\n",
			spool->seal_segment, spool->gaps[i].from,
			spool->gaps[i].to - spool->gaps[i].from);
}

/* Recovery looks at heads and envelopes; this also at every octet of content. */
static void verify_all(struct spool *spool)
{
	for (uint32_t i = 0; i < spool->index.used; i++) {
		struct spool_content content;
		struct gw_str envelope, state;
		struct arena arena;
		uint64_t id = index_at(&spool->index, i)->id;

		arena_init(&arena, 0);
		if (id && spool_load(spool, id, &arena, &envelope, &state, &content) == 0)
			spool_verify(&content);
		arena_finish(&arena);
	}
}

static int check(struct spool *spool, struct problems *problems, FILE *out)
{
	spool->dry = true;
	spool->report = out;
	if (open_idle(spool, out) < 0)
		return -1;
	if (spool_list(spool, problems) < 0 || recover_run(spool, NULL, NULL, problems) < 0) {
		say_problems(problems, out);
		return -1;
	}
	verify_all(spool);
	say_problems(problems, out);
	say_segments(spool, out);
	fprintf(out, "%llu messages queued, %llu damaged records\n",
		(unsigned long long)spool->index.count, (unsigned long long)spool->stats.damaged);
	return (int)spool->stats.damaged;
}

int spool_check(const char *path, FILE *out)
{
	struct spool_options options = { .path = path };
	struct problems problems;
	struct spool *spool;
	int result = -1;

	problems_init(&problems);
	spool = spool_new(&options, &problems);
	if (spool) {
		result = check(spool, &problems, out);
		spool_free(spool);
	} else {
		say_problems(&problems, out);
	}
	problems_finish(&problems);
	return result;
}
