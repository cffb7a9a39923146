#include "charsets.h"

#include <gateway/hash.h>

#include <iconv.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define NAME_MOST 40
#define VALUE_MOST 4096 /* octets of a value in which the end of a charset's name is looked for */

/* What is the same for all names in the octets: mail names one charset again and again. */
struct masking {
	char last[NAME_MOST];
	size_t last_len;
	bool last_known;
};

/* --- names --- */

/* iconv skips all others in a name, and what follows a slash: each charset would have any number of
 * names. */
static bool is_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '_' || c == '.' || c == ':';
}

/* A charset that iconv has. Its converter stays open: with the last one of a charset iconv unmaps
 * the library that it is in, and to map that again takes as long as to read 20 KB of a mail, for
 * each word of a mail that has words of several. */
struct known {
	struct known *next;
	iconv_t converter;
	char name[NAME_MOST + 1];
};

/* As many as iconv has names, letters of either case being one: 1,200, with 1 KB each. */
#define BUCKETS 256
#define KNOWN_MOST 4096
static pthread_mutex_t known_lock = PTHREAD_MUTEX_INITIALIZER;
static struct known *known[BUCKETS];
static size_t known_count;

static struct known *known_find(const char *name)
{
	struct known *at = known[gw_str_hash(gw_str(name)) % BUCKETS];

	while (at && strcmp(at->name, name) != 0)
		at = at->next;
	return at;
}

static void known_add(const char *name)
{
	struct known *added = known_count < KNOWN_MOST ? calloc(1, sizeof *added) : NULL;
	struct known **bucket = &known[gw_str_hash(gw_str(name)) % BUCKETS];

	if (!added)
		return;
	snprintf(added->name, sizeof added->name, "%s", name);
	added->converter = iconv_open("WCHAR_T", name); /* in one step: little memory */
	added->next = *bucket;
	*bucket = added;
	known_count++;
}

static bool opens(const char *name)
{
	iconv_t converter = iconv_open("UTF-8", name);

	if (converter == (iconv_t)-1)
		return false;
	known_add(name);
	iconv_close(converter);
	return true;
}

static bool converts(const char *name)
{
	char small[NAME_MOST + 1];
	size_t i;
	bool does;

	for (i = 0; name[i]; i++)
		small[i] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] | 0x20) : name[i];
	small[i] = '\0';
	pthread_mutex_lock(&known_lock);
	does = known_find(small) || opens(small);
	pthread_mutex_unlock(&known_lock);
	return does;
}

/* Names that GMime has another one for. */
static bool is_alias(struct gw_str name)
{
	static const struct gw_str aliases[] = {
		GW_STR("ks_c_5601-1987"), GW_STR("ksc-5601"),     GW_STR("ksc-5601-1987"),
		GW_STR("iso-8859-8-i"),   GW_STR("iso-8859-8-e"), GW_STR("iso-8859-6-i"),
		GW_STR("iso-8859-6-e"),   GW_STR("gb2312-0"),     GW_STR("gbk-0"),
		GW_STR("gb18030-0"),      GW_STR("big5-0"),       GW_STR("iso-10646-1"),
	};
	size_t i;

	for (i = 0; i < sizeof aliases / sizeof *aliases; i++)
		if (gw_str_ieq(name, aliases[i]))
			return true;
	return false;
}

bool charsets_has(struct gw_str name)
{
	char text[NAME_MOST + 1];
	struct gw_str windows = GW_STR("windows-cp"); /* "windows-cp1252" is iconv's "cp1252" */
	size_t i;

	if (!name.len || name.len > NAME_MOST)
		return false;
	for (i = 0; i < name.len; i++) {
		if (!is_name(name.ptr[i]))
			return false;
		text[i] = name.ptr[i];
	}
	text[i] = '\0';
	if (name.len > windows.len && gw_str_ieq(gw_str_n(name.ptr, windows.len), windows))
		return converts(text + windows.len - 2);
	return is_alias(name) || converts(text);
}

static bool is_known(struct masking *masking, struct gw_str name)
{
	if (!name.len || name.len > NAME_MOST)
		return false;
	if (!gw_str_eq(name, gw_str_n(masking->last, masking->last_len))) {
		memcpy(masking->last, name.ptr, name.len);
		masking->last_len = name.len;
		masking->last_known = charsets_has(name);
	}
	return masking->last_known;
}

/* What may be a name, from there on. */
static struct gw_str name_at(const char *at, const char *end)
{
	size_t len = 0;

	while (at + len < end && len <= NAME_MOST && is_name(at[len]))
		len++;
	return gw_str_n(at, len);
}

static bool is_at(const char *at, const char *end, const char *any)
{
	return at < end && *at && strchr(any, *at);
}

static const char *skip(const char *at, const char *end, const char *any)
{
	while (is_at(at, end, any))
		at++;
	return at;
}

/* --- encoded words --- */

/* GMime undoes quoting and folds before it looks for encoded words. */
static bool is_dropped(char c)
{
	return c == '\\' || c == '\x7f' || ((unsigned char)c < ' ' && c != '\t');
}

/* The last octet of the encoded word that begins there, "=?NAME*LANGUAGE?Q?TEXT?=", of a charset
 * that is known; NULL: none does. What GMime might take for one and is none has to go too, since
 * its charset is anybody's guess. */
