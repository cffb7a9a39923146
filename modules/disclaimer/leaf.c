/* leaf.c - puts a notice into a text part. Where its charset has the notice's characters and its
 * encoding can carry them, or the part is HTML, octets are put in between and nothing else changes.
 * Else the part becomes UTF-8 as a whole: the same text, and the notice. */
#include "leaf.h"

#include "charset.h"
#include "html.h"
#include "mark.h"
#include "shifted.h"

#define LONGEST_LINE 990 /* of RFC 5321's 998, without its end */

static struct gw_str str_of(const GString *text)
{
	return gw_str_n(text->str, text->len);
}

/* --- reading --- */

/* Armour counts at the begin of a line. */
static bool has_line(const GString *text, const char *words)
{
	const char *at = text->str, *end = text->str + text->len;
	size_t len = strlen(words);

	while ((at = memmem(at, (size_t)(end - at), words, len)) != NULL) {
		if (at == text->str || at[-1] == '\n')
			return true;
		at += len;
	}
	return false;
}

/* Undeclared, or declared wrongly, most of the world means UTF-8. */
static void find_charset(struct leaf *leaf)
{
	struct gw_str text = str_of(leaf->decoded->text);

	leaf->charset = charset_name(leaf->part->charset);
	leaf->utf8 = leaf->charset ? charset_to_utf8(leaf->charset, text) : NULL;
	leaf->as_named = leaf->utf8 != NULL;
	if (leaf->charset && shifted_is(leaf->charset))
		leaf->shape = shifted_mask(text, &leaf->shifted);
	if (!leaf->utf8 && !leaf->shape && g_utf8_validate_len(text.ptr, text.len, NULL) &&
	    (!leaf->part->charset || charset_has_ascii(leaf->charset ? leaf->charset : "ASCII")))
		leaf->utf8 = g_string_new_len(text.ptr, (gssize)text.len);
}

enum left leaf_read(struct leaf *leaf, const struct mime_part *part, GString *raw)
{
	*leaf = (struct leaf){ .part = part, .kind = text_kind(part), .raw = raw };
	leaf->decoded = decode(code_of(part->encoding), str_of(raw));
	if (!leaf->decoded)
		return LEFT_ODD;
	find_charset(leaf);
	if (has_line(leaf->decoded->text, "-----BEGIN PGP MESSAGE-----"))
		return LEFT_ENCRYPTED;
	return has_line(leaf->decoded->text, "-----BEGIN PGP SIGNED MESSAGE-----") ? LEFT_SIGNED
										   : LEFT_NOT;
}

void leaf_finish(struct leaf *leaf)
{
	decoded_free(leaf->decoded);
	if (leaf->utf8)
		g_string_free(leaf->utf8, TRUE);
	if (leaf->shape)
		g_string_free(leaf->shape, TRUE);
	if (leaf->raw)
		g_string_free(leaf->raw, TRUE);
}

GString *leaf_mark(const struct leaf *leaf)
{
	const GString *text = leaf->utf8 ? leaf->utf8 : leaf->decoded->text;
	GString *seen, *mark = g_string_sized_new(text->len);

	if (leaf->kind == TEXT_PLAIN) {
		mark_add(mark, str_of(text));
		return mark;
	}
	seen = g_string_sized_new(text->len);
	html_text(seen, str_of(text));
	mark_add(mark, str_of(seen));
	g_string_free(seen, TRUE);
	return mark;
}

/* --- what is put in, and where --- */

static bool ends_line(struct gw_str text)
{
	return text.len && text.ptr[text.len - 1] == '\n';
}

/* Whether what is put at the end of the part has to end its line: the line end that is there may be
 * the boundary's. */
static bool must_end_line(const struct leaf *leaf)
{
	return ends_line(str_of(leaf->raw)) || leaf->part->parent < 0 || leaf->part->bare;
}

/* A flowed line goes on in the next one, RFC 3676: an empty one ends it. */
static bool flows_on(const struct leaf *leaf, struct gw_str text)
{
	text = ends_line(text) ? gw_str_n(text.ptr, text.len - 1) : text;
	if (text.len && text.ptr[text.len - 1] == '\r')
		text.len--;
	return leaf->part->flowed && text.len && text.ptr[text.len - 1] == ' ';
}

/* Lines that a flowed text would take for quoted or for its own blanks. */
static void add_flowed(GString *out, struct gw_str notice)
{
	while (notice.len) {
		size_t len = MIN(gw_str_find(notice, '\n') + 1, notice.len);
		struct gw_str line = gw_str_n(notice.ptr, len);
		struct gw_str text = line;

		while (text.len && gw_is_space(text.ptr[text.len - 1]))
			text.len--;
		if (text.len && strchr(" >F", *text.ptr))
			g_string_append_c(out, ' ');
		g_string_append_len(out, text.ptr, (gssize)text.len);
		if (ends_line(line))
			g_string_append(out, "\r\n");
		notice = gw_str_from(notice, len);
	}
}

