/* s3_object.c - a span as an object: in one piece, or, where it is large, in parts that outlive a
 * restart. */
#include "s3_upload.h"
#include "s3_sign.h"
#include "s3_xml.h"

#include <stdio.h>

#define READ_AT_ONCE ((uint64_t)1024 * 1024) /* what an answer copies is the time of a worker */

static uint64_t size_of(const struct s3_part *part)
{
	return part->span.end - part->span.from;
}

/* Octets of the span from `at` on, of its file. */
static GBytes *piece_of(struct s3_upload *upload, const struct s3_part *part, uint64_t at,
			uint64_t most)
{
	uint64_t left = size_of(part) - at;

	return s3_part_read(part, reader_file(&upload->reader, part->span.name),
			    part->span.from + at, (size_t)(left < most ? left : most));
}

static enum s3_step unreadable(struct s3_upload *upload, const struct s3_part *part)
{
	char text[100];

	snprintf(text, sizeof text, "%s cannot be read", part->span.name);
	return s3_upload_broken(upload, text);
}

/* --- in one piece --- */

static enum s3_step put_whole(struct s3_upload *upload, const struct s3_part *part, const char *key)
{
	GBytes *body = piece_of(upload, part, 0, UINT64_MAX);
	struct s3_request request = { "PUT", key, NULL, body,
				      .lock_until = s3_lock_until(upload, part) };
	struct s3_answer answer;
	enum s3_step step;

	if (!body)
		return unreadable(upload, part);
	step = s3_ask(upload->target, &request, &answer) ? S3_MORE
							 : s3_upload_fail(upload, &answer);
	s3_answer_finish(&answer);
	g_bytes_unref(body);
	return step;
}

/* --- in parts --- */

static enum s3_step begin_parts(struct s3_upload *upload, const struct s3_part *part,
				const char *key)
{
	struct s3_request request = { "POST", key, "uploads=", NULL,
				      .lock_until = s3_lock_until(upload, part) };
	struct s3_answer answer;
	enum s3_step step = S3_MORE;

	if (!s3_ask(upload->target, &request, &answer))
		step = s3_upload_fail(upload, &answer);
	else if (answer.body)
		upload->state.upload = s3_xml_find(g_bytes_get_data(answer.body, NULL),
						   g_bytes_get_size(answer.body), "UploadId");
	if (step == S3_MORE)
		step = upload->state.upload ? s3_upload_save(upload)
					    : s3_upload_broken(upload, "an upload without an id");
	s3_answer_finish(&answer);
	return step;
}

/* What the bucket has given up meanwhile begins anew. */
static enum s3_step fail_part(struct s3_upload *upload, const struct s3_answer *answer)
{
	enum s3_step step = s3_upload_fail(upload, answer);

	if (strcmp(answer->code, "NoSuchUpload") == 0) {
		s3_state_drop_parts(&upload->state);
		s3_upload_save(upload);
	}
	return step;
}

static enum s3_step put_part(struct s3_upload *upload, const struct s3_part *part, const char *key)
{
	guint nth = upload->state.etags->len;
	char *id = s3_encode(upload->state.upload, false);
	char *query = g_strdup_printf("partNumber=%u&uploadId=%s", nth + 1, id);
	GBytes *body = piece_of(upload, part, nth * upload->piece, upload->piece);
	struct s3_answer answer = { .status = 0 };
	enum s3_step step = S3_MORE;

	if (!body)
		step = unreadable(upload, part);
	else if (!s3_ask(upload->target, &(struct s3_request){ "PUT", key, query, body }, &answer))
		step = fail_part(upload, &answer);
	if (step == S3_MORE) {
		g_ptr_array_add(upload->state.etags, g_strdup(answer.etag));
		step = s3_upload_save(upload);
	}
	s3_answer_finish(&answer);
	if (body)
		g_bytes_unref(body);
	g_free(query);
	g_free(id);
	return step;
}

