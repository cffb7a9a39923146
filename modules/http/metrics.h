/* metrics.h - what `status` says, as Prometheus reads it (text format 0.0.4). */
#ifndef HTTP_METRICS_H
#define HTTP_METRICS_H

#include <jansson.h>

#include <stddef.h>

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* Of the "data" of status; to be freed; NULL: no memory. */
char *metrics_text(const json_t *status, size_t *len);

#endif
