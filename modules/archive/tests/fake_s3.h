/* fake_s3.h - a bucket in memory, which answers as S3 does, or fails as it was told to. */
#ifndef ARCHIVE_TESTS_FAKE_S3_H
#define ARCHIVE_TESTS_FAKE_S3_H

#include "s3_target.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define FAKE_NOW INT64_C(1795867200000) /* 2026-11-28 12:00 UTC */

enum fault { FAULT_NONE, FAULT_BEFORE, FAULT_AFTER, FAULT_STATUS };

struct fake {
	pthread_mutex_t lock;
	GHashTable *objects; /* key -> GBytes */
	GHashTable *locks;   /* key -> the day it is locked until */
	GHashTable *old;     /* key -> number of versions before */
	GHashTable *uploads; /* id -> GHashTable number -> GBytes */
	GPtrArray *log;      /* "PUT data/..." */
	unsigned next_upload;
	/* the nth request from now on, from 1; 0: none */
	unsigned nth;
	enum fault fault;
	int status; /* of all that follow too, where `lasting` */
	const char *code;
	bool lasting;
	int64_t ahead; /* of its clock */
};

static void free_parts(gpointer arg)
{
	g_hash_table_unref(arg);
}

static void free_bytes(gpointer arg)
{
	g_bytes_unref(arg);
}

static void fake_init(struct fake *fake)
{
	*fake = (struct fake){
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.objects = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_bytes),
		.locks = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free),
		.old = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
		.uploads = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_parts),
		.log = g_ptr_array_new_with_free_func(g_free),
	};
}

static void fake_finish(struct fake *fake)
{
	g_hash_table_unref(fake->objects);
	g_hash_table_unref(fake->locks);
	g_hash_table_unref(fake->old);
	g_hash_table_unref(fake->uploads);
	g_ptr_array_unref(fake->log);
}

static const char *field_of(const struct s3_http *http, const char *name)
{
	size_t len = strlen(name);
	guint i;

	for (i = 0; i < http->headers->len; i++) {
		const char *line = http->headers->pdata[i];

		if (strncmp(line, name, len) == 0 && line[len] == ':')
			return line + len + 2;
	}
	return NULL;
}

static char *word_of(const char *query, const char *name)
{
	const char *at = query ? strstr(query, name) : NULL;
	char *raw = at ? g_strndup(at + strlen(name), strcspn(at + strlen(name), "&")) : NULL;
	char *word = raw ? g_uri_unescape_string(raw, NULL) : NULL;

	g_free(raw);
	return word;
}

static void say(struct s3_answer *answer, int status, const char *text)
{
	answer->status = status;
	answer->body = g_bytes_new(text, strlen(text));
}

static void refuse(struct s3_answer *answer, int status, const char *code)
{
	char *text = g_strdup_printf("<?xml version=\"1.0\"?><Error><Code>%s</Code><Message>so it "
				     "is</Message></Error>",
				     code);

	say(answer, status, text);
	g_free(text);
}

static void put_etag(struct s3_answer *answer, GBytes *body)
{
	char *hash = g_compute_checksum_for_bytes(G_CHECKSUM_MD5, body);

	snprintf(answer->etag, sizeof answer->etag, "%s", hash);
	g_free(hash);
}

static void keep_object(struct fake *fake, const char *key, GBytes *body, const char *lock)
{
	if (g_hash_table_contains(fake->objects, key))
		g_hash_table_insert(
			fake->old, g_strdup(key),
			GUINT_TO_POINTER(GPOINTER_TO_UINT(g_hash_table_lookup(fake->old, key)) +
					 1));
	g_hash_table_insert(fake->objects, g_strdup(key), body);
	if (lock)
		g_hash_table_insert(fake->locks, g_strdup(key), g_strndup(lock, 10));
}

static gint by_name(gconstpointer left, gconstpointer right)
{
	return strcmp(left, right);
}

