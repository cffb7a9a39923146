#include "s3_target.h"

#include "s3_sign.h"
#include "s3_xml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>

#define FIELDS_MOST 10
#define AGREES_MS 60000

/* --- what is meant --- */

static bool is_bucket(struct gw_str bucket)
{
	size_t i;

	for (i = 0; i < bucket.len; i++)
		if (!g_ascii_islower(bucket.ptr[i]) && !g_ascii_isdigit(bucket.ptr[i]) &&
		    bucket.ptr[i] != '-' && bucket.ptr[i] != '.')
			return false;
	return bucket.len >= 3 && bucket.len <= 63;
}

static bool is_endpoint(struct gw_str endpoint)
{
	return endpoint.len == 0 ||
	       (endpoint.len > 8 && g_str_has_prefix(endpoint.ptr, "https://") &&
		strpbrk(endpoint.ptr + 8, "/?#@ ") == NULL);
}

/* What would be taken out of a URL on its way is signed otherwise than it is read. */
static bool is_prefix(struct gw_str prefix)
{
	return prefix.len == 0 ||
	       (prefix.len <= 200 && prefix.ptr[0] != '/' && !strstr(prefix.ptr, "//") &&
		!strstr(prefix.ptr, "./") && !strpbrk(prefix.ptr, "\r\n"));
}

const char *s3_conf_wrong(const struct s3_conf *conf)
{
	if (!is_bucket(conf->bucket))
		return "s3.bucket is 3 to 63 small letters, digits, '-' and '.'";
	if (!is_endpoint(conf->endpoint))
		return "s3.endpoint is https://HOST[:PORT], without a path";
	if (!is_prefix(conf->prefix))
		return "s3.prefix has up to 200 octets, no '/' in front, and neither \"//\" nor \"./\"";
	if (!conf->region.len)
		return "s3.region is missing (for a server of your own, often \"us-east-1\")";
	if (conf->credentials.len && (conf->access_key.len || conf->secret_key.len))
		return "s3.credentials has what s3.access_key and s3.secret_key say: one of them";
	if (!conf->credentials.len && (!conf->access_key.len || !conf->secret_key.len))
		return "s3.access_key and s3.secret_key are missing, or s3.credentials";
	if (conf->style == S3_STYLE_HOST && strchr(conf->bucket.ptr, '.'))
		return "a bucket with a dot in its name fits no certificate: s3.style = \"path\"";
	return NULL;
}

void s3_target_init(struct s3_target *target, const struct s3_conf *conf,
		    const struct s3_transport *transport)
{
	*target = (struct s3_target){ .conf = conf, .transport = transport };
	target->name = g_strdup_printf("%s %s %s %s", conf->endpoint.ptr ? conf->endpoint.ptr : "",
				       conf->region.ptr, conf->bucket.ptr,
				       conf->prefix.ptr ? conf->prefix.ptr : "");
	s3_credentials_init(&target->credentials, conf->credentials, conf->access_key,
			    conf->secret_key);
}

void s3_target_finish(struct s3_target *target)
{
	g_free(target->name);
	s3_credentials_finish(&target->credentials);
}

void s3_answer_finish(struct s3_answer *answer)
{
	if (answer->body)
		g_bytes_unref(answer->body);
	*answer = (struct s3_answer){ .status = 0 };
}

bool s3_answer_is_none(const struct s3_answer *answer)
{
	return answer->status == 404 && (strcmp(answer->code, "NoSuchKey") == 0 ||
					 strcmp(answer->code, "NoSuchVersion") == 0);
}

void s3_unquote(char *etag)
{
	size_t len = strlen(etag);

	if (len >= 2 && etag[0] == '"' && etag[len - 1] == '"') {
		memmove(etag, etag + 1, len - 2);
		etag[len - 2] = '\0';
	}
}

/* --- a request --- */

static char *host_of(const struct s3_target *target)
{
	const struct s3_conf *conf = target->conf;
	char *host = conf->endpoint.len ? g_strdup(conf->endpoint.ptr + 8)
					: g_strdup_printf("s3.%s.amazonaws.com", conf->region.ptr);
	char *whole;

	if (g_str_has_suffix(host, ":443"))
		host[strlen(host) - 4] = '\0';
	whole = conf->style == S3_STYLE_HOST ? g_strconcat(conf->bucket.ptr, ".", host, NULL)
					     : g_strdup(host);
	g_free(host);
	return whole;
}

