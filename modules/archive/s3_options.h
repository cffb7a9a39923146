/* s3_options.h - the rows of the option `s3`, for the module's table. */
#ifndef ARCHIVE_S3_OPTIONS_H
#define ARCHIVE_S3_OPTIONS_H

#include "s3_target.h"

/* clang-format off */
#define S3_OPTIONS(S3)                                                                             \
	{ .key = "s3.bucket", .type = GW_OPTION_STRING, .offset = S3(bucket),                      \
	  .help = "A copy of the archive goes into this bucket; without it, none." },              \
	{ .key = "s3.region", .type = GW_OPTION_STRING, .offset = S3(region),                      \
	  .help = "Its region: \"eu-central-1\"." },                                               \
	{ .key = "s3.endpoint", .type = GW_OPTION_STRING, .offset = S3(endpoint),                  \
	  .help = "Where it is, \"https://minio.example.com:9000\"; without it, at AWS." },        \
	{ .key = "s3.style", .type = GW_OPTION_WORD, .offset = S3(style), .words = "host|path",    \
	  .fallback = "host",                                                                      \
	  .help = "Whether the bucket stands in the host's name, or in the path, as many servers other than AWS's want it." }, \
	{ .key = "s3.prefix", .type = GW_OPTION_STRING, .offset = S3(prefix),                      \
	  .help = "Before the names of all objects: \"gateway-1/\"; an archive has one of its own." }, \
	{ .key = "s3.access_key", .type = GW_OPTION_STRING, .offset = S3(access_key),              \
	  .help = "The key's id." },                                                               \
	{ .key = "s3.secret_key", .type = GW_OPTION_SECRET, .offset = S3(secret_key),              \
	  .help = "The key itself, of the access key." },                                          \
	{ .key = "s3.credentials", .type = GW_OPTION_PATH, .offset = S3(credentials),              \
	  .help = "Instead of both: a file as AWS's tools have it, whose section [default] has them, and for temporary ones a session token; read again when it changes." }, \
	{ .key = "s3.ca_file", .type = GW_OPTION_PATH, .offset = S3(ca_file),                      \
	  .help = "Certificates that the server's is checked by, instead of the system's." },      \
	{ .key = "s3.interval", .type = GW_OPTION_DURATION, .offset = S3(interval),                \
	  .fallback = "5m", .min = 1000, .max = 86400000,                                          \
	  .help = "How long what was archived may wait for others, to be one object with them." }, \
	{ .key = "s3.requests", .type = GW_OPTION_INT, .offset = S3(requests), .fallback = "2",    \
	  .min = 1, .max = 4,                                                                      \
	  .help = "How many objects are uploaded at a time, where many wait; each takes up to 8 MiB of memory." }, \
	{ .key = "s3.lock", .type = GW_OPTION_WORD, .offset = S3(lock),                            \
	  .words = "none|governance|compliance", .fallback = "none",                               \
	  .help = "Locks each object until the last mail in it may be removed: the bucket has to have object lock." }, \
	{ .key = "s3.lock_most", .type = GW_OPTION_INT, .offset = S3(lock_most),                   \
	  .fallback = "3650", .min = 1, .max = 36500,                                              \
	  .help = "Days that an object is locked at most, also where mail is kept for longer or forever." }, \
	{ .key = "s3.local_days", .type = GW_OPTION_INT, .offset = S3(local_days),                 \
	  .fallback = "forever", .min = 0, .max = 36500, .words = "forever",                       \
	  .help = "Days for which mail is on this machine's disk too: older files are in the bucket alone, and here only what finds and proves them." }, \
	{ .key = "s3.warn_after", .type = GW_OPTION_DURATION, .offset = S3(warn_after),            \
	  .fallback = "1d", .min = 1000, .max = INT64_C(8640000000),                                                           \
	  .help = "A warning is told when the bucket has not had everything for that long." }
/* clang-format on */

#endif
