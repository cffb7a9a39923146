/* A member cut out of an object: of what jansson reads and writes anew it is what jansson says it
 * is, and of any octets at all it lies within them. */
#include "modules/http/slice.h"
#include "fuzz.h"

#include <jansson.h>
#include <stdlib.h>

#define FLAGS (JSON_COMPACT | JSON_ENCODE_ANY)

/* Its octets stand in the text as they are. */
static bool is_plain(const char *key)
{
	for (; *key; key++)
		if (*key < ' ' || *key > '~' || strchr("\"\\/", *key))
			return false;
	return true;
}

static void check_member(struct gw_str text, const char *key, const json_t *value)
{
	char *wanted = json_dumps(value, FLAGS);
	if (is_plain(key))
		must(gw_str_eq(slice_member(text, key), gw_str(wanted)));
	free(wanted);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gw_str raw = gw_str_n(data, size), got = slice_member(raw, "data");
	json_t *object = json_loadb(raw.ptr, raw.len, JSON_REJECT_DUPLICATES, NULL), *value;
	char *text = json_is_object(object) ? json_dumps(object, FLAGS) : NULL;
	const char *key;
	if (got.ptr)
		must_lie_in(got, raw);
	if (text)
		json_object_foreach(object, key, value) check_member(gw_str(text), key, value);
	free(text);
	json_decref(object);
	return 0;
}
