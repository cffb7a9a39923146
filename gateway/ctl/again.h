/* again.h - answers that are not the last word: "again" has the words to ask with next, after
 * "after" milliseconds. With "prompt" a person may type something meanwhile, which becomes one word
 * more. */
#ifndef CTL_AGAIN_H
#define CTL_AGAIN_H

#include <jansson.h>
#include <stdbool.h>

bool again_wanted(const json_t *answer);

/* It is nothing but another verb's name: what was asked is that verb, and its answer the answer. */
bool again_is_name(const json_t *answer);

/* Waits, and gives the words of the next question. NULL: no memory. */
json_t *again_words(const json_t *answer);

#endif