/* Two a page. */
static void list(struct fake *fake, const char *query, struct s3_answer *answer)
{
	char *prefix = word_of(query, "prefix="), *token = word_of(query, "continuation-token=");
	GList *keys = g_list_sort(g_hash_table_get_keys(fake->objects), by_name), *at;
	GString *text = g_string_new("<ListBucketResult>");
	unsigned count = 0;

	for (at = keys; at; at = at->next) {
		const char *key = at->data;
		GBytes *body = g_hash_table_lookup(fake->objects, key);
		struct s3_answer hashed;

		if (!g_str_has_prefix(key, prefix) || (token && strcmp(key, token) <= 0))
			continue;
		if (count++ == 2) {
			at = at->prev;
			while (!g_str_has_prefix(at->data, prefix))
				at = at->prev;
			g_string_append_printf(text,
					       "<NextContinuationToken>%s</NextContinuationToken>",
					       (char *)at->data);
			break;
		}
		put_etag(&hashed, body);
		g_string_append_printf(
			text,
			"<Contents><Key>%s</Key><ETag>&quot;%s&quot;</ETag><Size>%zu</Size></Contents>",
			key, hashed.etag, g_bytes_get_size(body));
	}
	g_string_append(text, "</ListBucketResult>");
	say(answer, 200, text->str);
	g_string_free(text, TRUE);
	g_list_free(keys);
	g_free(prefix);
	g_free(token);
}

static void versions(struct fake *fake, const char *query, struct s3_answer *answer)
{
	char *key = word_of(query, "prefix=");
	unsigned old = GPOINTER_TO_UINT(g_hash_table_lookup(fake->old, key)), i;
	GString *text = g_string_new("<ListVersionsResult>");

	if (g_hash_table_contains(fake->objects, key))
		g_string_append_printf(text,
				       "<Version><Key>%s</Key><VersionId>last</VersionId><IsLatest>"
				       "true</IsLatest></Version>",
				       key);
	for (i = 0; i < old; i++)
		g_string_append_printf(text,
				       "<Version><Key>%s</Key><VersionId>v%u</VersionId><IsLatest>"
				       "false</IsLatest></Version>",
				       key, i);
	g_string_append(text, "</ListVersionsResult>");
	say(answer, 200, text->str);
	g_string_free(text, TRUE);
	g_free(key);
}

static void drop(struct fake *fake, const char *key, const char *query, struct s3_answer *answer)
{
	unsigned old = GPOINTER_TO_UINT(g_hash_table_lookup(fake->old, key));

	if (query && strstr(query, "versionId="))
		g_hash_table_insert(fake->old, g_strdup(key), GUINT_TO_POINTER(old ? old - 1 : 0));
	else if (g_hash_table_remove(fake->objects, key))
		g_hash_table_insert(fake->old, g_strdup(key), GUINT_TO_POINTER(old + 1));
	say(answer, 204, "");
}

/* --- in parts --- */

static void begin_upload(struct fake *fake, const char *key, const struct s3_http *http,
			 struct s3_answer *answer)
{
	const char *lock = field_of(http, "x-amz-object-lock-retain-until-date");
	char *id = g_strdup_printf("up/%u+1", ++fake->next_upload);
	char *text = g_strdup_printf("<R><UploadId>%s</UploadId></R>", id);

	g_hash_table_insert(fake->uploads, id, g_hash_table_new_full(NULL, NULL, NULL, free_bytes));
	if (lock)
		g_hash_table_insert(fake->locks, g_strdup(key), g_strndup(lock, 10));
	say(answer, 200, text);
	g_free(text);
}

static void put_part(GHashTable *parts, const char *query, GBytes *body, struct s3_answer *answer)
{
	char *number = word_of(query, "partNumber=");

	g_hash_table_insert(parts, GUINT_TO_POINTER(atoi(number)), g_bytes_ref(body));
	put_etag(answer, body);
	say(answer, 200, "");
	g_free(number);
}

static void end_upload(struct fake *fake, const char *key, const char *id, GHashTable *parts,
		       struct s3_answer *answer)
{
	GByteArray *whole = g_byte_array_new();
	guint i;

	for (i = 1; i <= g_hash_table_size(parts); i++) {
		GBytes *part = g_hash_table_lookup(parts, GUINT_TO_POINTER(i));

		if (part)
			g_byte_array_append(whole, g_bytes_get_data(part, NULL),
					    (guint)g_bytes_get_size(part));
	}
	keep_object(fake, key, g_byte_array_free_to_bytes(whole), NULL);
	g_hash_table_remove(fake->uploads, id);
	say(answer, 200,
	    "<CompleteMultipartUploadResult><ETag>\"x-2\"</ETag></CompleteMultipartUploadResult>");
}

