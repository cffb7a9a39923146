#include "admin/relay_text.h"

#include <stdio.h>
#include <strings.h>

/* --- values, by type --- */

static const char *value_of(const struct relay_argument *argument)
{
	return argument->word + argument->key_len + 1;
}

/* Not a text: whatever would end it, or begin something, is written as its number. */
static void put_quoted(struct buf *out, const char *text, size_t len)
{
	buf_add_text(out, "\"");
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];
		if (c == '"' || c == '\\')
			buf_printf(out, "\\%c", c);
		else if (c < ' ' || c == 127)
			buf_printf(out, "\\x%02x", c);
		else
			buf_add(out, text + i, 1);
	}
	buf_add_text(out, "\"");
}

static void put_text(struct buf *out, const char *value)
{
	put_quoted(out, value, strlen(value));
}

static bool is_number(const char *value)
{
	size_t digits = strspn(value, "0123456789");

	return digits > 0 && digits < 19 && !value[digits];
}

/* The L keeps the library from cutting what is more than 32 bits. */
static void put_number(struct buf *out, const char *value)
{
	if (is_number(value))
		buf_printf(out, "%s%s", value, strlen(value) > 9 ? "L" : "");
	else
		put_text(out, value);
}

static void put_bool(struct buf *out, const char *value)
{
	static const char *const words[][2] = {
		{ "true", "true" },   { "yes", "true" }, { "on", "true" },
		{ "false", "false" }, { "no", "false" }, { "off", "false" },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcasecmp(value, words[i][0]) == 0) {
			buf_add_text(out, words[i][1]);
			return;
		}
	}
	put_text(out, value);
}

static void put_list(struct buf *out, const char *value)
{
	const char *parted = "";

	buf_add_text(out, "[");
	for (size_t len; *value; value += len + (value[len] == ',')) {
		len = strcspn(value, ",");
		if (!len)
			continue;
		buf_add_text(out, parted);
		put_quoted(out, value, len);
		parted = ", ";
	}
	buf_add_text(out, "]");
}

static void put_value(struct buf *out, const struct relay_argument *argument)
{
	static void (*const puts[])(struct buf * out, const char *value) = {
		[GW_OPTION_INT] = put_number,      [GW_OPTION_SIZE] = put_number,
		[GW_OPTION_DURATION] = put_number, [GW_OPTION_BOOL] = put_bool,
		[GW_OPTION_LIST] = put_list,
	};
	size_t type = argument->row ? (size_t)argument->row->type : GW_OPTION_STRING;

	if (type < sizeof(puts) / sizeof(puts[0]) && puts[type])
		puts[type](out, value_of(argument));
	else
		put_text(out, value_of(argument));
}

/* --- the fragment --- */

static void put_line(struct relay_text *text, int depth, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static void put_line(struct relay_text *text, int depth, const char *format, ...)
{
	va_list args;

	buf_printf(&text->text, "%*s", depth * 2, "");
	va_start(args, format);
	buf_vprintf(&text->text, format, args);
	va_end(args);
	buf_add_text(&text->text, "\n");
	text->lines++;
}

static void put_argument(struct relay_text *text, struct relay_argument *argument, size_t prefix,
			 int depth)
{
	buf_printf(&text->text, "%*s%.*s = ", depth * 2, "", (int)(argument->key_len - prefix),
		   argument->word + prefix);
	put_value(&text->text, argument);
	buf_add_text(&text->text, ";\n");
	argument->line = ++text->lines;
}

/* All whose keys begin as this one's first `prefix` octets do; the groups among them one after the
 * other. */
static void put_group(struct relay_text *text, const char *like, size_t prefix, int depth)
{
	for (size_t i = 0; i < text->count; i++) {
		struct relay_argument *argument = &text->arguments[i];
		const char *rest = argument->word + prefix;
		size_t len = strcspn(rest, ".=");
		if (argument->line || argument->key_len < prefix ||
		    memcmp(argument->word, like, prefix) != 0)
			continue;
		if (rest[len] == '=') {
			put_argument(text, argument, prefix, depth);
			continue;
		}
		put_line(text, depth, "%.*s: {", (int)len, rest);
		put_group(text, argument->word, prefix + len + 1, depth + 1);
		put_line(text, depth, "};");
	}
}

/* --- the words --- */

static const struct gw_option *row_of(const struct option_set *sets, size_t count, const char *key,
				      size_t len)
{
	for (size_t i = 0; i < count; i++)
		for (const struct gw_option *row = sets[i].options; row && row->key; row++)
			if (strlen(row->key) == len && memcmp(row->key, key, len) == 0)
				return row;
	return NULL;
}

static bool is_key(const char *word, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789_-.", word[i]) ||
		    (word[i] == '.' && (i == 0 || word[i - 1] == '.' || i + 1 == len)))
			return false;
	return len > 0;
}

