/* input.h - the standard input, or the file behind --eml, for a verb whose answer asks for it with
 * `"input": MOST`. */
#ifndef CTL_INPUT_H
#define CTL_INPUT_H

#include <jansson.h>
#include <stdbool.h>

/* The answer is a question for what stands there. */
bool input_wanted(const json_t *answer);

/* Adds that to the request, an octet a character, no more of it than was asked for. `file` NULL, or
 * "-": the standard input. False: it cannot be read, or a person sits there, and it was said. */
bool input_add(json_t *request, const json_t *answer, const char *file);

#endif