const char *s3_prefix(const struct s3_target *target)
{
	return target->conf->prefix.len ? target->conf->prefix.ptr : "";
}

static char *path_of(const struct s3_target *target, const char *key)
{
	char *plain = g_strconcat(target->conf->style == S3_STYLE_PATH ? "/" : "",
				  target->conf->style == S3_STYLE_PATH ? target->conf->bucket.ptr
								       : "",
				  "/", key ? s3_prefix(target) : "", key ? key : "", NULL);
	char *path = s3_encode(plain, true);

	g_free(plain);
	return path;
}

/* "20130524T000000Z" */
static void write_time(char out[17], int64_t ms)
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(out, 17, "%Y%m%dT%H%M%SZ", &tm);
}

static char *date_of(int64_t ms)
{
	GDateTime *time = g_date_time_new_from_unix_utc(ms / 1000);
	char *text = time ? g_date_time_format(time, "%Y-%m-%dT%H:%M:%SZ") : g_strdup("");

	if (time)
		g_date_time_unref(time);
	return text;
}

static char *md5_of(GBytes *body)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	gsize len = 0;
	gconstpointer octets = g_bytes_get_data(body, &len);
	unsigned size = 0;

	if (EVP_Digest(octets ? octets : "", len, hash, &size, EVP_md5(), NULL) != 1)
		return g_strdup("");
	return g_base64_encode(hash, size);
}

static void hash_body(GBytes *body, char out[SHA256_HEX])
{
	gsize len = 0;
	gconstpointer octets = body ? g_bytes_get_data(body, &len) : NULL;

	s3_sha256(out, octets ? octets : "", len);
}

/* The fields that are signed, sorted by name; to be freed. */
struct fields {
	struct s3_field list[FIELDS_MOST];
	size_t count;
};

static void put(struct fields *fields, const char *name, char *value)
{
	fields->list[fields->count++] = (struct s3_field){ name, value };
}

static void make_fields(struct fields *fields, const struct s3_target *target,
			const struct s3_request *request, const char *time)
{
	static const char *const modes[] = {
		[S3_LOCK_GOVERNANCE] = "GOVERNANCE", [S3_LOCK_COMPLIANCE] = "COMPLIANCE"
	};
	char hash[SHA256_HEX];

	hash_body(request->body, hash);
	fields->count = 0;
	if (request->body)
		put(fields, "content-md5", md5_of(request->body));
	put(fields, "host", host_of(target));
	if (request->len)
		put(fields, "range",
		    g_strdup_printf("bytes=%llu-%llu", (unsigned long long)request->from,
				    (unsigned long long)(request->from + request->len - 1)));
	put(fields, "x-amz-content-sha256", g_strdup(hash));
	put(fields, "x-amz-date", g_strdup(time));
	if (request->lock_until && target->conf->lock != S3_LOCK_NONE) {
		put(fields, "x-amz-object-lock-mode", g_strdup(modes[target->conf->lock]));
		put(fields, "x-amz-object-lock-retain-until-date", date_of(request->lock_until));
	}
	if (target->credentials.token)
		put(fields, "x-amz-security-token", g_strdup(target->credentials.token));
}

/* Host is written by whoever sends it, from the URL. */
static GPtrArray *headers_of(const struct fields *fields, const char *authorization)
{
	GPtrArray *headers = g_ptr_array_new_with_free_func(g_free);
	size_t i;

	for (i = 0; i < fields->count; i++)
		if (strcmp(fields->list[i].name, "host") != 0)
			g_ptr_array_add(headers, g_strdup_printf("%s: %s", fields->list[i].name,
								 fields->list[i].value));
	g_ptr_array_add(headers, g_strdup_printf("Authorization: %s", authorization));
	return headers;
}

static GPtrArray *sign(const struct s3_target *target, const struct s3_request *request,
		       const char *path, const struct fields *fields, const char *time)
{
	const struct s3_conf *conf = target->conf;
	char hash[SHA256_HEX], *authorization;
	struct s3_signing signing = { .method = request->method,
				      .path = path,
				      .query = request->query ? request->query : "",
				      .fields = fields->list,
				      .count = fields->count,
				      .payload = hash,
				      .time = time,
				      .region = conf->region.ptr,
				      .service = "s3",
				      .access_key = target->credentials.access,
				      .secret_key = target->credentials.secret };
	GPtrArray *headers;

	hash_body(request->body, hash);
	authorization = s3_sign(&signing);
	headers = headers_of(fields, authorization);
	g_free(authorization);
	return headers;
}

