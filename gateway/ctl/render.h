/* render.h - an answer of the control socket as text for people. */
#ifndef CTL_RENDER_H
#define CTL_RENDER_H

#include <jansson.h>

/* Prints text, table or form. Control characters that came from outside are shown as '?'. */
void render(const json_t *answer);

/* Table or form alone. */
void render_rows(const json_t *answer);

/* Prints what --json gives: "data" where the answer has it, else the rows, else the whole answer.
 */
void render_json(const json_t *answer);

#endif
