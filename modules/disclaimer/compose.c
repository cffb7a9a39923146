#include "compose.h"

#include "mark.h"

/* NULL: it cannot be read. */
static GString *read_raw(const struct mail *mail, const struct mime_part *part)
{
	size_t size = (size_t)(part->end - part->content);
	GString *raw = g_string_sized_new(size + 1);
	long got = mail->read(mail->arg, part->content, raw->str, size);

	if (got < 0 || (size_t)got != size) {
		g_string_free(raw, TRUE);
		return NULL;
	}
	g_string_set_size(raw, size);
	return raw;
}

static bool is_present(const struct leaf *leaf, const GPtrArray *marks)
{
	GString *text;
	bool present = false;
	guint i;

	if (!marks || !marks->len)
		return false;
	text = leaf_mark(leaf);
	for (i = 0; i < marks->len && !present; i++)
		present = mark_is_in(marks->pdata[i], text);
	g_string_free(text, TRUE);
	return present;
}

struct work {
	const struct mail *mail;
	const struct wording *wording;
	const GPtrArray *marks;
	struct composed *composed;
};

static enum left add_to(const struct work *work, const struct mime_part *part)
{
	struct composed *composed = work->composed;
	struct leaf leaf = { 0 };
	enum left left;
	GString *raw;

	if (part->end - part->content > COMPOSE_TEXT_MOST)
		return LEFT_LARGE;
	raw = read_raw(work->mail, part);
	if (!raw) {
		composed->fault = MIME_UNREADABLE;
		return LEFT_ODD;
	}
	left = leaf_read(&leaf, part, raw);
	if (!left && is_present(&leaf, work->marks))
		left = LEFT_PRESENT;
	if (!left)
		left = leaf_edit(&leaf, work->wording, work->mail->eight_bit, &composed->plan);
	leaf_finish(&leaf);
	g_string_append_printf(composed->parts, "%s%s", composed->parts->len ? ", " : "",
			       part->type);
	return left;
}

static void add(struct work *work, const struct mime *mime)
{
	struct composed *composed = work->composed;
	struct chosen chosen;
	size_t i;

	composed->left = work->mail->odd ? LEFT_ODD : choose(mime, &chosen);
	for (i = 0; !composed->left && i < chosen.count; i++)
		composed->left = add_to(work, &mime->parts[chosen.parts[i]]);
	plan_order(&composed->plan);
}

struct composed *compose(const struct mail *mail, const struct wording *wording,
			 const GPtrArray *marks)
{
	struct composed *composed = g_new0(struct composed, 1);
	struct work work = { mail, wording, marks, composed };
	struct mime mime;

	plan_init(&composed->plan);
	composed->parts = g_string_new(NULL);
	composed->fault = mime_scan(&mime, mail->message, mail->read, mail->arg, mail->size);
	if (!composed->fault)
		add(&work, &mime);
	mime_finish(&mime);
	return composed;
}

void composed_free(struct composed *composed)
{
	if (!composed)
		return;
	plan_finish(&composed->plan);
	g_string_free(composed->parts, TRUE);
	g_free(composed);
}
