#include "choose.h"

/* --- what is left alone, wherever it stands in the body --- */

static bool is_type(const struct mime_part *part, const char *type)
{
	return strcmp(part->type, type) == 0;
}

static bool is_smime(const struct mime_part *part)
{
	return is_type(part, "application/pkcs7-mime") || is_type(part, "application/x-pkcs7-mime");
}

static bool is_signed_data(const struct mime_part *part)
{
	const char *kind = part->content_type ? g_mime_content_type_get_parameter(
							part->content_type, "smime-type")
					      : NULL;

	return kind && g_ascii_strcasecmp(kind, "signed-data") == 0;
}

/* RFC 5546: what an attendee sends back; an invitation itself is for people too. */
static bool is_calendar_answer(const struct mime_part *part)
{
	static const char *const answers[] = { "reply", "counter", "declinecounter", "refresh" };
	size_t i;

	if (!is_type(part, "text/calendar") || !part->method)
		return false;
	for (i = 0; i < G_N_ELEMENTS(answers); i++)
		if (g_ascii_strcasecmp(part->method, answers[i]) == 0)
			return true;
	return false;
}

static enum left must_stay(const struct mime_part *part)
{
	if (is_type(part, "multipart/signed"))
		return LEFT_SIGNED;
	if (is_type(part, "multipart/encrypted") || is_type(part, "application/pgp-encrypted"))
		return LEFT_ENCRYPTED;
	if (is_smime(part))
		return is_signed_data(part) ? LEFT_SIGNED : LEFT_ENCRYPTED;
	if (is_type(part, "multipart/report"))
		return LEFT_REPORT;
	return is_calendar_answer(part) ? LEFT_CALENDAR : LEFT_NOT;
}

/* --- the way to the text --- */

enum text_kind text_kind(const struct mime_part *part)
{
	if (is_type(part, "text/plain"))
		return TEXT_PLAIN;
	if (is_type(part, "text/html"))
		return TEXT_HTML;
	return is_type(part, "text/x-amp-html") ? TEXT_AMP : TEXT_OTHER;
}

struct choice {
	const struct mime *mime;
	struct chosen *chosen;
	enum left left;
	bool files; /* there is no other text: files that are shown in place count */
};

static void choose_in(struct choice *choice, size_t part);

static void choose_text(struct choice *choice, size_t nth)
{
	const struct mime_part *part = &choice->mime->parts[nth];

	if (text_kind(part) == TEXT_OTHER)
		return;
	if (!part->closed || part->encoding_unknown || choice->chosen->count == CHOSEN_MOST)
		choice->left = LEFT_ODD;
	else
		choice->chosen->parts[choice->chosen->count++] = nth;
}

/* The next part within `multipart`, behind `after`; 0: there are no more. */
static size_t next_child(const struct mime *mime, size_t multipart, size_t after)
{
	size_t i;

	for (i = after + 1; i < mime->count; i++)
		if (mime->parts[i].parent == (int)multipart)
			return i;
	return 0;
}

/* Of each form that a reader may choose. */
static void choose_all(struct choice *choice, size_t multipart)
{
	size_t child = multipart;

	while (!choice->left && (child = next_child(choice->mime, multipart, child)))
		choose_in(choice, child);
}

/* The text comes first, attachments follow. Other forms of it may be chosen before. */
static void choose_first(struct choice *choice, size_t multipart)
{
	size_t child = multipart, before = choice->chosen->count;

	while (!choice->left && choice->chosen->count == before &&
	       (child = next_child(choice->mime, multipart, child)))
		choose_in(choice, child);
}

/* RFC 2387: the part that `start` names, else the first. */
static void choose_root(struct choice *choice, size_t multipart)
{
	const char *start = choice->mime->parts[multipart].start;
	size_t first = next_child(choice->mime, multipart, multipart), child = first;

	while (start && child) {
		const char *id = choice->mime->parts[child].id;

		if (id && strcmp(id, start) == 0)
			break;
		child = next_child(choice->mime, multipart, child);
	}
	if (first)
		choose_in(choice, child ? child : first);
}

static void choose_multipart(struct choice *choice, size_t nth)
{
	const struct mime_part *part = &choice->mime->parts[nth];

	if (!part->boundary)
		choice->left = LEFT_ODD;
	else if (is_type(part, "multipart/alternative"))
		choose_all(choice, nth);
	else if (is_type(part, "multipart/related"))
		choose_root(choice, nth);
	else if (!is_type(part, "multipart/digest")) /* mails, which stay as they are */
		choose_first(choice, nth);
}

static void choose_in(struct choice *choice, size_t nth)
{
	const struct mime_part *part = &choice->mime->parts[nth];

	if (part->attached || (part->file && !choice->files))
		return;
	choice->left = must_stay(part);
	if (choice->left)
		return;
	if (mime_is_multipart(part))
		choose_multipart(choice, nth);
	else
		choose_text(choice, nth);
}

/* A calendar's answer is beside its text, at any place. */
static bool has_calendar_answer(const struct mime *mime)
{
	size_t i;

	for (i = 0; i < mime->count; i++)
		if (is_calendar_answer(&mime->parts[i]))
			return true;
	return false;
}

enum left choose(const struct mime *mime, struct chosen *chosen)
{
	struct choice choice = { .mime = mime, .chosen = chosen };

	chosen->count = 0;
	if (has_calendar_answer(mime))
		return LEFT_CALENDAR;
	choice.left = must_stay(&mime->parts[0]); /* S/MIME is sent as an attachment of its own */
	if (!choice.left)
		choose_in(&choice, 0);
	if (!choice.left && !chosen->count) {
		choice.files = true;
		choose_in(&choice, 0);
	}
	if (choice.left)
		chosen->count = 0;
	else if (!chosen->count)
		choice.left = LEFT_NO_TEXT;
	return choice.left;
}

/* --- words --- */

static const struct {
	const char *word, *words;
} names[LEFT_COUNT] = {
	[LEFT_NOT] = { "added", "it was added" },
	[LEFT_SIGNED] = { "signed", "the mail is signed (S/MIME or PGP)" },
	[LEFT_ENCRYPTED] = { "encrypted", "the mail is encrypted" },
	[LEFT_CALENDAR] = { "calendar", "the mail answers an invitation" },
	[LEFT_REPORT] = { "report", "the mail is a report" },
	[LEFT_NO_TEXT] = { "no-text", "no part of the mail is text for people" },
	[LEFT_ODD] = { "odd", "the mail is broken, so that its readers would not agree about it" },
	[LEFT_LARGE] = { "large", "the text of the mail is too large" },
	[LEFT_PRESENT] = { "present", "it is in the mail already" },
	[LEFT_DKIM] = { "dkim", "its sender signed the mail (DKIM)" },
};

const char *left_word(enum left left)
{
	return names[left].word;
}

const char *left_words(enum left left)
{
	return names[left].words;
}
