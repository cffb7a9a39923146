/* request.h - the words that were typed, as the gateway is asked. */
#ifndef CTL_REQUEST_H
#define CTL_REQUEST_H

#include <jansson.h>
#include <stdbool.h>

/* A person is there to say yes or no. */
bool has_person(void);

/* NULL: it was said why. */
json_t *request_make(char **words);

#endif
