/* row_check.h - a fragment's table whose rows have lists: which word of them is none. */
#ifndef COMMON_ROW_CHECK_H
#define COMMON_ROW_CHECK_H

#include <gateway/module.h>

#include <stdio.h>

/* Start and check: whether all that is in the list `key` of the row passes; else the first that
 * does not is told of, as no `what`. */
static inline bool row_check_list(struct gw_call *call, const char *table, size_t row,
				  const char *key, struct gw_list list,
				  bool (*passes)(struct gw_str), const char *what)
{
	char place[64];
	size_t i = 0;

	while (i < list.count && passes(list.items[i]))
		i++;
	if (i == list.count)
		return true;
	snprintf(place, sizeof place, "%s[%zu].%s", table, row, key);
	gw->problem_at(call, NULL, place, true, "\"%.*s\" in %s is no %s",
		       GW_STR_ARGS(list.items[i]), key, what);
	return false;
}

#endif
