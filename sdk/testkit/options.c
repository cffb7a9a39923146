/* options.c - from texts to a module's struct, through its option table, as the gateway does it. */
#include "kit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct reader {
	struct testkit *kit;
	const char *owner;
	struct pair *values;
	size_t errors;
};

static void wrong(struct reader *reader, const char *key, const char *what)
{
	reader->errors++;
	kit_tell(reader->kit, TESTKIT_PROBLEM, "error: %s: %s", key, what);
}

/* "90s" through a table of units; a bare number counts `bare`. -1: none. */
struct unit {
	const char *name;
	int64_t factor;
};

static int number_with_unit(const char *text, const struct unit *units, int64_t bare, int64_t *out)
{
	char *end;
	long long value = strtoll(text, &end, 10);

	if (end == text)
		return -1;
	if (*end == '\0')
		return __builtin_mul_overflow(value, bare, out) ? -1 : 0;
	for (; units->name; units++)
		if (strcmp(end, units->name) == 0)
			return __builtin_mul_overflow(value, units->factor, out) ? -1 : 0;
	return -1;
}

static int read_number(enum gw_option_type type, const char *text, int64_t *out)
{
	static const struct unit none[] = { { NULL, 0 } };
	static const struct unit sizes[] = {
		{ "K", 1 << 10 }, { "M", 1 << 20 }, { "G", 1 << 30 }, { NULL, 0 }
	};
	static const struct unit times[] = { { "ms", 1 },      { "s", 1000 },     { "m", 60000 },
					     { "h", 3600000 }, { "d", 86400000 }, { NULL, 0 } };

	if (type == GW_OPTION_SIZE)
		return number_with_unit(text, sizes, 1, out);
	if (type == GW_OPTION_DURATION)
		return number_with_unit(text, times, 1000, out);
	return number_with_unit(text, none, 1, out);
}

static void put_number(struct reader *reader, const char *key, const struct gw_option *option,
		       const char *text, void *member)
{
	int64_t value = -1;

	if (option->type == GW_OPTION_INT && option->words && strcmp(text, option->words) == 0)
		memcpy(member, &value, sizeof value);
	else if (read_number(option->type, text, &value) != 0)
		wrong(reader, key, "not a number of its kind");
	else if (option->min == 0 && option->max == 0 ? value < 0
						      : value < option->min || value > option->max)
		wrong(reader, key, "out of range");
	else
		memcpy(member, &value, sizeof value);
}

static void put_word(struct reader *reader, const char *key, const struct gw_option *option,
		     const char *text, void *member)
{
	const char *at = option->words;
	size_t len = strlen(text);
	int64_t index;

	for (index = 0; at; index++) {
		const char *bar = strchr(at, '|');

		if ((bar ? (size_t)(bar - at) : strlen(at)) == len && memcmp(at, text, len) == 0) {
			memcpy(member, &index, sizeof index);
			return;
		}
		at = bar ? bar + 1 : NULL;
	}
	wrong(reader, key, kit_format(reader->kit, "\"%s\" is none of %s", text, option->words));
}

/* Words parted by blanks; a word in double quotes may have blanks in it. */
static void put_list(struct testkit *kit, const char *text, struct gw_list *list)
{
	struct gw_str *items = NULL;
	size_t count = 0, len;

	for (text += strspn(text, " "); *text; text += strspn(text, " ")) {
		bool quoted = *text == '"';

		text += quoted;
		len = strcspn(text, quoted ? "\"" : " ");
		items = kit_grow(kit, items, count, sizeof *items);
		items[count++] = kit_str(kit, gw_str_n(text, len));
		text += len;
		text += quoted && *text == '"';
	}
	list->items = items;
	list->count = count;
}

static struct gw_str path_of(struct testkit *kit, const char *text)
{
	if (*text == '/' || *text == '\0')
		return gw_str(kit_text(kit, text));
	if (strcmp(text, "STATE") == 0)
		return gw_str(testkit_folder(kit));
	return gw_str(testkit_file(kit, strncmp(text, "STATE/", 6) == 0 ? text + 6 : text, NULL));
}

