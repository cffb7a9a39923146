/* JSON of others: what is read lies within the bounds and can be walked; what was written of it is
 * read as the same; and any octets make a string that is read as text. */
#include "base/json_reader.h"
#include "base/json_writer.h"
#include "fuzz.h"

/* Writes a value as it was read; objects by their number only, since members are asked for by name.
 */
static void copy(struct gw_json *out, const struct gw_json_value *value)
{
	switch (json_reader_kind(value)) {
	case GW_JSON_ARRAY:
		json_writer_begin(out, NULL, GW_JSON_ARRAY);
		for (size_t nth = 0; nth < json_reader_count(value); nth++)
			copy(out, json_reader_item(value, nth));
		json_writer_end(out);
		break;
	case GW_JSON_STRING:
		json_writer_string(out, NULL, json_reader_string(value));
		break;
	case GW_JSON_BOOL:
		json_writer_bool(out, NULL, json_reader_bool(value, false));
		break;
	case GW_JSON_NUMBER:
		json_writer_number(out, NULL, json_reader_number(value, 0));
		break;
	default:
		json_writer_number(out, NULL, (int64_t)json_reader_count(value));
	}
}

static bool same(const struct gw_json_value *a, const struct gw_json_value *b)
{
	if (json_reader_kind(a) != json_reader_kind(b))
		return json_reader_kind(a) == GW_JSON_OBJECT || json_reader_kind(a) == GW_JSON_NULL;
	if (json_reader_kind(a) == GW_JSON_STRING)
		return gw_str_eq(json_reader_string(a), json_reader_string(b));
	if (json_reader_kind(a) != GW_JSON_ARRAY)
		return json_reader_number(a, 0) == json_reader_number(b, 0);
	if (json_reader_count(a) != json_reader_count(b))
		return false;
	for (size_t nth = 0; nth < json_reader_count(a); nth++)
		if (!same(json_reader_item(a, nth), json_reader_item(b, nth)))
			return false;
	return true;
}

static void check_copy(const struct gw_json_value *value)
{
	struct gw_json *out = json_writer_create();
	struct gw_json_value *again;
	struct gw_str text;

	copy(out, value);
	text = json_writer_text(out);
	must(text.ptr != NULL);
	again = json_reader_read(text, NULL, 0);
	must(again || text.len > GW_JSON_READ_MAX);
	must(!again || same(value, again));
	json_reader_free(again);
	json_writer_destroy(out);
}

/* Whatever the octets are: NUL apart, which no string of others may have. */
static void check_string(struct gw_str octets)
{
	struct gw_json *out = json_writer_create();
	struct gw_json_value *value;

	json_writer_begin(out, NULL, GW_JSON_OBJECT);
	json_writer_string(out, "a", octets);
	value = json_reader_read(json_writer_text(out), NULL, 0);
	must(gw_str_has_nul(octets) ? !value : value != NULL);
	must(!value || json_reader_string(json_reader_member(value, "a")).len >= octets.len);
	json_reader_free(value);
	json_writer_destroy(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gw_str text = gw_str_n(data, size);
	char why[80] = "";
	struct gw_json_value *value = json_reader_read(text, why, sizeof(why));

	must((value != NULL) == (*why == '\0'));
	if (value)
		check_copy(value);
	json_reader_free(value);
	check_string(text);
	return 0;
}
