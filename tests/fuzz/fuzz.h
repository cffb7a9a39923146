/* fuzz.h - what the drivers share. A broken invariant aborts, so that the fuzzer keeps the input.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <gateway/str.h>

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void must(bool holds)
{
	if (!holds)
		abort();
}

/* `part` lies within `text`. */
static inline void must_lie_in(struct gw_str part, struct gw_str text)
{
	must(part.ptr >= text.ptr && part.ptr + part.len <= text.ptr + text.len);
}

/* Takes the first byte off as a choice. */
static inline unsigned take_byte(struct gw_str *text)
{
	unsigned byte = text->len > 0 ? (unsigned char)text->ptr[0] : 0;

	*text = gw_str_from(*text, 1);
	return byte;
}

#endif