static void add_notice(GString *out, const struct leaf *leaf, const struct wording *wording)
{
	if (leaf->part->flowed)
		add_flowed(out, str_of(wording->text));
	else
		g_string_append_len(out, wording->text->str, (gssize)wording->text->len);
}

/* `text`: what the part says, in which octets are not looked at but for line ends. */
static GString *plain_addition(const struct leaf *leaf, const struct wording *wording,
			       struct gw_str text)
{
	GString *out = g_string_new(NULL);

	if (wording->top) {
		add_notice(out, leaf, wording);
		return g_string_append(out, "\r\n\r\n");
	}
	if (text.len && !ends_line(text))
		g_string_append(out, "\r\n");
	if (flows_on(leaf, text))
		g_string_append(out, "\r\n");
	if (text.len)
		g_string_append(out, "\r\n");
	add_notice(out, leaf, wording);
	if (ends_line(text) || must_end_line(leaf))
		g_string_append(out, "\r\n");
	return out;
}

static GString *html_addition(const struct leaf *leaf, const struct wording *wording)
{
	const GString *html = leaf->kind == TEXT_AMP ? wording->amp : wording->html;
	GString *out = g_string_new("\r\n");

	g_string_append_len(out, html->str, (gssize)html->len);
	return g_string_append(out, "\r\n");
}

static GString *addition_to(const struct leaf *leaf, const struct wording *wording,
			    struct gw_str text)
{
	return leaf->kind == TEXT_PLAIN ? plain_addition(leaf, wording, text)
					: html_addition(leaf, wording);
}

static size_t place_in(const struct leaf *leaf, const struct wording *wording, struct gw_str text)
{
	if (leaf->kind != TEXT_PLAIN)
		return html_place(text, wording->top);
	return wording->top ? 0 : text.len;
}

/* --- between the octets that are there --- */

static bool has_long_line(struct gw_str text)
{
	while (text.len) {
		size_t len = gw_str_find(text, '\n');

		if (len > LONGEST_LINE)
			return true;
		text = gw_str_from(text, len + 1);
	}
	return false;
}

static bool may_be_eight_bit(const struct leaf *leaf, bool eight_bit)
{
	return leaf->decoded->code != CODE_PLAIN ||
	       (eight_bit && (leaf->part->encoding == GMIME_CONTENT_ENCODING_8BIT ||
			      leaf->part->encoding == GMIME_CONTENT_ENCODING_BINARY ||
			      !is_ascii(str_of(leaf->raw))));
}

/* The addition in the part's charset; NULL: it does not fit. A text that is not quite of its
 * charset is shown as that all the same. */
static GString *in_charset(const struct leaf *leaf, const GString *addition, bool eight_bit)
{
	GString *octets;

	if (is_ascii(str_of(addition)))
		return g_string_new_len(addition->str, (gssize)addition->len);
	octets = leaf->charset && (leaf->as_named || !leaf->utf8)
			 ? charset_from_utf8(leaf->charset, str_of(addition))
			 : NULL;
	if (!octets || is_ascii(str_of(octets)) || may_be_eight_bit(leaf, eight_bit))
		return octets;
	g_string_free(octets, TRUE);
	return NULL;
}

static GString *as_entities(const GString *addition)
{
	GString *out = g_string_new(NULL);

	if (html_ascii(out, str_of(addition)))
		return out;
	g_string_free(out, TRUE);
	return NULL;
}

/* NULL: it cannot be put between what is there. */
static GString *fit(const struct leaf *leaf, const GString *addition, bool eight_bit)
{
	GString *octets;

	if (leaf->charset && !charset_has_ascii(leaf->charset))
		return NULL;
	if (leaf->decoded->code == CODE_PLAIN && has_long_line(str_of(addition)))
		return NULL;
	octets = in_charset(leaf, addition, eight_bit);
	return octets || leaf->kind == TEXT_PLAIN ? octets : as_entities(addition);
}

static void splice_base64(const struct leaf *leaf, size_t at, const GString *octets,
			  struct plan *plan)
{
	GString *whole = g_string_new_len(leaf->decoded->text->str,
					  (gssize)leaf->decoded->text->len);
	GString *out = g_string_new(NULL);

	g_string_insert_len(whole, (gssize)at, octets->str, (gssize)octets->len);
	encode(out, CODE_BASE64, str_of(whole));
	g_string_free(whole, TRUE);
	if (!must_end_line(leaf))
		g_string_truncate(out, out->len - 2);
	plan_splice(plan, leaf->part->content, leaf->raw->len, out);
}

