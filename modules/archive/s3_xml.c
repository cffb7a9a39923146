#include "s3_xml.h"

#include <string.h>

#define DEEP 16

struct reading {
	s3_element *element;
	void *arg;
	char names[DEEP + 1][64]; /* of the elements that are open, from 1 */
	size_t depth;
	bool leaf; /* nothing has ended in the innermost yet */
	GString *text;
};

static void on_start(GMarkupParseContext *context, const gchar *name, const gchar **keys,
		     const gchar **values, gpointer arg, GError **error)
{
	struct reading *reading = arg;

	(void)context;
	(void)keys;
	(void)values;
	if (reading->depth == DEEP) {
		g_set_error_literal(error, G_MARKUP_ERROR, G_MARKUP_ERROR_INVALID_CONTENT, "deep");
		return;
	}
	g_strlcpy(reading->names[++reading->depth], name, sizeof reading->names[0]);
	reading->leaf = true;
	g_string_truncate(reading->text, 0);
}

static void on_end(GMarkupParseContext *context, const gchar *name, gpointer arg, GError **error)
{
	struct reading *reading = arg;
	const char *parent = reading->names[--reading->depth];

	(void)context;
	(void)error;
	reading->element(reading->arg, parent, name, reading->leaf ? reading->text->str : NULL);
	reading->leaf = false;
}

static void on_text(GMarkupParseContext *context, const gchar *text, gsize len, gpointer arg,
		    GError **error)
{
	struct reading *reading = arg;

	(void)context;
	(void)error;
	g_string_append_len(reading->text, text, (gssize)len);
}

bool s3_xml_read(const char *text, size_t len, s3_element *element, void *arg)
{
	static const GMarkupParser parser = { .start_element = on_start,
					      .end_element = on_end,
					      .text = on_text };
	struct reading reading = { .element = element, .arg = arg, .text = g_string_new(NULL) };
	GMarkupParseContext *context = g_markup_parse_context_new(&parser, 0, &reading, NULL);
	bool good;

	good = g_markup_parse_context_parse(context, text, (gssize)len, NULL) &&
	       g_markup_parse_context_end_parse(context, NULL);
	g_markup_parse_context_free(context);
	g_string_free(reading.text, TRUE);
	return good;
}

struct finding {
	const char *name;
	char *found;
};

static void on_element(void *arg, const char *parent, const char *name, const char *text)
{
	struct finding *finding = arg;

	(void)parent;
	if (!finding->found && text && strcmp(name, finding->name) == 0)
		finding->found = g_strdup(text);
}

char *s3_xml_find(const char *text, size_t len, const char *name)
{
	struct finding finding = { .name = name };

	s3_xml_read(text, len, on_element, &finding);
	return finding.found;
}
