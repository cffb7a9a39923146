/* render.h - an answer of the control socket as text for people. */
#ifndef CTL_RENDER_H
#define CTL_RENDER_H

#include <jansson.h>
#include <stdbool.h>

/* Prints text, table or form. Control characters that came from outside are shown as '?'. */
void render(const json_t *answer);

/* Prints the last answer: with `json` what --json gives ("data" where the answer has it, else the
 * rows, else all of it), else the text of a fault to the error output. The exit code it names. */
int render_answer(const json_t *answer, bool json);

#endif
