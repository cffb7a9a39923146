/* fragment.c - a fragment's file as the options of a kit. */
#include "kit.h"

#include <libconfig.h>
#include <stdio.h>
#include <stdlib.h>

/* "": it is no scalar. */
static const char *scalar_text(struct testkit *kit, const config_setting_t *setting)
{
	switch (config_setting_type(setting)) {
	case CONFIG_TYPE_STRING:
		return config_setting_get_string(setting);
	case CONFIG_TYPE_BOOL:
		return config_setting_get_bool(setting) ? "true" : "false";
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		return kit_format(kit, "%lld", config_setting_get_int64(setting));
	default:
		return "";
	}
}

static const char *list_text(struct testkit *kit, const config_setting_t *list)
{
	const char *text = "";
	unsigned i;

	for (i = 0; i < (unsigned)config_setting_length(list); i++)
		text = kit_format(kit, "%s \"%s\"", text,
				  scalar_text(kit, config_setting_get_elem(list, i)));
	return text;
}

static void take(struct testkit *kit, const char *key, const config_setting_t *setting);

static void take_members(struct testkit *kit, const char *prefix, const config_setting_t *group)
{
	const config_setting_t *member;
	unsigned i;

	for (i = 0; (member = config_setting_get_elem(group, i)) != NULL; i++)
		take(kit, kit_format(kit, "%s%s", prefix, config_setting_name(member)), member);
}

static void take_rows(struct testkit *kit, const char *key, const config_setting_t *rows)
{
	const config_setting_t *row;
	unsigned i;

	for (i = 0; (row = config_setting_get_elem(rows, i)) != NULL; i++)
		take_members(kit, kit_format(kit, "%s[%u].", key, i), row);
}

static void take(struct testkit *kit, const char *key, const config_setting_t *setting)
{
	const config_setting_t *first;

	if (config_setting_is_group(setting)) {
		take_members(kit, kit_format(kit, "%s.", key), setting);
	} else if (config_setting_is_aggregate(setting)) {
		first = config_setting_get_elem(setting, 0);
		if (first && config_setting_is_group(first))
			take_rows(kit, key, setting);
		else
			testkit_option(kit, key, list_text(kit, setting));
	} else {
		testkit_option(kit, key, scalar_text(kit, setting));
	}
}

void testkit_fragment(struct testkit *kit, const char *path)
{
	const config_setting_t *group;
	const char *module = "";
	config_t config;

	config_init(&config);
	if (config_read_file(&config, path) != CONFIG_TRUE) {
		fprintf(stderr, "testkit: %s:%d: %s\n", path, config_error_line(&config),
			config_error_text(&config));
		abort();
	}
	config_lookup_string(&config, "module", &module);
	group = config_lookup(&config, module);
	if (group)
		take_members(kit, "", group);
	config_destroy(&config);
}
