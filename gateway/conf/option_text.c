#include "conf/option_private.h"

/* Digits at the front; the rest of the text, or NULL ptr when there are none or too many. */
static struct gw_str take_number(struct gw_str text, int64_t *value)
{
	size_t used = 0;

	*value = 0;
	for (; used < text.len && text.ptr[used] >= '0' && text.ptr[used] <= '9'; used++)
		if (__builtin_mul_overflow(*value, 10, value) ||
		    __builtin_add_overflow(*value, text.ptr[used] - '0', value))
			return gw_str_n(NULL, 0);
	return used ? gw_str_from(text, used) : gw_str_n(NULL, 0);
}

struct unit {
	const char *name;
	int64_t factor;
};

static int parse_with_units(struct gw_str text, const struct unit *units, int64_t *result)
{
	int64_t value;
	struct gw_str unit = take_number(text, &value);

	for (; unit.ptr && units->name; units++)
		if (gw_str_eq(unit, gw_str(units->name)))
			return __builtin_mul_overflow(value, units->factor, result) ? -1 : 0;
	return -1;
}

int option_parse_size(struct gw_str text, int64_t *bytes)
{
	static const struct unit units[] = { { "", 1 },        { "K", 1 << 10 }, { "k", 1 << 10 },
					     { "M", 1 << 20 }, { "m", 1 << 20 }, { "G", 1 << 30 },
					     { "g", 1 << 30 }, { NULL, 0 } };

	return parse_with_units(text, units, bytes);
}

int option_parse_duration(struct gw_str text, int64_t *ms)
{
	static const struct unit units[] = { { "", 1000 },   { "ms", 1 },      { "s", 1000 },
					     { "m", 60000 }, { "h", 3600000 }, { "d", 86400000 },
					     { NULL, 0 } };

	return parse_with_units(text, units, ms);
}

const char *option_type_name(enum gw_option_type type)
{
	static const char *const names[] = {
		[GW_OPTION_END] = "",
		[GW_OPTION_STRING] = "string",
		[GW_OPTION_PATH] = "path",
		[GW_OPTION_INT] = "number",
		[GW_OPTION_BOOL] = "bool",
		[GW_OPTION_SIZE] = "size",
		[GW_OPTION_DURATION] = "duration",
		[GW_OPTION_WORD] = "word",
		[GW_OPTION_LIST] = "list",
		[GW_OPTION_SECRET] = "secret",
		[GW_OPTION_GROUPS] = "groups",
	};

	return (size_t)type < sizeof(names) / sizeof(names[0]) ? names[type] : "";
}
