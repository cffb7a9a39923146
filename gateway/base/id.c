#include "base/id.h"

#define EPOCH_MS 1577836800000 /* 2020-01-01 */
#define TIME_BITS 41
#define TIME_SHIFT 23
#define MAKER_SHIFT 16
#define COUNT_MASK 0xffffu

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

static uint64_t first_of(const struct id_maker *maker, uint64_t ms)
{
	return ms << TIME_SHIFT | (uint64_t)(maker->maker & 127) << MAKER_SHIFT;
}

static uint64_t ms_since_epoch(int64_t wall_ms)
{
	const int64_t most = ((int64_t)1 << TIME_BITS) - 1;
	int64_t ms = wall_ms - EPOCH_MS;

	return (uint64_t)(ms < 0 ? 0 : ms > most ? most : ms);
}

uint64_t id_next(struct id_maker *maker, int64_t wall_ms)
{
	uint64_t id = first_of(maker, ms_since_epoch(wall_ms)), last = maker->last;

	if (id <= last)
		id = (last & COUNT_MASK) < COUNT_MASK ? last + 1
						      : first_of(maker, (last >> TIME_SHIFT) + 1);
	if (id == 0)
		id = 1;
	return maker->last = id;
}

void id_after(struct id_maker *maker, uint64_t id)
{
	uint64_t next = first_of(maker, (id >> TIME_SHIFT) + 1);

	if (maker->last < next)
		maker->last = next;
}

char *id_format(uint64_t id, char text[ID_TEXT])
{
	text[ID_TEXT - 1] = '\0';
	for (int i = ID_TEXT - 2; i >= 0; i--, id >>= 5)
		text[i] = alphabet[id & 31];
	return text;
}

static int digit_of(char c)
{
	const char *at;

	if (c >= 'a' && c <= 'z')
		c = (char)(c - 'a' + 'A');
	at = c ? strchr(alphabet, c) : NULL;
	return at ? (int)(at - alphabet) : -1;
}

uint64_t id_parse(struct gw_str text)
{
	uint64_t id = 0;

	/* 13 characters hold 65 bits: the first may use four of its five. */
	if (text.len != ID_TEXT - 1 || digit_of(text.ptr[0]) > 15)
		return 0;
	for (size_t i = 0; i < text.len; i++) {
		int digit = digit_of(text.ptr[i]);
		if (digit < 0)
			return 0;
		id = id << 5 | (uint64_t)digit;
	}
	return id;
}

int64_t id_time(uint64_t id)
{
	return (int64_t)(id >> TIME_SHIFT) + EPOCH_MS;
}
