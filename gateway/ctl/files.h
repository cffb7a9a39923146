/* files.h - files that the gateway hands out, part by part, written where gatewayctl was called. */
#ifndef CTL_FILES_H
#define CTL_FILES_H

#include <jansson.h>
#include <stdbool.h>

bool files_in(const json_t *answer);

/* Writes the parts in the answer, into the folder that it names, which has to be one of `words`:
 * what the caller typed. Nothing that is there is written over. False: it was said why. */
bool files_write(const json_t *answer, char **words);

#endif