static char *word_end(struct masking *masking, char *word, const char *end)
{
	struct gw_str name = name_at(word + 2, end);
	const char *at = name.ptr + name.len;

	if (is_at(at, end, "*"))
		at = name_at(at + 1, end).ptr + name_at(at + 1, end).len;
	if (end - at < 3 || at[0] != '?' || !is_at(at + 1, end, "BbQq") || at[2] != '?' ||
	    !is_known(masking, name))
		return NULL;
	for (at += 3; at < end && *at != '?' && *at != '\r' && *at != '\n';)
		at++;
	return is_at(at, end, "?") && is_at(at + 1, end, "=") ? word + (at + 1 - word) : NULL;
}

/* Those that begin before `stop`. */
static void mask_words(struct masking *masking, char *at, const char *stop, const char *end)
{
	while (at < stop && (at = memchr(at, '=', (size_t)(stop - at))) != NULL) {
		char *mark = at + 1, *last;

		while (mark < stop && is_dropped(*mark))
			mark++;
		last = mark == at + 1 && is_at(mark, stop, "?") ? word_end(masking, at, end) : NULL;
		if (!last && is_at(mark, stop, "?"))
			*mark = '_';
		at = last ? last : at + 1;
	}
}

/* --- parameters --- */

static bool ends_without(const char *at, const char *end, const char *any)
{
	const char *stop = end - at > VALUE_MOST ? at + VALUE_MOST : end;

	for (; at < stop && *at != ';'; at++)
		if (is_at(at, stop, any))
			return false;
	return at == end || at < stop;
}

/* Behind "name*=": CHARSET'LANGUAGE'VALUE, or no apostrophe at all. */
static bool is_fine_extended(struct masking *masking, const char *at, const char *end)
{
	const char *first = skip(at, end, " \t\r\n");
	bool quoted = is_at(first, end, "\"");
	struct gw_str name = name_at(first + quoted, end);

	if (is_at(name.ptr + name.len, end, "'"))
		return !name.len || is_known(masking, name);
	return ends_without(first, end, "'\"(\\");
}

/* The star of "name*=", "name*0=", "name*0*=", or of no such thing. */
static bool is_fine_star(struct masking *masking, const char *star, const char *end)
{
	const char *at = star + 1, *behind = skip(at, end, "0123456789");
	bool extended = behind == at;

	if (!is_at(at, end, "0123456789*=( \t\r\n"))
		return true;
	if (is_at(behind, end, "*")) {
		behind++;
		extended = true;
	}
	if (!is_at(behind, end, "="))
		return false;
	return !extended || is_fine_extended(masking, behind + 1, end);
}

/* Behind "charset". Parts of a name that are put together are never fine. */
static bool is_fine_charset(struct masking *masking, const char *at, const char *end)
{
	const char *first;
	struct gw_str name;

	if (!is_at(at, end, "*=( \t\r\n"))
		return true;
	at = skip(at, end, " \t\r\n");
	if (!is_at(at, end, "*=("))
		return true;
	if (*at != '=')
		return false;
	first = skip(at + 1, end, " \t\r\n");
	name = name_at(first + is_at(first, end, "\""), end);
	at = name.ptr + name.len;
	if (is_at(first, end, "\""))
		return is_at(at, end, "\"") && is_known(masking, name);
	at = skip(at, end, " \t\r\n");
	return (at == end || *at == ';') && is_known(masking, name);
}

static void mask_stars(struct masking *masking, char *at, const char *end)
{
	for (; (at = memchr(at, '*', (size_t)(end - at))) != NULL; at++)
		if (!is_fine_star(masking, at, end))
			*at = '_';
}

static void mask_charset(struct masking *masking, char *at, const char *end)
{
	static const struct gw_str word = GW_STR("charset");

	for (; (size_t)(end - at) >= word.len; at++)
		if (gw_str_ieq(gw_str_n(at, word.len), word) &&
		    !is_fine_charset(masking, at + word.len, end))
			*at = '_';
}

/* --- what GMime is given --- */

/* Behind the last '?' no word can begin: so a boundary that ends in "=?" stays what it is. */
static void mask_value_words(struct masking *masking, char *value, size_t len)
{
	const char *last = memrchr(value, '?', len);

	if (last)
		mask_words(masking, value, last, value + len);
}

void charsets_mask_words(char *value, size_t len)
{
	struct masking masking = { .last_len = 0 };

	mask_value_words(&masking, value, len);
}

void charsets_mask_parameters(char *value, size_t len)
{
	struct masking masking = { .last_len = 0 };

	mask_value_words(&masking, value, len);
	mask_stars(&masking, value, value + len);
}

/* The end of the field that begins there, with its folds. */
static char *field_end(char *at, char *end)
{
	while ((at = memchr(at, '\n', (size_t)(end - at))) != NULL) {
		at++;
		if (!is_at(at, end, " \t"))
			return at;
	}
	return end;
}

static bool begins_field(const char *at, const char *end)
{
	static const struct gw_str names[] = { GW_STR("content-type"),
					       GW_STR("content-disposition") };
	size_t i;

	at = skip(at, end, " \t\r");
	for (i = 0; i < 2; i++)
		if ((size_t)(end - at) > names[i].len &&
		    gw_str_ieq(gw_str_n(at, names[i].len), names[i]))
			return true;
	return false;
}

void charsets_mask_mail(char *mail, size_t len)
{
	struct masking masking = { .last_len = 0 };
	char *at = mail, *end = mail + len, *line;

	/* by its own octets and those of its line alone: a boundary is masked as its lines are */
	mask_words(&masking, mail, end, end);
	while (at < end) {
		line = at;
		if (begins_field(line, end)) {
			at = field_end(line, end);
			mask_charset(&masking, line, at);
			mask_stars(&masking, line, at);
		} else {
			at = memchr(line, '\n', (size_t)(end - line));
			at = at ? at + 1 : end;
		}
	}
}
