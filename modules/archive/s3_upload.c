#include "s3_upload.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define DAY_MS INT64_C(86400000)
#define NOTICES_FULL 1000

void s3_upload_init(struct s3_upload *upload, const char *folder, struct s3_target *target)
{
	*upload = (struct s3_upload){
		.folder = folder, .target = target, .piece = S3_PIECE, .resumed = true
	};
	s3_state_init(&upload->state);
	s3_state_read(&upload->state, folder, target->name);
	reader_init(&upload->reader, folder, NULL);
}

void s3_upload_finish(struct s3_upload *upload)
{
	s3_state_finish(&upload->state);
	reader_finish(&upload->reader);
}

/* --- what fails --- */

enum s3_step s3_upload_broken(struct s3_upload *upload, const char *what)
{
	upload->status = 0;
	snprintf(upload->why, sizeof upload->why, "%s", what);
	return S3_FAILED;
}

enum s3_step s3_upload_fail(struct s3_upload *upload, const struct s3_answer *answer)
{
	upload->status = answer->status;
	snprintf(upload->why, sizeof upload->why, "%s",
		 answer->why[0] ? answer->why : "there was no answer");
	return S3_FAILED;
}

bool s3_upload_is_stopped(const struct s3_upload *upload)
{
	return upload->stop && *upload->stop;
}

enum s3_step s3_upload_save(struct s3_upload *upload)
{
	int error = s3_state_write(&upload->state, upload->folder);
	char text[200];

	if (!error)
		return S3_MORE;
	snprintf(text, sizeof text, "the state of the uploads cannot be written: %s",
		 strerrordesc_np(error));
	return s3_upload_broken(upload, text);
}

/* --- how long --- */

int64_t s3_lock_until(const struct s3_upload *upload, const struct s3_part *part)
{
	const struct s3_conf *conf = upload->target->conf;
	int64_t most = upload->now + conf->lock_most * DAY_MS;
	int64_t until = part->until ? part->until : upload->state.until;

	if (conf->lock == S3_LOCK_NONE || (until >= 0 && until <= upload->now))
		return 0;
	return until == S3_UNTIL_FOREVER || until > most ? most : until;
}

/* --- how far --- */

/* As far as the file may be read: the newest has a batch on its way behind it. */
uint64_t s3_limit_of(const struct s3_upload *upload, const char *name)
{
	char path[SEGMENT_PATH];
	struct stat status;

	if (strcmp(name, upload->reached) == 0)
		return upload->end;
	segment_path(path, upload->folder, name);
	return stat(path, &status) == 0 ? (uint64_t)status.st_size : 0;
}

bool s3_is_later(const struct s3_upload *upload, const char *name)
{
	return upload->reached[0] && segments_compare(name, upload->reached) > 0;
}

/* --- holds --- */

/* Where the last hold was dropped there is an empty file: one that is not there was never made, or
 * is lost. */
static enum s3_step read_holds(struct s3_upload *upload, GBytes **body)
{
	char *path = g_build_filename(upload->folder, "holds", NULL), *text = NULL;
	enum s3_step step = S3_MORE;
	GError *error = NULL;
	gsize len = 0;

	if (g_file_get_contents(path, &text, &len, &error))
		*body = g_bytes_new_take(text, len);
	else if (g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOENT))
		step = S3_THERE;
	else
		step = s3_upload_broken(upload, "the holds cannot be read");
	g_clear_error(&error);
	g_free(path);
	return step;
}

/* Whoever restores has to know what nobody may remove. */
static enum s3_step put_holds(struct s3_upload *upload)
{
	enum s3_step step;
	struct s3_answer answer;
	GBytes *body = NULL;
	char *hash;

	step = read_holds(upload, &body);
	if (step != S3_MORE)
		return step;
	step = S3_THERE;
	hash = g_compute_checksum_for_bytes(G_CHECKSUM_SHA256, body);
	if (strcmp(hash, upload->state.holds) != 0 &&
	    (g_bytes_get_size(body) || upload->state.holds[0])) {
		if (s3_ask(upload->target, &(struct s3_request){ "PUT", "holds", NULL, body },
			   &answer)) {
			snprintf(upload->state.holds, sizeof upload->state.holds, "%s", hash);
			step = s3_upload_save(upload);
		} else {
			step = s3_upload_fail(upload, &answer);
		}
		s3_answer_finish(&answer);
	}
	g_bytes_unref(body);
	g_free(hash);
	return step;
}

/* --- a step --- */

enum s3_step s3_upload_step(struct s3_upload *upload)
{
	const struct s3_state *state = &upload->state;
	enum s3_step step = S3_THERE;

	upload->why[0] = '\0';
	upload->status = 0;
	upload->reader.keys = upload->keys;
	if (!state->target)
		return s3_adopt(upload);
	if (!upload->keys)
		return S3_THERE;
	if (state->notices->len < NOTICES_FULL && !state->sweep)
		step = s3_spans_put(upload);
	upload->adopted &= step != S3_THERE || state->sweep;
	if (step == S3_THERE && (state->notices->len || state->sweep))
		step = s3_forget(upload);
	if (step == S3_THERE)
		step = put_holds(upload);
	return step == S3_THERE ? s3_evict(upload) : step;
}

uint64_t s3_upload_waiting(const struct s3_upload *upload)
{
	GPtrArray *names = segments_list(upload->folder);
	uint64_t waiting = 0, limit;
	guint i;

	for (i = 0; names && i < names->len; i++) {
		if (segments_compare(names->pdata[i], upload->state.name) < 0 ||
		    s3_is_later(upload, names->pdata[i]))
			continue;
		limit = s3_limit_of(upload, names->pdata[i]);
		if (strcmp(names->pdata[i], upload->state.name) == 0)
			limit -= limit < upload->state.at ? limit : upload->state.at;
		waiting += limit;
	}
	if (names)
		g_ptr_array_unref(names);
	return waiting;
}
