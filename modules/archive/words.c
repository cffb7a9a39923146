#include "words.h"

#include "../common/parsed.h"

static void init(void)
{
	g_mime_init();
}

void words_init(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, init);
}

#define STACK                                                                                      \
	((size_t)16 * 1024 * 1024) /* the parser goes a call deeper with each part in a part */

int words_thread(pthread_t *thread, void *(*run)(void *arg), void *arg)
{
	pthread_attr_t attributes;
	int error;

	words_init();
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK);
	error = pthread_create(thread, &attributes, run, arg);
	pthread_attr_destroy(&attributes);
	return error;
}

/* --- text --- */

/* Only what a search could look for: a NUL or half a character is a blank. */
static void add(struct words *words, const char *text, gsize len)
{
	gsize room = WORDS_TEXT - MIN(words->text->len, WORDS_TEXT);
	char *valid = g_utf8_make_valid(text, (gssize)MIN(len, room));

	g_string_append(words->text, valid);
	g_string_append_c(words->text, '\n');
	g_free(valid);
}

/* What stands between tags; style and script are no words of anybody. */
static void add_html(struct words *words, const char *text, gsize len)
{
	GString *plain = g_string_sized_new(len);
	const char *at = text, *end = text + len;

	while (at < end) {
		const char *open = memchr(at, '<', (size_t)(end - at));
		const char *stop = open ? open : end;

		g_string_append_len(plain, at, stop - at);
		if (!open)
			break;
		if (g_ascii_strncasecmp(open, "<style", 6) == 0)
			stop = g_strstr_len(open, end - open, "</");
		else if (g_ascii_strncasecmp(open, "<script", 7) == 0)
			stop = g_strstr_len(open, end - open, "</script");
		stop = stop ? memchr(stop, '>', (size_t)(end - stop)) : NULL;
		g_string_append_c(plain, ' ');
		at = stop ? stop + 1 : end;
	}
	add(words, plain->str, plain->len);
	g_string_free(plain, TRUE);
}

/* --- parts --- */

static void take_text(struct words *words, GMimeTextPart *part, bool html)
{
	char *text = words->text->len < WORDS_TEXT ? g_mime_text_part_get_text(part) : NULL;

	if (text && html)
		add_html(words, text, strlen(text));
	else if (text)
		add(words, text, strlen(text));
	g_free(text);
}

static void add_piece(struct words *words, const char *name, GByteArray *octets)
{
	struct piece *piece = g_new0(struct piece, 1);

	piece->name = g_utf8_make_valid(name ? name : "", -1);
	piece->octets = octets;
	g_ptr_array_add(words->pieces, piece);
}

static void take_leaf(struct words *words, GMimePart *part, bool with_octets)
{
	const char *name = g_mime_part_get_filename(part);
	const char *disposition = g_mime_object_get_disposition(GMIME_OBJECT(part));
	GMimeContentType *type = g_mime_object_get_content_type(GMIME_OBJECT(part));
	bool attached = disposition && g_ascii_strcasecmp(disposition, "attachment") == 0;
	bool text = GMIME_IS_TEXT_PART(part) && !attached;
	char *mime = type ? g_mime_content_type_get_mime_type(type) : NULL;

	if (text)
		take_text(words, GMIME_TEXT_PART(part), g_str_has_suffix(mime ? mime : "", "html"));
	if (name || !text)
		add_piece(words, name, with_octets ? parsed_octets(part) : NULL);
	g_free(mime);
}

