#include "preview.h"

#include "author.h"
#include "field.h"
#include "letter.h"
#include "rules.h"

#define INPUT_MOST (1024 * 1024)

/* What is asked. */
struct question {
	struct subject subject;
	struct gw_str recipient;
};

/* False: a word is none of them. */
static bool take_words(struct question *question, struct gw_list words)
{
	struct {
		const char *word;
		struct gw_str *value;
	} known[] = { { "--to", &question->recipient },
		      { "--relay", &question->subject.relay },
		      { "--type", &question->subject.type },
		      { "--client", &question->subject.client } };
	size_t i, k;

	*question = (struct question){ { gw_str(""), gw_str(""), gw_str(""), gw_str("") },
				       gw_str("") };
	if (words.count % 2 == 0 || !gw_str_eq(words.items[0], gw_str("preview")))
		return false;
	for (i = 1; i < words.count; i += 2) {
		if (gw_str_eq(words.items[i], gw_str("--eml"))) /* it comes as input */
			continue;
		for (k = 0; k < G_N_ELEMENTS(known); k++)
			if (gw_str_eq(words.items[i], gw_str(known[k].word)))
				break;
		if (k == G_N_ELEMENTS(known))
			return false;
		*known[k].value = words.items[i + 1];
	}
	return true;
}

static void ask_for_mail(struct gw_call *call)
{
	struct gw_json *json = gw->json_create();

	gw->json_begin(json, NULL, GW_JSON_OBJECT);
	gw->json_number(json, "input", INPUT_MOST);
	gw->json_end(json);
	gw->answer_json(call, json);
}

static char *decoded_field(void *arg, const char *name)
{
	struct gw_str value = letter_field(arg, name);

	return value.ptr ? field_text(value) : NULL;
}

static struct composed *work_out(struct gw_call *call, struct letter *letter,
				 const struct author *author, const struct notice *notice)
{
	const struct disclaimer *disclaimer = gw->instance_data(call);
	struct values values = { author, decoded_field, letter, disclaimer->people };
	struct wording wording;
	struct composed *composed;
	struct mail mail = letter_mail(letter);

	notice_word(notice, &values, &wording);
	composed = compose(&mail, &wording, notice->marks);
	wording_finish(&wording);
	if (!composed->fault && !composed->left)
		letter_apply(letter, &composed->plan);
	return composed;
}

/* One sentence for people. */
static void tell(GString *out, size_t rule, const struct notice *notice,
		 const struct composed *composed)
{
	if (rule)
		g_string_append_printf(out, "rule %zu: ", rule);
	if (!notice)
		g_string_append(out, rule ? "no notice" : "no rule fits: no notice");
	else if (composed->fault)
		g_string_append_printf(out, "notice %s cannot be added: %s", notice->name.ptr,
				       mime_fault_words(composed->fault));
	else if (composed->left)
		g_string_append_printf(out, "notice %s is not added: %s", notice->name.ptr,
				       left_words(composed->left));
	else
		g_string_append_printf(out, "notice %s at the %s of %s", notice->name.ptr,
				       notice->top ? "top" : "bottom", composed->parts->str);
}

static void answer(struct gw_call *call, size_t rule, const struct notice *notice,
		   const struct composed *composed, const struct letter *letter)
{
	struct gw_json *json = gw->json_create();
	GString *text = g_string_new(NULL), *mail = g_string_new(NULL);
	bool added = composed && !composed->fault && !composed->left;

	tell(text, rule, notice, composed);
	letter_write(letter, mail);
	gw->json_begin(json, NULL, GW_JSON_OBJECT);
	gw->json_begin(json, "data", GW_JSON_OBJECT);
	gw->json_number(json, "rule", (int64_t)rule);
	gw->json_string(json, "notice", notice ? notice->name : gw_str("none"));
	gw->json_bool(json, "added", added);
	gw->json_string(json, "parts", gw_str(added ? composed->parts->str : ""));
	gw->json_string(json, "why", gw_str_n(text->str, text->len));
	gw->json_string(json, "mail", gw_str_n(mail->str, mail->len));
	gw->json_end(json);
	g_string_append(text, "\n\n");
	g_string_replace(mail, "\r\n", "\n", 0);
	g_string_append_len(text, mail->str, (gssize)mail->len);
	gw->json_string(json, "text", gw_str_n(text->str, text->len));
	gw->answer_json(call, json);
	g_string_free(text, TRUE);
	g_string_free(mail, TRUE);
}

static void show(struct gw_call *call, struct question *question, struct gw_str octets)
{
	const struct disclaimer *disclaimer = gw->instance_data(call);
	struct composed *composed = NULL;
	const struct notice *notice;
	struct author author, first;
	struct letter letter;
	size_t rule;

	letter_init(&letter, octets);
	author_read(&author, letter_field(&letter, "From"));
	author_read(&first, letter_field(&letter, "To"));
	question->subject.author = gw_str(author.address);
	if (!question->recipient.len)
		question->recipient = gw_str(first.address);
	rule = rules_find(call, disclaimer, &question->subject, question->recipient);
	notice = rules_notice(disclaimer, rule);
	if (notice)
		composed = work_out(call, &letter, &author, notice);
	answer(call, rule, notice, composed, &letter);
	composed_free(composed);
	letter_finish(&letter);
	author_finish(&author);
	author_finish(&first);
}

void preview(struct gw_call *call, const struct gw_command *command)
{
	struct question question;

	if (!take_words(&question, command->words))
		gw->problem(
			call, true,
			"say preview --eml FILE [--to ADDRESS] [--relay NAME] [--type TYPE] [--client NAME]");
	else if (!command->input.ptr)
		ask_for_mail(call);
	else if (!command->input.len)
		gw->problem(
			call, true,
			"there is no mail: name its file, --eml FILE, or give it on the standard input");
	else
		show(call, &question, command->input);
}
