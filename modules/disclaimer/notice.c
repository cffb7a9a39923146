#include "notice.h"

#include "file.h"
#include "html.h"
#include "mark.h"

#define FILE_MOST (256 * 1024)
#define VALUE_MOST 500 /* octets that fill a place */

struct piece {
	GString *literal; /* NULL: it is a place */
	enum source source;
	char *field; /* of the header */
	int column;  /* of the people */
	char *otherwise;
};

static void piece_free(void *arg)
{
	struct piece *piece = arg;

	if (piece->literal)
		g_string_free(piece->literal, TRUE);
	g_free(piece->field);
	g_free(piece->otherwise);
	g_free(piece);
}

/* --- reading --- */

/* Its own lines end with CRLF, and none is empty at its end. */
static void add_literal(GPtrArray *pieces, struct gw_str text)
{
	struct piece *piece = g_new0(struct piece, 1);

	piece->literal = g_string_new_len(text.ptr, (gssize)text.len);
	g_string_replace(piece->literal, "\r\n", "\n", 0);
	g_string_replace(piece->literal, "\r", "\n", 0);
	g_ptr_array_add(pieces, piece);
}

static bool name_place(struct piece *piece, struct gw_str name, const struct people *people)
{
	static const struct {
		const char *name;
		enum source source;
	} plain[] = { { "from.name", SOURCE_NAME },
		      { "from.address", SOURCE_ADDRESS },
		      { "from.domain", SOURCE_DOMAIN } };
	size_t i;

	for (i = 0; i < G_N_ELEMENTS(plain); i++)
		if (gw_str_ieq(name, gw_str(plain[i].name))) {
			piece->source = plain[i].source;
			return true;
		}
	if (name.len > 7 && gw_str_ieq(gw_str_n(name.ptr, 7), gw_str("header."))) {
		piece->source = SOURCE_HEADER;
		piece->field = g_strndup(name.ptr + 7, name.len - 7);
		return true;
	}
	if (!people || name.len <= 7 || !gw_str_ieq(gw_str_n(name.ptr, 7), gw_str("person.")))
		return false;
	piece->source = SOURCE_PERSON;
	piece->column = people_column(people, gw_str_from(name, 7));
	return piece->column >= 0;
}

static bool add_place(GPtrArray *pieces, struct gw_str inside, const struct people *people)
{
	size_t bar = gw_str_find(inside, '|');
	struct piece *piece = g_new0(struct piece, 1);
	struct gw_str otherwise = gw_str_trim(gw_str_from(inside, bar + 1));

	piece->otherwise = g_strndup(otherwise.ptr, otherwise.len);
	g_ptr_array_add(pieces, piece);
	return name_place(piece, gw_str_trim(gw_str_n(inside.ptr, bar)), people);
}

/* False: `wrong` is what stands in the braces. */
static bool cut_up(GPtrArray *pieces, struct gw_str text, const struct people *people,
		   struct gw_str *wrong)
{
	while (text.len) {
		const char *open = memmem(text.ptr, text.len, "{{", 2);
		size_t before = open ? (size_t)(open - text.ptr) : text.len;
		const char *close;

		if (before)
			add_literal(pieces, gw_str_n(text.ptr, before));
		text = gw_str_from(text, before);
		if (!text.len)
			break;
		close = memmem(text.ptr, text.len, "}}", 2);
		*wrong = gw_str_n(text.ptr, close ? (size_t)(close - text.ptr) + 2 : text.len);
		if (!close || !add_place(pieces, gw_str_n(wrong->ptr + 2, wrong->len - 4), people))
			return false;
		text = gw_str_from(text, wrong->len);
	}
	return true;
}

/* NULL: `why` says what is wrong. `from` is where the text comes from. */
static GPtrArray *take_form(const char *from, struct gw_str text, const struct people *people,
			    char *why, size_t size)
{
	GPtrArray *pieces = g_ptr_array_new_with_free_func(piece_free);
	struct gw_str wrong = gw_str("");

	if (text.len > FILE_MOST || !g_utf8_validate_len(text.ptr, text.len, NULL))
		g_snprintf(why, size, "%s: it is no UTF-8, or larger than 256 KiB", from);
	else if (gw_str_trim(text).len == 0)
		g_snprintf(why, size, "%s: there is nothing in it", from);
	else if (!cut_up(pieces, gw_str_trim(text), people, &wrong))
		g_snprintf(why, size, "%s: \"%.*s\" is nothing that a mail fills in", from,
			   (int)MIN(wrong.len, 60), wrong.ptr);
	else
		return pieces;
	g_ptr_array_free(pieces, TRUE);
	return NULL;
}