/* --- a request --- */

static void get(struct fake *fake, const char *key, const struct s3_http *http,
		struct s3_answer *answer)
{
	GBytes *body = g_hash_table_lookup(fake->objects, key);
	const char *range = field_of(http, "range");
	unsigned long long from = 0, last = 0;

	if (!body) {
		refuse(answer, 404, "NoSuchKey");
		return;
	}
	put_etag(answer, body);
	answer->length = g_bytes_get_size(body);
	answer->status = 200;
	if (strcmp(http->method, "HEAD") == 0)
		return;
	if (range && sscanf(range, "bytes=%llu-%llu", &from, &last) == 2) {
		answer->status = 206;
		answer->body = g_bytes_new_from_bytes(body, from, last - from + 1);
	} else {
		answer->body = g_bytes_ref(body);
	}
}

static void answer_upload(struct fake *fake, const char *key, const char *query,
			  const struct s3_http *http, struct s3_answer *answer)
{
	char *id = word_of(query, "uploadId=");
	GHashTable *parts = g_hash_table_lookup(fake->uploads, id);

	if (!parts)
		refuse(answer, 404, "NoSuchUpload");
	else if (strcmp(http->method, "PUT") == 0)
		put_part(parts, query, http->body, answer);
	else
		end_upload(fake, key, id, parts, answer);
	g_free(id);
}

static void answer_it(struct fake *fake, const char *key, const char *query,
		      const struct s3_http *http, struct s3_answer *answer)
{
	if (!*key && query && strstr(query, "versions="))
		versions(fake, query, answer);
	else if (!*key)
		list(fake, query, answer);
	else if (query && strstr(query, "uploadId="))
		answer_upload(fake, key, query, http, answer);
	else if (strcmp(http->method, "POST") == 0)
		begin_upload(fake, key, http, answer);
	else if (strcmp(http->method, "DELETE") == 0)
		drop(fake, key, query, answer);
	else if (strcmp(http->method, "PUT") == 0) {
		keep_object(fake, key, g_bytes_ref(http->body),
			    field_of(http, "x-amz-object-lock-retain-until-date"));
		put_etag(answer, http->body);
		say(answer, 200, "");
	} else
		get(fake, key, http, answer);
}

static bool is_skewed(const struct fake *fake, const struct s3_http *http)
{
	return fake->ahead && strncmp(field_of(http, "x-amz-date"), "20261130", 8) != 0;
}

static void fake_answer(struct fake *fake, const struct s3_http *http, struct s3_answer *answer)
{
	const char *at = strstr(http->url, "/bucket") + 7;
	const char *query = strchr(at, '?');
	char *raw = g_strndup(at + (*at == '/'), strcspn(at + (*at == '/'), "?"));
	char *key = g_uri_unescape_string(raw, NULL);
	bool hit = fake->nth && --fake->nth == 0;

	g_ptr_array_add(fake->log,
			g_strdup_printf("%s %s%s", http->method, key, query ? query : ""));
	if (hit && fake->lasting)
		fake->nth = 1;
	if (hit && fake->fault == FAULT_STATUS) {
		refuse(answer, fake->status, fake->code);
	} else if (is_skewed(fake, http)) {
		snprintf(answer->date, sizeof answer->date, "Mon, 30 Nov 2026 12:00:00 GMT");
		refuse(answer, 403, "RequestTimeTooSkewed");
	} else if (!hit || fake->fault == FAULT_AFTER) {
		answer_it(fake, key, query ? query + 1 : NULL, http, answer);
	}
	if (hit && (fake->fault == FAULT_AFTER || fake->fault == FAULT_BEFORE)) {
		s3_answer_finish(answer);
		snprintf(answer->why, sizeof answer->why, "the connection broke");
	}
	g_free(raw);
	g_free(key);
}

static void fake_ask(void *arg, const struct s3_http *http, struct s3_answer *answer)
{
	struct fake *fake = arg;

	pthread_mutex_lock(&fake->lock);
	fake_answer(fake, http, answer);
	pthread_mutex_unlock(&fake->lock);
}

static int64_t fake_now(void *arg)
{
	(void)arg;
	return FAKE_NOW;
}

#endif