static bool is_twice(const struct relay_text *text, const struct relay_argument *argument)
{
	for (size_t i = 0; i < text->count; i++)
		if (text->arguments[i].key_len == argument->key_len &&
		    memcmp(text->arguments[i].word, argument->word, argument->key_len) == 0)
			return true;
	return false;
}

/* A secret that is looked up elsewhere is none in the file. */
static bool is_secret(const struct relay_argument *argument)
{
	const char *value = value_of(argument);

	return argument->row && argument->row->type == GW_OPTION_SECRET &&
	       strncmp(value, "file:", 5) != 0 && strncmp(value, "env:", 4) != 0 &&
	       strncmp(value, "exec:", 5) != 0;
}

static void take_word(struct relay_text *text, const struct option_set *sets, size_t set_count,
		      const char *word, int nth, struct problems *problems)
{
	struct relay_argument argument = { .word = word, .key_len = strcspn(word, "=") };

	if (!word[argument.key_len] || !is_key(word, argument.key_len)) {
		problem_add(problems, true, NULL, nth, "\"%s\" is not of the form key=value", word);
		return;
	}
	argument.row = row_of(sets, set_count, word, argument.key_len);
	if (argument.key_len == 4 && memcmp(word, "name", 4) == 0)
		problem_add(problems, true, NULL, nth, "the name comes first, without \"name=\"");
	else if (is_twice(text, &argument))
		problem_add(problems, true, NULL, nth, "\"%.*s\" is given twice",
			    (int)argument.key_len, word);
	else if (text->count == ARGUMENTS_MAX)
		problem_add(problems, true, NULL, nth, "that is one too many");
	else if (argument.row && argument.row->type == GW_OPTION_GROUPS)
		problem_add(problems, true, NULL, nth,
			    "\"%s\" cannot be given here: write it into the file",
			    argument.row->key);
	else
		text->arguments[text->count++] = argument;
	text->secret |= is_secret(&argument);
}

bool relay_text_make(struct relay_text *text, const char *name, const struct option_set *sets,
		     size_t set_count, const char *const *words, size_t count,
		     struct problems *problems)
{
	size_t before = problems->errors;

	memset(text, 0, sizeof(*text));
	buf_init(&text->text, 0);
	for (size_t i = 0; i < count; i++)
		take_word(text, sets, set_count, words[i], (int)i + 1, problems);
	put_line(text, 0, "# gatewayctl relay add %s", name);
	put_line(text, 0, "relay: {");
	put_line(text, 1, "name = \"%s\";", name);
	put_group(text, "", 0, 1);
	put_line(text, 0, "};");
	if (text->text.failed)
		problem_add(problems, true, NULL, 0, "no memory");
	return problems->errors == before;
}

void relay_text_finish(struct relay_text *text)
{
	buf_finish(&text->text);
}

const struct relay_argument *relay_text_at(const struct relay_text *text, int line)
{
	for (size_t i = 0; i < text->count; i++)
		if (text->arguments[i].line == line)
			return &text->arguments[i];
	return NULL;
}

void relay_text_point(struct buf *out, const struct relay_argument *argument, const char *what)
{
	const char *value = is_secret(argument) ? "***" : value_of(argument);

	buf_printf(out, "%.*s=%s\n%*s^ %s\n", (int)argument->key_len, argument->word, value,
		   (int)argument->key_len + 1, "", what);
}
