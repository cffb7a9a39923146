/* Mails that are to get a notice: what is planned lies in the mail, its line ends are whole, and
 * the notice that came in is seen: the mail gets no second one. */
#include "fuzz.h"

#include "../../modules/disclaimer/letter.h"
#include "../../modules/disclaimer/mark.h"

#define WORDS "This mail is meant for those it is addressed to."

static void must_be_lines(const GString *text)
{
	gsize i;

	for (i = 0; i < text->len; i++) {
		must(text->str[i] != '\n' || (i > 0 && text->str[i - 1] == '\r'));
		must(text->str[i] != '\r' || text->str[i + 1] == '\n');
	}
}

/* One after the other they touch nothing twice. */
static void check(const struct letter *letter, const struct plan *plan)
{
	uint64_t end = letter->body->len;
	guint i;

	for (i = 0; i < plan->splices->len; i++) {
		const struct splice *splice = &g_array_index(plan->splices, struct splice, i);

		must(splice->offset + splice->drop <= end);
		must_be_lines(splice->text);
		end = splice->offset;
	}
	for (i = 0; i < plan->fields->len; i++) {
		uint64_t nth = g_array_index(plan->fields, struct field_edit, i).nth;

		must(nth == PLAN_ADD || nth < letter->fields->len);
	}
}

static struct composed *put_in(struct letter *letter, bool top, const GPtrArray *marks)
{
	struct wording wording = { g_string_new(WORDS), g_string_new("<p>" WORDS "</p>"),
				   g_string_new("<p>" WORDS "</p>"), top };
	struct mail mail = letter_mail(letter);
	struct composed *composed = compose(&mail, &wording, marks);

	g_string_free(wording.text, TRUE);
	g_string_free(wording.html, TRUE);
	g_string_free(wording.amp, TRUE);
	return composed;
}

static void put_in_twice(struct letter *letter, bool top, const GPtrArray *marks)
{
	struct composed *first = put_in(letter, top, marks), *second;

	if (!first->fault && !first->left) {
		check(letter, &first->plan);
		letter_apply(letter, &first->plan);
		second = put_in(letter, top, marks);
		must(!second->fault && second->left == LEFT_PRESENT);
		composed_free(second);
	}
	composed_free(first);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static GPtrArray *marks;
	struct gw_str octets = gw_str_n(data, size);
	bool top = take_byte(&octets) & 1;
	struct letter letter;

	if (!marks) {
		GString *mark = g_string_new(NULL);

		g_mime_init();
		mark_of_lines(mark, gw_str(WORDS));
		marks = g_ptr_array_new();
		g_ptr_array_add(marks, mark);
	}
	letter_init(&letter, octets);
	put_in_twice(&letter, top, marks);
	letter_finish(&letter);
	return 0;
}