/* --- an answer --- */

static void explain(const struct s3_request *request, struct s3_answer *answer)
{
	gsize len = 0;
	const char *text = answer->body ? g_bytes_get_data(answer->body, &len) : NULL;
	char *code = text ? s3_xml_find(text, len, "Code") : NULL;
	char *said = text ? s3_xml_find(text, len, "Message") : NULL;

	if (!said && answer->status < 300)
		said = g_strdup("no ETag came with it");
	if (code)
		snprintf(answer->code, sizeof answer->code, "%s", code);
	if (answer->status)
		snprintf(answer->why, sizeof answer->why, "%s %s: %d %.60s%s%.120s",
			 request->method, request->key ? request->key : "of the bucket",
			 answer->status, answer->code, said ? ": " : "", said ? said : "");
	g_free(code);
	g_free(said);
}

static void send(struct s3_target *target, const struct s3_request *request,
		 struct s3_answer *answer)
{
	const struct s3_transport *transport = target->transport;
	char *path = path_of(target, request->key), *host = host_of(target), *url, time[17];
	struct fields fields;
	GPtrArray *headers;
	size_t i;

	write_time(time, transport->now(transport->arg) + target->skew);
	url = g_strconcat("https://", host, path, request->query ? "?" : "",
			  request->query ? request->query : "", NULL);
	make_fields(&fields, target, request, time);
	headers = sign(target, request, path, &fields, time);
	transport->ask(transport->arg,
		       &(struct s3_http){ request->method, url, headers, request->body,
					  request->answer_max ? request->answer_max : 65536 },
		       answer);
	for (i = 0; i < fields.count; i++)
		g_free((char *)fields.list[i].value);
	g_ptr_array_unref(headers);
	g_free(path);
	g_free(host);
	g_free(url);
}

/* "Fri, 24 May 2013 00:00:00 GMT"; 0: it is none. */
static int64_t read_date(const char *text)
{
	struct tm tm = { 0 };

	return strptime(text, "%a, %d %b %Y %H:%M:%S", &tm) ? (int64_t)timegm(&tm) * 1000 : 0;
}

static void note_date(struct s3_target *target, const struct s3_answer *answer)
{
	int64_t now = target->transport->now(target->transport->arg);
	int64_t date = read_date(answer->date);

	if (date && llabs(date - now) < AGREES_MS)
		target->agreed = now;
}

static void ask_once(struct s3_target *target, const struct s3_request *request, bool anew,
		     struct s3_answer *answer)
{
	*answer = (struct s3_answer){ .status = 0 };
	if (!s3_credentials_read(&target->credentials, anew)) {
		snprintf(answer->why, sizeof answer->why, "%s", target->credentials.why);
		return;
	}
	send(target, request, answer);
	note_date(target, answer);
}

/* A bucket that took an object says what it has: another 200 is a proxy's. */
static bool is_good(const struct s3_request *request, struct s3_answer *answer)
{
	if (answer->status < 200 || answer->status >= 300)
		return false;
	return strcmp(request->method, "PUT") != 0 || answer->etag[0];
}

/* True: the clocks differ, and that is minded from now on. */
static bool set_skew(struct s3_target *target, const struct s3_answer *answer)
{
	int64_t date = read_date(answer->date);

	if (strcmp(answer->code, "RequestTimeTooSkewed") != 0 || !date)
		return false;
	target->skew = date - target->transport->now(target->transport->arg);
	return true;
}

bool s3_ask(struct s3_target *target, const struct s3_request *request, struct s3_answer *answer)
{
	bool over;

	ask_once(target, request, false, answer);
	if (is_good(request, answer))
		return true;
	explain(request, answer);
	over = target->credentials.path && s3_credentials_are_over(answer->code);
	/* until when an object is locked was reckoned by a clock that is wrong */
	if (!over && (!set_skew(target, answer) || target->conf->lock != S3_LOCK_NONE))
		return false;
	s3_answer_finish(answer);
	ask_once(target, request, over, answer);
	if (!is_good(request, answer))
		explain(request, answer);
	return is_good(request, answer);
}