static void splice(const struct leaf *leaf, size_t at, const GString *octets, struct plan *plan)
{
	GString *out;

	if (leaf->decoded->code == CODE_BASE64) {
		splice_base64(leaf, at, octets, plan);
		return;
	}
	out = g_string_new(NULL);
	if (leaf->decoded->cut && at == leaf->decoded->text->len)
		g_string_append(out, "\r\n");
	encode(out, leaf->decoded->code, str_of(octets));
	plan_splice(plan, leaf->part->content + decoded_place(leaf->decoded, at), 0, out);
}

/* --- the part as a whole --- */

/* A value of GMime's as it stands in a header: line ends are CRLF, none at its end. */
static char *type_value(const struct leaf *leaf)
{
	GMimeContentType *type = leaf->part->content_type;
	GString *value;
	char *encoded;

	if (!type)
		return g_strdup("text/plain; charset=utf-8");
	g_mime_content_type_set_parameter(type, "charset", "utf-8");
	encoded = g_mime_content_type_encode(type, NULL);
	value = g_string_new(encoded);
	g_free(encoded);
	g_string_replace(value, "\n", "\r\n", 0);
	return g_strstrip(g_string_free(value, FALSE));
}

static void set_field(const struct leaf *leaf, const struct mime_field *field, const char *name,
		      char *value, struct plan *plan)
{
	GString *line;

	if (leaf->part->parent < 0) {
		plan_field(plan, field->at == MIME_NO_FIELD ? PLAN_ADD : field->at, name, value);
		return;
	}
	line = g_string_new(name);
	g_string_append_printf(line, ": %s\r\n", value);
	g_free(value);
	if (field->at == MIME_NO_FIELD)
		plan_splice(plan, leaf->part->header, 0, line);
	else
		plan_splice(plan, field->at, field->size, line);
}

static void rewrite(const struct leaf *leaf, const GString *whole, struct plan *plan)
{
	enum code code = leaf->decoded->code == CODE_BASE64 ? CODE_BASE64 : CODE_QUOTED;
	GString *out = g_string_new(NULL);

	encode(out, code, str_of(whole));
	if (code == CODE_BASE64 && !must_end_line(leaf))
		g_string_truncate(out, out->len - 2);
	plan_splice(plan, leaf->part->content, leaf->raw->len, out);
	if (leaf->part->parent < 0 && !leaf->part->versioned)
		plan_field(plan, PLAN_ADD, "MIME-Version", g_strdup("1.0"));
	set_field(leaf, &leaf->part->type_field, "Content-Type", type_value(leaf), plan);
	set_field(leaf, &leaf->part->encoding_field, "Content-Transfer-Encoding",
		  g_strdup(code == CODE_BASE64 ? "base64" : "quoted-printable"), plan);
}

static void edit_whole(const struct leaf *leaf, const struct wording *wording, struct plan *plan)
{
	GString *whole = g_string_new_len(leaf->utf8->str, (gssize)leaf->utf8->len);
	GString *addition = addition_to(leaf, wording, str_of(whole));

	g_string_insert_len(whole, (gssize)place_in(leaf, wording, str_of(whole)), addition->str,
			    (gssize)addition->len);
	rewrite(leaf, whole, plan);
	g_string_free(addition, TRUE);
	g_string_free(whole, TRUE);
}

/* --- all of it --- */

/* Nobody knows what the part says, but that ASCII is ASCII in it. */
static GString *as_ascii(const struct leaf *leaf, const GString *addition)
{
	char *ascii;
	GString *out;

	if (leaf->charset && !charset_has_ascii(leaf->charset))
		return NULL;
	ascii = g_str_to_ascii(addition->str, "C");
	out = g_string_new(ascii);
	g_free(ascii);
	return out;
}

static void drop_md5(const struct leaf *leaf, struct plan *plan)
{
	const struct mime_field *field = &leaf->part->md5_field;

	if (field->at == MIME_NO_FIELD)
		return;
	if (leaf->part->parent < 0)
		plan_field(plan, field->at, "Content-MD5", NULL);
	else
		plan_splice(plan, field->at, field->size, g_string_new(NULL));
}

enum left leaf_edit(const struct leaf *leaf, const struct wording *wording, bool eight_bit,
		    struct plan *plan)
{
	struct gw_str text = str_of(leaf->shape ? leaf->shape : leaf->decoded->text);
	GString *addition = addition_to(leaf, wording, text);
	GString *octets = fit(leaf, addition, eight_bit);
	size_t at = place_in(leaf, wording, text);
	bool whole = !octets && leaf->utf8;

	if (whole)
		edit_whole(leaf, wording, plan);
	else if (!octets)
		octets = as_ascii(leaf, addition);
	if (octets && leaf->shifted && at == text.len)
		g_string_prepend(octets, SHIFTED_TO_ASCII);
	if (octets)
		splice(leaf, at, octets, plan);
	g_string_free(addition, TRUE);
	if (octets)
		g_string_free(octets, TRUE);
	if (!octets && !whole)
		return LEFT_ODD;
	drop_md5(leaf, plan);
	return LEFT_NOT;
}
