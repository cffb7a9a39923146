#include "notice.h"

#include "phrases.h"

#define PART_MAX 8192 /* octets of what is said of one recipient */

/* --- addresses and where they stand --- */

static struct gw_str before_of(const char *line, const char *address)
{
	struct gw_str before = gw_str_trim(gw_str_n(line, (size_t)(address - line)));

	while (before.len && strchr("<\"'([*>|-` \t", before.ptr[before.len - 1]))
		before.len--;
	return before;
}

/* It is the sender's, or somebody's who helps. */
static bool is_other(struct gw_str before)
{
	static const char *const others[] = { "from:",         "from",        "sender",
					      "sender:",       "reply-to:",   "mailto:",
					      "contact",       "contact:",    "postmaster",
					      "return-path:",  "message-id:", " by",
					      "envelope-from", "assistance",  NULL };
	size_t i;

	for (i = 0; others[i]; i++)
		if (words_end(before, others[i]))
			return true;
	return words_begin(before, "message-id") || words_begin(before, "in-reply-to") ||
	       words_begin(before, "references") || words_begin(before, "x-") ||
	       words_has(before, "http");
}

/* "<<< 550 5.1.1 <recipient>..." */
static bool is_reply(struct gw_str before)
{
	struct codes codes = words_codes(before);

	return codes.code && before.len - (size_t)(codes.at - before.ptr) <= 12 && before.len <= 16;
}

static bool is_strong(struct gw_str before)
{
	static const char *const ends[] = {
		"to",       "to:",      "recipient", "recipient:", "recipients:", "recipient(s):",
		"for",      "user",     "user:",     "address",    "address:",    "addresses:",
		"failed:",  "size:",    "userid:",   "attempts:",  "errors:",     "mailbox",
		"account",  "mailbox:", "email:",    "e-mail:",    "recipient :", "account:",
		"user id:", "unknown:", "deliver",   "username:",  NULL
	};
	size_t i;

	for (i = 0; ends[i]; i++)
		if (words_end(before, ends[i]))
			return true;
	return before.len == 0 || is_reply(before);
}

static const char *line_begin(struct gw_str text, const char *at)
{
	while (at > text.ptr && at[-1] != '\n')
		at--;
	return at;
}

void notice_read(struct notice *notice, struct gw_str text)
{
	const char *from = text.ptr, *line = text.ptr;
	struct gw_str address, before;

	notice->text = text;
	notice->count = 0;
	while (notice->count < MARKS_MAX && (address = words_address(text, from)).ptr) {
		const char *begin = line_begin(gw_str_n(from, (size_t)(text.ptr + text.len - from)),
					       address.ptr);
		line = begin > from || from == text.ptr ? begin : line;
		before = before_of(line, address.ptr);
		if (!is_other(before)) {
			struct mark *mark = &notice->marks[notice->count++];
			*mark = (struct mark){ address, line, is_strong(before) };
		}
		from = address.ptr + address.len;
	}
}

/* --- what it is about --- */

/* clang-format off */
static const char *const fails[] = {
	"not be delivered", "not delivered", "undeliver", "delivery fail", "failed to deliver",
	"unable to deliver", "wasn't able to deliver", "was not able to deliver",
	"delivery has failed", "delivery to the following", "permanent error", "permanent fatal",
	"permanent delivery", "delivery error", "delivery problem", "delivery status notification",
	"couldn't be delivered", "could not deliver", "can't be delivered", "cannot be delivered",
	"mail delivery", "were unable to", "trouble delivering", "returned to sender",
	"returning message", "transcript of session", "rejected by", "rejected recipient",
	"failed address", "failure reason", "error delivering", "attempting to deliver",
	"trying to deliver", "trying to send", "failed permanently", "did not reach", "didn't reach",
	"has been delayed", "is delayed", "not yet been delivered", "still being retried",
	"deliver your message", "your message to the following", "no valid recipients", "was aborted",
	"server message", "mailbox exceeds", "final delivery userid", "delivery failed",
	"invalid user address", "wasn't delivered", "problem delivering",
	"was not able to be delivered", "address not found", "mail system error", "returned mail",
	"did not accept", "not been delivered", "failed to be delivered",
	NULL
};
/* clang-format on */