static GBytes *list_of_parts(const struct s3_upload *upload)
{
	GString *text = g_string_new(
		"<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
	guint i;

	for (i = 0; i < upload->state.etags->len; i++) {
		char *line = g_markup_printf_escaped(
			"<Part><PartNumber>%u</PartNumber><ETag>\"%s\"</ETag></Part>", i + 1,
			(const char *)upload->state.etags->pdata[i]);

		g_string_append(text, line);
		g_free(line);
	}
	g_string_append(text, "</CompleteMultipartUpload>");
	return g_string_free_to_bytes(text);
}

/* 200 is said before it is done: whether it was, its body tells. */
static bool is_completed(const struct s3_answer *answer)
{
	char *etag = answer->body ? s3_xml_find(g_bytes_get_data(answer->body, NULL),
						g_bytes_get_size(answer->body), "ETag")
				  : NULL;
	bool is = etag != NULL;

	g_free(etag);
	return is;
}

static enum s3_step end_parts(struct s3_upload *upload, const char *key)
{
	char *id = s3_encode(upload->state.upload, false);
	char *query = g_strconcat("uploadId=", id, NULL);
	GBytes *body = list_of_parts(upload);
	struct s3_request request = { "POST", key, query, body };
	struct s3_answer answer;
	enum s3_step step = S3_MORE;

	if (!s3_ask(upload->target, &request, &answer))
		step = fail_part(upload, &answer);
	else if (!is_completed(&answer))
		step = s3_upload_broken(upload, "the parts were not put together");
	s3_answer_finish(&answer);
	g_bytes_unref(body);
	g_free(query);
	g_free(id);
	return step;
}

static enum s3_step put_in_parts(struct s3_upload *upload, const struct s3_part *part,
				 const char *key)
{
	enum s3_step step = upload->state.upload ? S3_MORE : begin_parts(upload, part, key);

	while (step == S3_MORE && upload->state.etags->len * upload->piece < size_of(part))
		step = put_part(upload, part, key);
	return step == S3_MORE ? end_parts(upload, key) : step;
}

/* --- either --- */

/* What an earlier process began may be there whole: then it is not written again, as each time
 * would be one more version that is locked. */
static bool is_there(struct s3_upload *upload, const struct s3_part *part, const char *key)
{
	struct s3_answer answer;
	bool is = s3_ask(upload->target, &(struct s3_request){ "HEAD", key, NULL, NULL },
			 &answer) &&
		  answer.length == size_of(part) &&
		  s3_object_same(upload, part, answer.etag, &answer) == 1;

	s3_answer_finish(&answer);
	return is;
}

enum s3_step s3_object_put(struct s3_upload *upload, const struct s3_part *part)
{
	char key[S3_KEY];
	enum s3_step step;

	s3_key_write(key, "data", &part->span);
	if (upload->resumed && is_there(upload, part, key))
		return S3_MORE;
	step = size_of(part) > upload->piece ? put_in_parts(upload, part, key)
					     : put_whole(upload, part, key);
	upload->objects += step == S3_MORE;
	upload->resumed |= step == S3_FAILED;
	return step;
}

/* --- comparing --- */

static bool is_md5(const char *etag)
{
	return strlen(etag) == 32 && strspn(etag, "0123456789abcdef") == 32;
}

/* 1, 0; -1: the file cannot be read. */
static int same_hash(struct s3_upload *upload, const struct s3_part *part, const char *etag)
{
	GBytes *body = piece_of(upload, part, 0, UINT64_MAX);
	char *hash = body ? g_compute_checksum_for_bytes(G_CHECKSUM_MD5, body) : NULL;
	int same = hash ? strcmp(hash, etag) == 0 : -1;

	g_free(hash);
	if (body)
		g_bytes_unref(body);
	return same;
}

static int same_piece(struct s3_upload *upload, const struct s3_part *part, const char *key,
		      uint64_t at, struct s3_answer *answer)
{
	GBytes *here = piece_of(upload, part, at, READ_AT_ONCE);
	struct s3_request request = {
		"GET", key, NULL, NULL, .from = at, .answer_max = (uint32_t)READ_AT_ONCE + 1024
	};
	int same = -1;

	s3_answer_finish(answer);
	request.len = here ? g_bytes_get_size(here) : 0;
	if (here && s3_ask(upload->target, &request, answer) && answer->body)
		same = g_bytes_equal(here, answer->body);
	if (here)
		g_bytes_unref(here);
	return same;
}

/* An ETag that fits is proof; one that does not may be of another kind. */
int s3_object_same(struct s3_upload *upload, const struct s3_part *part, const char *etag,
		   struct s3_answer *answer)
{
	bool hashed = is_md5(etag) && size_of(part) <= upload->piece;
	char key[S3_KEY];
	uint64_t at;
	int same = hashed ? same_hash(upload, part, etag) : 0;

	if (same)
		return same;
	s3_key_write(key, "data", &part->span);
	same = 1;
	for (at = 0; same == 1 && at < size_of(part); at += READ_AT_ONCE)
		same = same_piece(upload, part, key, at, answer);
	return same;
}

/* --- keys --- */

enum s3_step s3_slots_put(struct s3_upload *upload, const struct s3_span *span, const GArray *gone)
{
	GBytes *body = s3_slots_read(upload->folder, span, gone);
	struct s3_answer answer;
	enum s3_step step = S3_MORE;
	char key[S3_KEY];

	if (!body)
		return s3_upload_broken(upload, "a file of the archive cannot be read");
	s3_key_write(key, "keys", span);
	if (!s3_ask(upload->target, &(struct s3_request){ "PUT", key, NULL, body }, &answer))
		step = s3_upload_fail(upload, &answer);
	upload->objects += step == S3_MORE;
	s3_answer_finish(&answer);
	g_bytes_unref(body);
	return step;
}