static void walk(struct words *words, GMimeObject *object, bool with_octets, unsigned depth)
{
	int i, count;

	if (!object || depth > WORDS_NESTED || words->parts++ > WORDS_PARTS)
		return;
	if (GMIME_IS_MULTIPART(object)) {
		count = g_mime_multipart_get_count(GMIME_MULTIPART(object));
		for (i = 0; i < count && words->parts <= WORDS_PARTS; i++)
			walk(words, g_mime_multipart_get_part(GMIME_MULTIPART(object), i),
			     with_octets, depth + 1);
	} else if (GMIME_IS_MESSAGE_PART(object)) {
		GMimeMessage *inner = g_mime_message_part_get_message(GMIME_MESSAGE_PART(object));

		if (inner && g_mime_message_get_subject(inner))
			add(words, g_mime_message_get_subject(inner),
			    strlen(g_mime_message_get_subject(inner)));
		if (inner)
			walk(words, g_mime_message_get_mime_part(inner), with_octets, depth + 1);
	} else if (GMIME_IS_PART(object)) {
		take_leaf(words, GMIME_PART(object), with_octets);
	}
}

/* --- authors --- */

static void take_authors(struct words *words, InternetAddressList *list)
{
	int i, count = list ? internet_address_list_length(list) : 0;

	for (i = 0; i < count && words->authors->len < WORDS_AUTHORS; i++) {
		InternetAddress *one = internet_address_list_get_address(list, i);

		if (INTERNET_ADDRESS_IS_GROUP(one))
			take_authors(words, internet_address_group_get_members(
						    INTERNET_ADDRESS_GROUP(one)));
		else if (internet_address_mailbox_get_addr(INTERNET_ADDRESS_MAILBOX(one)))
			g_ptr_array_add(words->authors,
					g_utf8_make_valid(internet_address_mailbox_get_addr(
								  INTERNET_ADDRESS_MAILBOX(one)),
							  -1));
	}
}

/* --- the whole --- */

/* The parser goes one call deeper with each part within a part. Each of them needs a field of its
 * own, and these are counted before it runs. */
static bool is_too_deep(struct gw_str mail)
{
	static const char field[] = "content-type";
	const char *at = mail.ptr, *end = mail.ptr + mail.len;
	unsigned count = 0;

	while (count <= WORDS_PARTS && (at = memchr(at, '\n', (size_t)(end - at))) != NULL) {
		at++;
		count += (size_t)(end - at) >= sizeof field &&
			 g_ascii_strncasecmp(at, field, sizeof field - 1) == 0;
	}
	return count > WORDS_PARTS;
}

static struct gw_str header_of(struct gw_str mail)
{
	const char *end = memmem(mail.ptr, mail.len, "\r\n\r\n", 4);

	return end ? gw_str_n(mail.ptr, (size_t)(end - mail.ptr) + 2) : mail;
}

static char *text_of(const char *text)
{
	return g_utf8_make_valid(text ? text : "", -1);
}

static void free_piece(gpointer arg)
{
	struct piece *piece = arg;

	g_free(piece->name);
	if (piece->octets)
		g_byte_array_unref(piece->octets);
	g_free(piece);
}

void words_read(struct words *words, struct gw_str mail, bool with_octets)
{
	bool whole = !is_too_deep(mail);
	/* a header is parsed as a mail of its own: nothing in it can nest */
	GMimeMessage *message = parsed_mail(whole ? mail : header_of(mail));

	*words = (struct words){ .text = g_string_new(NULL),
				 .authors = g_ptr_array_new_with_free_func(g_free),
				 .pieces = g_ptr_array_new_with_free_func(free_piece) };
	words->subject = text_of(message ? g_mime_message_get_subject(message) : NULL);
	words->message_id = text_of(message ? g_mime_message_get_message_id(message) : NULL);
	if (message) {
		take_authors(words, g_mime_message_get_from(message));
		take_authors(words, g_mime_message_get_sender(message));
	}
	if (message && whole)
		walk(words, g_mime_message_get_mime_part(message), with_octets, 0);
	if (message)
		g_object_unref(message);
}

void words_finish(struct words *words)
{
	g_free(words->subject);
	g_free(words->message_id);
	g_string_free(words->text, TRUE);
	g_ptr_array_unref(words->authors);
	g_ptr_array_unref(words->pieces);
}
