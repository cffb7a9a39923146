/* azure_people.c - the mailboxes of a field, as address and name. */
#include "addresses.h"
#include "azure.h"

#include "../common/encoded_words.h"

/* "Jane \"J\" Doe", without its quotes; NULL: a quote too many, or words that are encoded within
 * quotes, which some readers decode. */
static char *unquoted(struct gw_str text)
{
	GString *out = g_string_new(NULL);
	bool good = true;
	size_t i;

	for (i = 1; good && i + 1 < text.len; i++) {
		if (text.ptr[i] == '\\' && i + 2 < text.len)
			i++;
		else if (text.ptr[i] == '"' || text.ptr[i] == '\\')
			good = false;
		g_string_append_c(out, text.ptr[i]);
	}
	good = good && !strstr(out->str, "=?") && strlen(out->str) == out->len &&
	       g_utf8_validate(out->str, (gssize)out->len, NULL);
	return g_string_free(out, !good);
}

static bool is_plain(const char *name)
{
	for (; *name; name++)
		if ((unsigned char)*name < ' ' || *name == 127)
			return false;
	return true;
}

/* The name before the address, which may be empty; NULL: it can be read in more than one way. */
static char *name_of(const struct entry *entry)
{
	struct gw_str name = gw_str_n(entry->text.ptr,
				      (size_t)(entry->address.ptr - entry->text.ptr));
	struct gw_str rest = gw_str_from(entry->text, name.len + entry->address.len);
	char *text;

	name = gw_str_trim(name);
	if (name.len == 0)
		return gw_str_trim(rest).len == 0 ? g_strdup("") : NULL;
	if (name.ptr[name.len - 1] != '<' || !gw_str_eq(gw_str_trim(rest), gw_str(">")))
		return NULL;
	name = gw_str_trim(gw_str_n(name.ptr, name.len - 1));
	if (name.len > 1 && name.ptr[0] == '"' && name.ptr[name.len - 1] == '"')
		text = unquoted(name);
	else if (gw_str_find(name, '"') < name.len || gw_str_find(name, '(') < name.len)
		return NULL;
	else
		text = encoded_words_decode(name);
	if (text && is_plain(text))
		return text;
	g_free(text);
	return NULL;
}

static int put_one(struct gw_json *json, const struct entry *entry, const char *field,
		   struct refusal *refusal)
{
	char *name = name_of(entry);

	if (!name || !g_utf8_validate(entry->address.ptr, (gssize)entry->address.len, NULL)) {
		g_free(name);
		return azure_refuse(
			refusal, "a name in its %s field can be read in more than one way", field);
	}
	gw->json_begin(json, NULL, GW_JSON_OBJECT);
	gw->json_string(json, "address", entry->address);
	if (*name)
		gw->json_string(json, "displayName", gw_str(name));
	gw->json_end(json);
	g_free(name);
	return 0;
}

/* Groups have a name that no list of mailboxes can say. */
static int read_field(struct entries *entries, struct gw_str value, const char *name,
		      struct refusal *refusal)
{
	if (gw_str_find(value, ';') == value.len && entries_add(entries, value))
		return 0;
	return azure_refuse(
		refusal,
		"the addresses of its %s field are a group, or can be read in more than one way",
		name);
}

int azure_put_people(struct gw_json *json, const char *key, struct gw_str value, const char *name,
		     struct refusal *refusal)
{
	struct entries entries = { 0 };
	int put = read_field(&entries, value, name, refusal);
	size_t i;

	gw->json_begin(json, key, GW_JSON_ARRAY);
	for (i = 0; put == 0 && i < entries.count; i++)
		put = put_one(json, &entries.items[i], name, refusal);
	gw->json_end(json);
	if (put == 0 && entries.count == 0)
		put = azure_refuse(refusal, "its %s field names nobody", name);
	entries_finish(&entries);
	return put;
}

int azure_one_mailbox(struct gw_str value, const char *name, char **address, bool *named,
		      struct refusal *refusal)
{
	struct entries entries = { 0 };
	int read = read_field(&entries, value, name, refusal);

	if (read == 0 && entries.count != 1)
		read = azure_refuse(refusal, "its %s field names %zu mailboxes", name,
				    entries.count);
	if (read == 0) {
		*address = g_strndup(entries.items[0].address.ptr, entries.items[0].address.len);
		*named = entries.items[0].text.len > entries.items[0].address.len + 2;
	}
	entries_finish(&entries);
	return read;
}