static GPtrArray *read_file(const char *path, const struct people *people, char *why, size_t size)
{
	size_t len;
	char *text = file_read(path, FILE_MOST, &len, why, size);
	GPtrArray *pieces;

	if (!text)
		return NULL;
	pieces = take_form(path, gw_str_n(text, len), people, why, size);
	g_free(text);
	return pieces;
}

static GPtrArray *read_form(struct gw_str text, struct gw_str path, const char *name,
			    const struct people *people, char *why, size_t size)
{
	if (text.len && path.len) {
		g_snprintf(why, size, "%s and %s_file are two of one", name, name);
		return NULL;
	}
	return path.len ? read_file(path.ptr, people, why, size)
			: take_form(name, text, people, why, size);
}

/* A document within a document is shown as people do not expect. */
static bool is_fragment(const GPtrArray *pieces)
{
	guint i;

	for (i = 0; i < pieces->len; i++) {
		const struct piece *piece = pieces->pdata[i];
		char *small = piece->literal ? g_ascii_strdown(piece->literal->str, -1) : NULL;
		bool whole = small && (strstr(small, "<html") || strstr(small, "<body") ||
				       strstr(small, "</body") || strstr(small, "</html"));

		g_free(small);
		if (whole)
			return false;
	}
	return true;
}

static void free_mark(void *mark)
{
	g_string_free(mark, TRUE);
}

bool notice_read(struct notice *notice, const struct notice_source *source,
		 const struct people *people, char *why, size_t size)
{
	bool has_html = source->html.len || source->html_file.len;

	notice->marks = g_ptr_array_new_with_free_func(free_mark);
	notice->text = read_form(source->text, source->text_file, "text", people, why, size);
	if (!notice->text || !has_html)
		return notice->text != NULL;
	notice->html = read_form(source->html, source->html_file, "html", people, why, size);
	if (!notice->html || is_fragment(notice->html))
		return notice->html != NULL;
	g_snprintf(why, size, "html: only what stands within <body> belongs there");
	return false;
}

void notice_finish(struct notice *notice)
{
	GPtrArray *lists[] = { notice->text, notice->html, notice->marks };
	size_t i;

	for (i = 0; i < G_N_ELEMENTS(lists); i++)
		if (lists[i])
			g_ptr_array_free(lists[i], TRUE);
}

/* --- what it is known by --- */

static void add_mark(struct notice *notice, struct gw_str text)
{
	GString *mark = g_string_new(NULL);

	mark_of_lines(mark, text);
	if (mark->len >= MARK_LEAST)
		g_ptr_array_add(notice->marks, mark);
	else
		g_string_free(mark, TRUE);
}

/* What is filled in differs from mail to mail: it ends the line. */
static GString *literals(const GPtrArray *pieces)
{
	GString *all = g_string_new(NULL);
	guint i;

	for (i = 0; i < pieces->len; i++) {
		const struct piece *piece = pieces->pdata[i];

		g_string_append(all, piece->literal ? piece->literal->str : "\n");
	}
	return all;
}

bool notice_know(struct notice *notice, struct gw_str words)
{
	GString *text = literals(notice->text), *seen = g_string_new(NULL);

	if (words.len) {
		add_mark(notice, words);
	} else {
		add_mark(notice, gw_str_n(text->str, text->len));
		if (notice->html) {
			GString *html = literals(notice->html);

			html_text(seen, gw_str_n(html->str, html->len));
			g_string_free(html, TRUE);
			add_mark(notice, gw_str_n(seen->str, seen->len));
		}
	}
	g_string_free(text, TRUE);
	g_string_free(seen, TRUE);
	return notice->marks->len > 0;
}

/* --- a mail's words --- */