static void put_secret(struct reader *reader, const char *key, const char *text,
		       struct gw_str *member)
{
	char line[4096] = "";
	FILE *file;

	if (strncmp(text, "file:", 5) == 0) {
		text = kit_secret_file(reader->kit, path_of(reader->kit, text + 5).ptr);
	} else if (strncmp(text, "env:", 4) == 0) {
		text = getenv(text + 4);
	} else if (strncmp(text, "exec:", 5) == 0) {
		file = popen(text + 5, "r");
		text = file && fgets(line, sizeof line, file) ? line : NULL;
		line[strcspn(line, "\r\n")] = '\0';
		if (file)
			(void)pclose(file);
	}
	if (text)
		*member = gw_str(text == line ? kit_text(reader->kit, text) : text);
	else
		wrong(reader, key, "the secret cannot be read");
}

static void put(struct reader *reader, const char *key, const struct gw_option *option,
		const char *text, void *member)
{
	switch (option->type) {
	case GW_OPTION_STRING:
		*(struct gw_str *)member = gw_str(kit_text(reader->kit, text));
		break;
	case GW_OPTION_PATH:
		*(struct gw_str *)member = path_of(reader->kit, text);
		break;
	case GW_OPTION_BOOL:
		*(bool *)member = strcmp(text, "true") == 0;
		if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
			wrong(reader, key, "neither true nor false");
		break;
	case GW_OPTION_WORD:
		put_word(reader, key, option, text, member);
		break;
	case GW_OPTION_LIST:
		put_list(reader->kit, text, member);
		break;
	case GW_OPTION_SECRET:
		put_secret(reader, key, text, member);
		break;
	default:
		put_number(reader, key, option, text, member);
	}
}

static void read_rows(struct reader *reader, const char *prefix, const struct gw_option *options,
		      char *into);

static bool has_row(struct reader *reader, const char *start)
{
	const struct pair *pair;

	for (pair = reader->values; pair; pair = pair->next)
		if (strncmp(pair->key, start, strlen(start)) == 0)
			return true;
	return false;
}

static void put_groups(struct reader *reader, const char *key, const struct gw_option *option,
		       struct gw_groups *groups)
{
	size_t count = 0, i;
	char *items;

	while (has_row(reader, kit_format(reader->kit, "%s[%zu].", key, count)))
		count++;
	items = kit_alloc(reader->kit, count * option->group_size);
	for (i = 0; i < count; i++)
		read_rows(reader, kit_format(reader->kit, "%s[%zu].", key, i), option->group,
			  items + i * option->group_size);
	groups->items = items;
	groups->count = count;
}

static void read_row(struct reader *reader, const char *key, const struct gw_option *option,
		     void *member)
{
	struct pair *pair = pair_find(reader->values, key);
	const char *text = pair ? pair->value.ptr : option->fallback;

	if (pair)
		pair->used = true;
	if (option->type == GW_OPTION_GROUPS)
		put_groups(reader, key, option, member);
	else if (!pair && (option->flags & GW_OPTION_REQUIRED))
		wrong(reader, key, "is missing");
	else if (text)
		put(reader, key, option, text, member);
	else if (option->type == GW_OPTION_STRING || option->type == GW_OPTION_PATH ||
		 option->type == GW_OPTION_SECRET)
		*(struct gw_str *)member = gw_str("");
}

static void read_rows(struct reader *reader, const char *prefix, const struct gw_option *options,
		      char *into)
{
	for (; options && options->key; options++)
		read_row(reader, kit_format(reader->kit, "%s%s", prefix, options->key), options,
			 into + options->offset);
}

size_t options_parse(struct testkit *kit, const char *owner, struct pair *values,
		     const struct gw_option *options, void *into)
{
	struct reader reader = { kit, owner, values, 0 };
	struct pair *pair;

	for (pair = values; pair; pair = pair->next)
		pair->used = false;
	read_rows(&reader, "", options, into);
	for (pair = values; pair; pair = pair->next)
		if (!pair->used)
			wrong(&reader, pair->key, kit_format(kit, "unknown key of %s", owner));
	return reader.errors;
}
