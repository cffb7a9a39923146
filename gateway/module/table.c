/* A module's table is data of a stranger: what the gateway would trip over is refused here, once.
 */
#include "module/load.h"

#include <stdio.h>

#define PRIVATE_MAX ((size_t)1 << 20)

static const size_t value_size[] = {
	[GW_OPTION_STRING] = sizeof(struct gw_str), [GW_OPTION_PATH] = sizeof(struct gw_str),
	[GW_OPTION_INT] = sizeof(int64_t),          [GW_OPTION_BOOL] = sizeof(bool),
	[GW_OPTION_SIZE] = sizeof(int64_t),         [GW_OPTION_DURATION] = sizeof(int64_t),
	[GW_OPTION_WORD] = sizeof(int64_t),         [GW_OPTION_LIST] = sizeof(struct gw_list),
	[GW_OPTION_SECRET] = sizeof(struct gw_str), [GW_OPTION_GROUPS] = sizeof(struct gw_groups),
};

bool is_word(struct gw_str text, const char *also)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			     (c >= '0' && c <= '9');
		if (!plain && (c == '\0' || !strchr(also, c)))
			return false;
	}
	return text.len > 0;
}

static const char *row_problem(const struct gw_option *row, size_t size)
{
	if (!row->key || !row->key[0])
		return "has no key";
	if ((unsigned)row->type >= sizeof(value_size) / sizeof(value_size[0]))
		return "is of a type that this gateway does not know";
	if (row->offset > size || size - row->offset < value_size[row->type])
		return "lies outside of the struct it fills";
	if (row->type == GW_OPTION_WORD && !row->words)
		return "has no words";
	if (row->type == GW_OPTION_GROUPS && (!row->group || !row->group_size))
		return "has no rows for its groups";
	return NULL;
}

static const char *options_problem(const struct gw_option *row, size_t size, char *why,
				   size_t why_size)
{
	for (; row && row->type != GW_OPTION_END; row++) {
		const char *text = row_problem(row, size);
		if (text) {
			snprintf(why, why_size, "its option \"%s\" %s", row->key ? row->key : "",
				 text);
			return why;
		}
		if (row->type == GW_OPTION_GROUPS &&
		    options_problem(row->group, row->group_size, why, why_size))
			return why;
	}
	return NULL;
}

const char *table_problem(const struct gw_module *table, char *why, size_t size)
{
	if (table->session_size > PRIVATE_MAX || table->message_size > PRIVATE_MAX ||
	    table->delivery_size > PRIVATE_MAX)
		return "its private bytes are more than 1 MiB";
	if (options_problem(table->options, table->conf_size, why, size))
		return why;
	return options_problem(table->relay_options, table->relay_conf_size, why, size);
}
