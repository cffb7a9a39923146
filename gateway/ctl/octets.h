/* octets.h - a message that the gateway hands out, part by part. */
#ifndef CTL_OCTETS_H
#define CTL_OCTETS_H

#include <jansson.h>
#include <stdbool.h>

/* The octets of an answer, each of which is a character there; NULL: it has none. */
const json_t *octets_of(const json_t *answer);

/* Where the next part begins; -1: that was all. */
long long octets_more(const json_t *answer);

/* Adds the part to what the answer has. */
void octets_join(json_t *answer, const json_t *part);

/* From characters back to octets; allocated, NULL: no memory. */
char *octets_decode(const json_t *octets, size_t *count);

/* As they are into a file or a pipe; on a terminal only what cannot steer it. */
void octets_print(const json_t *octets);

#endif
