/* id.h - the queue id of a message: 64 bits that sort by time, and their text.
 *
 * 41 bits of milliseconds since 2020-01-01 UTC, 7 bits that tell the maker (a worker), 16 bits of
 * count. The text is 13 characters of the alphabet 0-9 A-Z without I, L, O, U (Crockford's base
 * 32), most significant first, so it sorts as the number does. 0 is no id. */
#ifndef BASE_ID_H
#define BASE_ID_H

#include <gateway/str.h>

#define ID_TEXT 14 /* with the NUL */

/* Makes ids; one per worker, used by that thread alone. */
struct id_maker {
	uint64_t last;
	unsigned maker; /* 0..127 */
};

/* An id greater than every id this maker gave before, whatever the clock does. */
uint64_t id_next(struct id_maker *maker, int64_t wall_ms);

/* Every id from now on is greater than `id`, which any maker may have made, before a restart for
 * example. */
void id_after(struct id_maker *maker, uint64_t id);

/* Writes the text and its NUL; gives `text`. */
char *id_format(uint64_t id, char text[ID_TEXT]);

/* The id of a text (letters of either case); 0 when it is none. */
uint64_t id_parse(struct gw_str text);

/* When the id was made: milliseconds since 1970 UTC. */
int64_t id_time(uint64_t id);

#endif
