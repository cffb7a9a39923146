/* rows.h - the records to publish, as a table: name, type, and the value as a zone file has it. */
#ifndef DKIM_ROWS_H
#define DKIM_ROWS_H

#include "key.h"

#include <gateway/module.h>

struct gw_json *rows_table(void);
/* False: no memory. */
bool rows_add(struct gw_json *table, const struct key *key);
/* Answers with the table, or, where it is not whole, that memory is out. */
void rows_answer(struct gw_call *call, struct gw_json *table, bool whole);

#endif