/* A phrase may stand in two lines. */
static bool has_phrase(struct gw_str text, const char *const *words, const char *const *others)
{
	GString *line = g_string_sized_new(text.len);
	struct gw_str all;
	size_t i;
	bool has;

	for (i = 0; i < text.len; i++)
		if (!gw_is_space(text.ptr[i]))
			g_string_append_c(line, text.ptr[i]);
		else if (line->len && line->str[line->len - 1] != ' ')
			g_string_append_c(line, ' ');
	all = gw_str_n(line->str, line->len);
	has = words_have_one(all, words) || words_have_one(all, others);
	g_string_free(line, TRUE);
	return has;
}

bool notice_fails(struct gw_str text)
{
	return has_phrase(text, fails, phrases_fails);
}

bool notice_is_delay(struct gw_str text)
{
	static const char *const words[] = { "has been delayed",
					     "is delayed",
					     "not yet been delivered",
					     "still being retried",
					     "warning message only",
					     "this is a warning only",
					     "will be retried",
					     "temporary failure report",
					     "attempts will continue",
					     "keep trying",
					     NULL };

	return has_phrase(text, words, phrases_delay);
}

static void add_marks(const struct notice *notice, struct gw_str sender, bool strong,
		      struct findings *findings)
{
	size_t i;

	for (i = 0; i < notice->count; i++)
		if (notice->marks[i].strong >= strong &&
		    !gw_str_ieq(notice->marks[i].address, sender) &&
		    !words_begin(notice->marks[i].address, "postmaster@") &&
		    !words_begin(notice->marks[i].address, "mailer-daemon@"))
			findings_add(findings, notice->marks[i].address);
}

void notice_recipients(const struct notice *notice, struct gw_str sender, struct findings *findings)
{
	add_marks(notice, sender, true, findings);
	if (!findings->count)
		add_marks(notice, gw_str(""), true, findings);
	if (!findings->count)
		add_marks(notice, sender, false, findings);
}

/* --- his part --- */

static const struct mark *next_other(const struct notice *notice, const struct findings *findings,
				     const struct mark *mark)
{
	const struct mark *next = mark + 1, *end = notice->marks + notice->count;

	for (; next < end; next++)
		if (next->strong && next->line > mark->line &&
		    !gw_str_ieq(next->address, mark->address) &&
		    findings_of((struct findings *)findings, next->address))
			return next;
	return NULL;
}

static struct gw_str part_at(const struct notice *notice, const struct findings *findings,
			     const struct mark *mark)
{
	const struct mark *next = next_other(notice, findings, mark);
	const char *end = next ? next->line : notice->text.ptr + notice->text.len;

	if (end - mark->line > PART_MAX)
		end = mark->line + PART_MAX;
	return gw_str_n(mark->line, (size_t)(end - mark->line));
}

/* It says more than the address. */
static bool says_something(struct gw_str part, struct gw_str address)
{
	return gw_str_trim(part).len > address.len + 8;
}

/* The longest that holds a reply, else the longest. */
struct gw_str notice_part(const struct notice *notice, const struct findings *findings,
			  struct gw_str recipient)
{
	struct gw_str best = { NULL, 0 }, part;
	bool best_replies = false, replies;
	size_t i, looked = 0;

	if (findings->count == 1)
		return notice->text;
	for (i = 0; i < notice->count && looked < 8; i++) {
		if (!notice->marks[i].strong || !gw_str_ieq(notice->marks[i].address, recipient))
			continue;
		looked++;
		part = part_at(notice, findings, &notice->marks[i]);
		replies = words_codes(part).code != 0;
		if (says_something(part, recipient) && (!best.ptr || replies > best_replies)) {
			best = part;
			best_replies = replies;
		}
	}
	return best.ptr ? best : notice->text;
}

/* Up to the blank line behind it, or a line that begins another answer. */
struct gw_str notice_reply(struct gw_str text)
{
	struct codes codes = words_codes(text);
	struct gw_str rest, line;
	const char *end;

	if (!codes.at)
		return gw_str("");
	rest = gw_str_from(text, (size_t)(codes.at - text.ptr));
	end = rest.ptr + gw_str_find(rest, '\n');
	words_line(&rest, &line);
	while (words_line(&rest, &line) && gw_str_trim(line).len &&
	       !words_begin(gw_str_trim(line), "---") && !words_begin(gw_str_trim(line), ">>>"))
		end = line.ptr + line.len;
	return gw_str_n(codes.at, (size_t)(end - codes.at));
}
