#include "letter.h"

#include "charset.h"

static void field_free(void *field)
{
	g_string_free(field, TRUE);
}

/* Octets of the field at the begin of `text`; 0: there is none. */
static size_t field_size(struct gw_str text)
{
	size_t end = 0, colon = gw_str_find(text, ':');

	if (colon >= gw_str_find(text, '\n'))
		return 0;
	do
		end += gw_str_find(gw_str_from(text, end), '\n') + 1;
	while (end < text.len && (text.ptr[end] == ' ' || text.ptr[end] == '\t'));
	return MIN(end, text.len);
}

static void take(struct letter *letter, struct gw_str text)
{
	size_t size;

	for (; (size = field_size(text)) != 0; text = gw_str_from(text, size))
		g_ptr_array_add(letter->fields, g_string_new_len(text.ptr, (gssize)size));
	letter->blank = text.len >= 2 && memcmp(text.ptr, "\r\n", 2) == 0;
	text = gw_str_from(text, letter->blank ? 2 : 0);
	letter->body = g_string_new_len(text.ptr, (gssize)text.len);
}

void letter_init(struct letter *letter, struct gw_str octets)
{
	GString *text = g_string_new_len(octets.ptr, (gssize)octets.len);

	letter->fields = g_ptr_array_new_with_free_func(field_free);
	if (!memmem(text->str, text->len, "\r\n", 2) && !memchr(text->str, '\0', text->len))
		g_string_replace(text, "\n", "\r\n", 0);
	take(letter, gw_str_n(text->str, text->len));
	g_string_free(text, TRUE);
}

void letter_finish(struct letter *letter)
{
	g_ptr_array_free(letter->fields, TRUE);
	g_string_free(letter->body, TRUE);
}

static struct gw_str name_of(const GString *field)
{
	struct gw_str whole = gw_str_n(field->str, field->len);

	return gw_str_n(whole.ptr, gw_str_find(whole, ':'));
}

static struct gw_str value_of(const GString *field)
{
	return gw_str_from(gw_str_n(field->str, field->len), name_of(field).len + 1);
}

struct gw_str letter_field(const struct letter *letter, const char *name)
{
	guint i;

	for (i = 0; i < letter->fields->len; i++)
		if (gw_str_ieq(name_of(letter->fields->pdata[i]), gw_str(name)))
			return value_of(letter->fields->pdata[i]);
	return gw_str_n(NULL, 0);
}

static long read_body(void *arg, uint64_t offset, void *out, size_t len)
{
	const struct letter *letter = arg;
	struct gw_str rest = gw_str_from(gw_str_n(letter->body->str, letter->body->len), offset);

	len = MIN(len, rest.len);
	memcpy(out, rest.ptr, len);
	return (long)len;
}

struct mail letter_mail(struct letter *letter)
{
	struct mail mail = { .size = letter->body->len, .read = read_body, .arg = letter };
	guint i;

	mime_part_init(&mail.message, -1);
	for (i = 0; i < letter->fields->len; i++)
		mime_take_field(&mail.message, name_of(letter->fields->pdata[i]),
				value_of(letter->fields->pdata[i]), i, 0);
	mail.odd = !letter->blank && letter->body->len;
	mail.eight_bit = !is_ascii(gw_str_n(letter->body->str, letter->body->len));
	return mail;
}

static void apply_field(struct letter *letter, const struct field_edit *edit)
{
	GString *field;

	if (edit->nth != PLAN_ADD)
		g_ptr_array_remove_index(letter->fields, (guint)edit->nth);
	if (!edit->value)
		return;
	field = g_string_new(NULL);
	g_string_printf(field, "%s: %s\r\n", edit->name, edit->value);
	g_ptr_array_insert(letter->fields, edit->nth == PLAN_ADD ? -1 : (gint)edit->nth, field);
}

void letter_apply(struct letter *letter, const struct plan *plan)
{
	guint i;

	for (i = 0; i < plan->splices->len; i++) {
		const struct splice *splice = &g_array_index(plan->splices, struct splice, i);

		g_string_erase(letter->body, (gssize)splice->offset, (gssize)splice->drop);
		g_string_insert_len(letter->body, (gssize)splice->offset, splice->text->str,
				    (gssize)splice->text->len);
	}
	for (i = 0; i < plan->fields->len; i++)
		apply_field(letter, &g_array_index(plan->fields, struct field_edit, i));
	letter->blank |= letter->body->len != 0;
}

void letter_write(const struct letter *letter, GString *out)
{
	guint i;

	for (i = 0; i < letter->fields->len; i++) {
		const GString *field = letter->fields->pdata[i];

		g_string_append_len(out, field->str, (gssize)field->len);
	}
	if (letter->blank)
		g_string_append(out, "\r\n");
	g_string_append_len(out, letter->body->str, (gssize)letter->body->len);
}
