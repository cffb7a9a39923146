/* s3_target.h - a bucket: its requests, signed, and what it answers.
 *
 * Asking blocks, so it is for threads of the module's own. How a request gets there is the
 * transport's: a worker's loop (s3_pump.h), or a test. */
#ifndef ARCHIVE_S3_TARGET_H
#define ARCHIVE_S3_TARGET_H

#include "s3_credentials.h"

#include <gateway/module.h>

#include <glib.h>

enum s3_style { S3_STYLE_HOST, S3_STYLE_PATH };
enum s3_lock { S3_LOCK_NONE, S3_LOCK_GOVERNANCE, S3_LOCK_COMPLIANCE };

struct s3_conf {
	struct gw_str endpoint, region, bucket, prefix, access_key, secret_key, credentials,
		ca_file;
	int64_t style, lock;
	int64_t lock_most; /* days */
	int64_t interval, warn_after;
	int64_t local_days; /* -1: all stays */
	int64_t requests;   /* uploads at a time */
};

/* Why it cannot be meant; NULL: it can. */
const char *s3_conf_wrong(const struct s3_conf *conf);

/* A request as it leaves. */
struct s3_http {
	const char *method, *url;
	GPtrArray *headers; /* "Name: value" */
	GBytes *body;       /* NULL: none */
	uint32_t answer_max;
};

struct s3_answer {
	int status;    /* 0: there was no answer */
	GBytes *body;  /* NULL: none */
	char etag[80]; /* without its quotes */
	char date[40];
	uint64_t length;
	char code[64]; /* S3's word for an error; "" */
	char why[256]; /* for people; "" where it is good */
};
void s3_answer_finish(struct s3_answer *answer);
/* The bucket says that there is no such object; another 404 says nothing of it. */
bool s3_answer_is_none(const struct s3_answer *answer);
/* Takes the quotes from an ETag. */
void s3_unquote(char *etag);

struct s3_transport {
	/* fills in all but `code` and `why` of an answer that came */
	void (*ask)(void *arg, const struct s3_http *http, struct s3_answer *answer);
	int64_t (*now)(void *arg); /* ms */
	void *arg;
};

struct s3_target {
	const struct s3_conf *conf;
	const struct s3_transport *transport;
	struct s3_credentials credentials;
	char *name;     /* of the target, for its state: endpoint, bucket, prefix */
	int64_t skew;   /* ms that the bucket's clock is ahead */
	int64_t agreed; /* ms: when it had the same time last, to a minute; 0: never */
};
void s3_target_init(struct s3_target *target, const struct s3_conf *conf,
		    const struct s3_transport *transport);
void s3_target_finish(struct s3_target *target);
/* Of all keys in the bucket; "": none. */
const char *s3_prefix(const struct s3_target *target);

struct s3_request {
	const char *method;
	const char *key;   /* of an object, without the prefix; NULL: the bucket itself */
	const char *query; /* encoded, sorted by name; NULL: none */
	GBytes *body;
	int64_t lock_until;  /* ms; 0: it is not locked */
	uint64_t from, len;  /* of its octets; len 0: all */
	uint32_t answer_max; /* 0: 64 KiB */
};

/* Asks, and once more where the clocks differ, or the credentials were renewed meanwhile. True:
 * 2xx. `answer` is to be finished in any case.
 */
bool s3_ask(struct s3_target *target, const struct s3_request *request, struct s3_answer *answer);

#endif