/* As one line of text, with one blank where there are several, or control characters. */
static char *clean(struct gw_str value)
{
	char *text = g_utf8_make_valid(value.ptr, (gssize)MIN(value.len, VALUE_MOST));
	char *from = text, *to = text;

	for (; *from; from++) {
		bool blank = (unsigned char)*from <= ' ' || *from == 127;

		if (!blank)
			*to++ = *from;
		else if (to > text && to[-1] != ' ')
			*to++ = ' ';
	}
	*to = '\0';
	return g_strchomp(text);
}

static char *fill(const struct piece *piece, const struct values *values)
{
	struct gw_str name = gw_str(values->author->name), value = gw_str("");
	struct gw_str address = gw_str(values->author->address);
	char *field = NULL, *text;

	if (piece->source == SOURCE_NAME)
		value = name.len ? name : address;
	else if (piece->source == SOURCE_ADDRESS)
		value = address;
	else if (piece->source == SOURCE_DOMAIN)
		value = domain_of(address);
	else if (piece->source == SOURCE_PERSON)
		value = people_cell(values->people, address, piece->column);
	else
		field = values->field(values->arg, piece->field);
	text = clean(field ? gw_str(field) : value);
	g_free(field);
	if (*text)
		return text;
	g_free(text);
	return g_strdup(piece->otherwise);
}

/* A line of text that is being put together. */
struct line {
	GString *out, *text;
	bool has_place, has_value;
};

static void end_line(struct line *line, bool last)
{
	if (!line->has_place || line->has_value) {
		g_string_append_len(line->out, line->text->str, (gssize)line->text->len);
		g_string_append(line->out, last ? "" : "\r\n");
	}
	g_string_truncate(line->text, 0);
	line->has_place = line->has_value = false;
}

static void add_lines(struct line *line, struct gw_str text)
{
	size_t len;

	for (; (len = gw_str_find(text, '\n')) < text.len; text = gw_str_from(text, len + 1)) {
		g_string_append_len(line->text, text.ptr, (gssize)len);
		end_line(line, false);
	}
	g_string_append_len(line->text, text.ptr, (gssize)text.len);
}

static GString *make_text(const GPtrArray *pieces, const struct values *values)
{
	struct line line = { .out = g_string_new(NULL), .text = g_string_new(NULL) };
	guint i;

	for (i = 0; i < pieces->len; i++) {
		const struct piece *piece = pieces->pdata[i];
		char *value;

		if (piece->literal) {
			add_lines(&line, gw_str_n(piece->literal->str, piece->literal->len));
			continue;
		}
		value = fill(piece, values);
		line.has_place = true;
		line.has_value |= *value != '\0';
		g_string_append(line.text, value);
		g_free(value);
	}
	end_line(&line, true);
	g_string_free(line.text, TRUE);
	while (line.out->len && gw_is_space(line.out->str[line.out->len - 1]))
		g_string_truncate(line.out, line.out->len - 1);
	return line.out;
}

#define BEGIN "<div class=\"gateway-notice\">"
#define END "</div>"

static GString *make_html(const GPtrArray *pieces, const struct values *values)
{
	GString *out = g_string_new(BEGIN);
	guint i;

	for (i = 0; i < pieces->len; i++) {
		const struct piece *piece = pieces->pdata[i];
		char *value;

		if (piece->literal) {
			g_string_append(out, piece->literal->str);
			continue;
		}
		value = fill(piece, values);
		html_escape(out, gw_str(value));
		g_free(value);
	}
	g_string_replace(out, "\n", "\r\n", 0);
	return g_string_append(out, END);
}

static GString *html_of_text(const GString *text)
{
	GString *out = g_string_new(BEGIN);

	html_escape(out, gw_str_n(text->str, text->len));
	g_string_replace(out, "\r\n", "<br>\r\n", 0);
	return g_string_append(out, END);
}

void notice_word(const struct notice *notice, const struct values *values, struct wording *wording)
{
	wording->top = notice->top;
	wording->text = make_text(notice->text, values);
	wording->amp = html_of_text(wording->text);
	wording->html = notice->html ? make_html(notice->html, values)
				     : html_of_text(wording->text);
}

void wording_finish(struct wording *wording)
{
	g_string_free(wording->text, TRUE);
	g_string_free(wording->html, TRUE);
	g_string_free(wording->amp, TRUE);
}
