#include "dsn.h"

struct block {
	GString *final, *original, *action, *status, *diagnostic, *remote;
	GString *last; /* the field that a folded line goes on */
};

static const struct {
	const char *name;
	size_t offset;
} fields[] = {
	{ "Final-Recipient:", offsetof(struct block, final) },
	{ "Original-Recipient:", offsetof(struct block, original) },
	{ "X-Actual-Recipient:", offsetof(struct block, original) },
	{ "Action:", offsetof(struct block, action) },
	{ "Status:", offsetof(struct block, status) },
	{ "Diagnostic-Code:", offsetof(struct block, diagnostic) },
	{ "Remote-MTA:", offsetof(struct block, remote) },
};

static GString **member(struct block *block, size_t offset)
{
	return (GString **)(void *)((char *)block + offset);
}

static struct gw_str value_of(const GString *value)
{
	return value ? gw_str_trim(gw_str_n(value->str, value->len)) : gw_str("");
}

/* Without "smtp;", "rfc822;" and their like. */
static struct gw_str untyped(struct gw_str value)
{
	size_t len = gw_str_find(value, ';'), i;

	for (i = 0; i < len; i++)
		if (!g_ascii_isalnum(value.ptr[i]) && !strchr("-_ ", value.ptr[i]))
			return value;
	return len < value.len && len > 1 && len < 40 ? gw_str_trim(gw_str_from(value, len + 1))
						      : value;
}

static enum action action_of(struct gw_str word)
{
	static const char *const fine[] = { "delivered", "relayed", "expanded", "deliverable",
					    NULL };

	if (words_begin(word, "delayed"))
		return ACTION_DELAYED;
	return words_begin_with_one(word, fine) ? ACTION_DELIVERED : ACTION_FAILED;
}

/* All of the value, which may have other letters than ASCII (RFC 6533); else what looks like an
 * address in it. */
static struct gw_str address_in(struct gw_str value)
{
	struct gw_str all = untyped(value), address = words_address(value, value.ptr);

	if (all.len > 2 && all.ptr[0] == '<' && all.ptr[all.len - 1] == '>')
		all = gw_str_n(all.ptr + 1, all.len - 2);
	return address.ptr && address.ptr + address.len == all.ptr + all.len &&
			       address.ptr > all.ptr && !memchr(all.ptr, ' ', all.len)
		       ? all
		       : address;
}

static struct gw_str recipient_of(const struct block *block)
{
	struct gw_str address = address_in(value_of(block->final));

	return address.ptr ? address : address_in(value_of(block->original));
}

static void clear(struct block *block)
{
	size_t i;

	for (i = 0; i < G_N_ELEMENTS(fields); i++) {
		GString **field = member(block, fields[i].offset);
		if (*field)
			g_string_free(*field, TRUE);
		*field = NULL;
	}
	block->last = NULL;
}

static void end_block(struct block *block, struct findings *findings)
{
	struct gw_str recipient = recipient_of(block), status = value_of(block->status),
		      original = address_in(value_of(block->original));
	struct finding *finding = NULL;

	/* an address that is none ("@host", a pipe): the text may have the one it was sent to */
	if ((block->final || block->original) &&
	    (block->action || block->status || block->diagnostic))
		finding = findings_add(findings, recipient.ptr ? recipient : gw_str(""));
	if (finding) {
		if (original.ptr && original.len < ADDRESS_MAX)
			text_keep(finding->original, ADDRESS_MAX, original);
		finding->action = action_of(value_of(block->action));
		words_status(status, finding->status);
		text_keep(finding->diagnostic, DIAGNOSTIC_MAX,
			  untyped(value_of(block->diagnostic)));
		text_keep(finding->remote, sizeof finding->remote,
			  untyped(value_of(block->remote)));
	}
	clear(block);
}

static void take_field(struct block *block, struct findings *findings, struct gw_str line)
{
	size_t i, len;
	GString **field;

	block->last = NULL;
	if (words_begin(line, "Original-Envelope-Id:"))
		text_keep(findings->envelope_id, sizeof findings->envelope_id,
			  gw_str_from(line, 21));
	if (words_begin(line, "Reporting-MTA:"))
		text_keep(findings->reporting, sizeof findings->reporting,
			  untyped(gw_str_trim(gw_str_from(line, 14))));
	for (i = 0; i < G_N_ELEMENTS(fields); i++) {
		len = strlen(fields[i].name);
		field = member(block, fields[i].offset);
		if (!words_begin(line, fields[i].name))
			continue;
		/* the next recipient, where no blank line is between them */
		if (*field && field == &block->final)
			end_block(block, findings);
		if (*field && field != &block->diagnostic)
			return;
		if (!*field)
			*field = g_string_new(NULL);
		g_string_append_c(*field, ' ');
		g_string_append_len(*field, line.ptr + len, (gssize)(line.len - len));
		block->last = *field;
		return;
	}
}

void dsn_read(struct gw_str text, struct findings *findings)
{
	struct block block = { 0 };
	struct gw_str line;

	while (words_line(&text, &line)) {
		bool folded = line.len && (line.ptr[0] == ' ' || line.ptr[0] == '\t');

		if (gw_str_trim(line).len == 0)
			end_block(&block, findings);
		else if (!folded)
			take_field(&block, findings, line);
		else if (block.last)
			g_string_append_len(block.last, line.ptr, (gssize)line.len);
	}
	end_block(&block, findings);
}
