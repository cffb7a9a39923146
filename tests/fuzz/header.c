/* A header block: its fields lie in it without gaps, any beginning of it ends where the whole does,
 * and what header_write accepts is one field that reads the same. */
#include "fuzz.h"
#include "smtp/header.h"

static void check_fields(struct gw_str text, const struct header_block *block, struct arena *arena)
{
	const char *at = text.ptr;
	size_t i;

	for (i = 0; i < block->count; i++) {
		const struct header_field *field = &block->fields[i];
		struct gw_str plain = header_unfold(arena, field->value);
		must(field->whole.ptr == at);
		must(field->name.ptr == at && field->name.len > 0);
		must_lie_in(field->value, field->whole);
		must(plain.ptr && plain.len <= field->value.len && plain.ptr[plain.len] == '\0');
		must(header_find(block, field->name, 0) != NULL);
		at += field->whole.len;
	}
	must(at + (block->blank ? 2 : 0) == text.ptr + block->size);
}

static void check_end(struct gw_str text, const struct header_block *block, size_t cut)
{
	size_t end = header_end(text), early = header_end(gw_str_n(text.ptr, cut));

	must(block->size <= text.len);
	must(early == 0 || early == end);
	must(end == 0 || end == block->size);
	must(end > 0 || !block->blank);
}

static void check_written(struct gw_str name, struct gw_str value, struct arena *arena)
{
	struct header_block block;
	struct buf out;
	bool spaced = value.len > 0 &&
		      (value.ptr[0] == ' ' || value.ptr[0] == '\t' || value.ptr[0] == '\r');

	buf_init(&out, 0);
	if (header_write(&out, name, value) == 0) {
		must(header_parse(buf_str(&out), arena, &block) == 0);
		must(block.count == 1 && !block.blank && !block.odd && block.size == buf_len(&out));
		must(gw_str_eq(block.fields[0].name, name));
		must(gw_str_eq(gw_str_from(block.fields[0].value, spaced ? 0 : 1), value));
	} else {
		must(buf_len(&out) == 0);
	}
	buf_finish(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gw_str text = gw_str_n(data, size);
	struct header_block block;
	struct arena arena;
	size_t cut, i;

	if (size == 0)
		return 0;
	cut = take_byte(&text) % (text.len + 1);
	arena_init(&arena, 0);
	if (header_parse(text, &arena, &block) == 0) {
		check_fields(text, &block, &arena);
		check_end(text, &block, cut);
		for (i = 0; i < block.count; i++)
			check_written(block.fields[i].name, block.fields[i].value, &arena);
		check_written(gw_str_n(text.ptr, cut), gw_str_from(text, cut), &arena);
		check_written(gw_str("X"), text, &arena);
	}
	arena_finish(&arena);
	return 0;
}
