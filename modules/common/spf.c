#include "spf_private.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

const char *const spf_results[SPF_RESULTS] = { "none",     "neutral",   "pass",     "fail",
					       "softfail", "temperror", "permerror" };

struct frame *spf_top(struct spf *spf)
{
	return &spf->frames[spf->depth - 1];
}

struct spf_term *spf_term(struct spf *spf)
{
	struct frame *frame = spf_top(spf);

	return &frame->record.terms[frame->at];
}

void spf_end(struct spf *spf, enum spf_result result, const char *why)
{
	spf->over = true;
	spf->asks = false;
	spf->result = result;
	if (why)
		snprintf(spf->why, sizeof spf->why, "%s", why);
}

void spf_permerror(struct spf *spf, const char *why)
{
	char text[sizeof spf->why];

	snprintf(text, sizeof text, "%s: %s", spf_top(spf)->domain, why);
	spf_end(spf, SPF_PERMERROR, text);
}

void spf_temperror(struct spf *spf, const struct gw_dns_answer *answer)
{
	char text[sizeof spf->why];

	snprintf(text, sizeof text, "%s: %.*s", spf->name, GW_STR_ARGS(answer->error));
	spf_end(spf, SPF_TEMPERROR, text);
}

void spf_ask(struct spf *spf, enum spf_stage stage, uint32_t type, const char *name)
{
	spf->stage = stage;
	spf->type = type;
	memmove(spf->name, name, strlen(name) + 1);
	spf->asks = true;
}

bool spf_count_lookup(struct spf *spf)
{
	if (++spf->lookups <= LOOKUPS_MOST)
		return true;
	spf_permerror(spf, "more than 10 terms need the DNS");
	return false;
}

/* --- names --- */

bool spf_is_within(const char *name, const char *domain)
{
	size_t len = strlen(name), end = strlen(domain);

	return len >= end && strcasecmp(name + len - end, domain) == 0 &&
	       (len == end || name[len - end - 1] == '.');
}

/* The name that proves itself best: the domain, else one below it, else any (section 7.3). */
static const char *validated_name(struct spf *spf)
{
	const char *domain = spf_top(spf)->domain, *below = NULL;
	size_t i;

	for (i = 0; i < spf->proved; i++) {
		const char *name = spf->names.items[i];

		if (strcasecmp(name, domain) == 0)
			return name;
		if (!below && spf_is_within(name, domain))
			below = name;
	}
	return below ? below : spf->proved ? spf->names.items[0] : "unknown";
}

static bool begin_names(struct spf *spf)
{
	char name[NETWORK_REVERSE];

	network_reverse_name(&spf->peer, name);
	spf_ask(spf, STAGE_PTR, GW_DNS_PTR, name);
	return false;
}

bool spf_values(struct spf *spf, struct gw_str text, struct spf_values *values)
{
	*values = (struct spf_values){ .sender = gw_str(spf->sender),
				       .local = gw_str(spf->local),
				       .sender_domain = gw_str(spf->sender_domain),
				       .domain = gw_str(spf_top(spf)->domain),
				       .helo = gw_str(spf->helo),
				       .validated = gw_str("unknown"),
				       .address = gw_str(spf->nibbles),
				       .six = spf->six,
				       .readable = gw_str(spf->readable),
				       .receiver = gw_str("unknown") };
	if (!spf_macro_has(text, 'p'))
		return true;
	if (!spf->names_known)
		return begin_names(spf);
	values->validated = gw_str(validated_name(spf));
	return true;
}

bool spf_expand(struct spf *spf, struct gw_str spec, char out[GW_DOMAIN_MAX + 1])
{
	struct spf_values values;

	if (spec.len == 0) {
		memmove(out, spf_top(spf)->domain, GW_DOMAIN_MAX + 1);
		return true;
	}
	if (spf->lists && spf_macro_has(spec, 0)) {
		spf_permerror(spf, "it has macros, which stand for something else in each message");
		return false;
	}
	if (!spf_values(spf, spec, &values))
		return false;
	/* a name that can be none is asked for, and is not there */
	if (!spf_macro_expand(spec, &values, out))
		strcpy(out, "invalid.");
	return true;
}

/* --- records --- */

static void begin_record(struct spf *spf, const char *domain)
{
	struct frame *frame = spf_top(spf);

	spf_record_finish(&frame->record);
	memmove(frame->domain, domain, strlen(domain) + 1);
	frame->redirected = false;
	frame->at = 0;
	spf_ask(spf, STAGE_RECORD, GW_DNS_TXT, frame->domain);
}

void spf_include(struct spf *spf, const char *domain)
{
	spf->depth++;
	begin_record(spf, domain);
}

void spf_next(struct spf *spf)
{
	spf_top(spf)->at++;
}

static void close_frame(struct spf *spf)
{
	spf_record_finish(&spf_top(spf)->record);
	spf->depth--;
}

/* What a record said is its include's match, or the result of all. */
static void say(struct spf *spf, enum spf_result result)
{
	if (spf->depth == 1) {
		if (result == SPF_FAIL)
			spf_fail(spf);
		else
			spf_end(spf, result, NULL);
		return;
	}
	close_frame(spf);
	switch (result) {
	case SPF_PASS:
		spf_matched(spf);
		break;
	case SPF_TEMPERROR:
	case SPF_PERMERROR:
		spf_end(spf, result, NULL);
		break;
	case SPF_NONE:
		spf_permerror(spf, "it includes a domain without SPF");
		break;
	default:
		spf_next(spf);
	}
}

static void note_match(struct spf *spf)
{
	const struct spf_term *term = spf_term(spf);
	const struct frame *frame = spf_top(spf);

	snprintf(spf->why, sizeof spf->why, "%c%s of %s", term->qualifier,
		 spf_mechanisms[term->mechanism], frame->domain);
}

void spf_matched(struct spf *spf)
{
	static const struct {
		char qualifier;
		enum spf_result result;
	} results[] = {
		{ '+', SPF_PASS }, { '-', SPF_FAIL }, { '~', SPF_SOFTFAIL }, { '?', SPF_NEUTRAL }
	};
	size_t i;

	note_match(spf);
	for (i = 0; results[i].qualifier != spf_term(spf)->qualifier; i++)
		;
	say(spf, results[i].result);
}

static void take_record(struct spf *spf, const struct gw_dns_answer *answer)
{
	struct frame *frame = spf_top(spf);
	struct gw_str record = { NULL, 0 };
	const char *flaw;
	size_t i, count = 0;

	for (i = 0; i < answer->records.count; i++)
		if (spf_is_record(answer->records.items[i])) {
			record = answer->records.items[i];
			count++;
		}
	if (count > 1) {
		spf_permerror(spf, "there is more than one record of SPF");
		return;
	}
	if (count == 0 && frame->redirected) {
		spf_permerror(spf, "it is redirected to, and has no SPF");
		return;
	}
	if (count == 0) {
		say(spf, SPF_NONE);
		return;
	}
	flaw = spf_record_read(&frame->record, record);
	if (flaw)
		spf_permerror(spf, flaw);
}

static void follow_redirect(struct spf *spf)
{
	char domain[GW_DOMAIN_MAX + 1];

	if (!spf_expand(spf, spf_top(spf)->record.redirect, domain) || !spf_count_lookup(spf))
		return;
	begin_record(spf, domain);
	spf_top(spf)->redirected = true; /* no record is an error there */
}

static void end_of_record(struct spf *spf)
{
	if (spf_top(spf)->record.redirect.len)
		follow_redirect(spf);
	else if (spf->lists && spf->depth == 1)
		spf_end(spf, SPF_PASS, NULL);
	else
		say(spf, SPF_NEUTRAL);
}

static void run(struct spf *spf)
{
	while (!spf->over && !spf->asks) {
		const struct frame *frame = spf_top(spf);

		if (spf->explains)
			spf_explain(spf);
		else if (frame->at == frame->record.count)
			end_of_record(spf);
		else
			spf_term_begin(spf);
	}
}

bool spf_question(const struct spf *spf, struct gw_dns_question *question)
{
	if (spf->over)
		return false;
	*question = (struct gw_dns_question){ .size = sizeof *question,
					      .type = spf->type,
					      .name = gw_str(spf->name) };
	return true;
}

static void note_ttl(struct spf *spf, const struct gw_dns_answer *answer)
{
	if (answer->status != GW_DNS_FAILED && answer->ttl < spf->ttl)
		spf->ttl = answer->ttl;
}

void spf_answer(struct spf *spf, const struct gw_dns_answer *answer)
{
	spf->asks = false;
	note_ttl(spf, answer);
	if (spf->stage == STAGE_EXPLANATION) {
		spf_explain_answer(spf, answer);
	} else if (spf->stage != STAGE_RECORD) {
		spf_term_answer(spf, answer);
	} else if (answer->status == GW_DNS_FAILED) {
		spf_temperror(spf, answer);
	} else {
		take_record(spf, answer);
	}
	run(spf);
}

/* --- its life --- */

static struct spf *create(bool lists)
{
	struct spf *spf = calloc(1, sizeof *spf);

	if (!spf)
		return NULL;
	spf->lists = lists;
	spf->ttl = INT32_MAX;
	return spf;
}

static bool copy(char *out, size_t size, struct gw_str text)
{
	if (text.len >= size || gw_str_has_nul(text)) {
		out[0] = '\0';
		return false;
	}
	memcpy(out, text.ptr, text.len);
	out[text.len] = '\0';
	return true;
}

/* Of two labels or more, none empty or too long (section 4.3); "" where it is none. */
static bool take_domain(char out[GW_DOMAIN_MAX + 1], struct gw_str domain)
{
	size_t i, label = 0, labels = 1;

	if (domain.len && domain.ptr[domain.len - 1] == '.')
		domain.len--;
	if (!copy(out, GW_DOMAIN_MAX + 1, domain))
		return false;
	for (i = 0; i < domain.len; i++) {
		label = domain.ptr[i] == '.' ? 0 : label + 1;
		labels += domain.ptr[i] == '.';
		if (label > 63 || strchr("[] ", domain.ptr[i]) ||
		    (label == 0 && (i == 0 || domain.ptr[i - 1] == '.')))
			return false;
	}
	return domain.len && labels > 1;
}

static void write_address(struct spf *spf)
{
	const unsigned char *bytes = spf->peer.bytes;
	size_t len = 0, i;

	inet_ntop(spf->six ? AF_INET6 : AF_INET, bytes + (spf->six ? 0 : 12), spf->readable,
		  sizeof spf->readable);
	if (!spf->six) {
		snprintf(spf->nibbles, sizeof spf->nibbles, "%u.%u.%u.%u", bytes[12], bytes[13],
			 bytes[14], bytes[15]);
		return;
	}
	for (i = 0; i < 16; i++)
		len += (size_t)snprintf(spf->nibbles + len, sizeof spf->nibbles - len, "%s%x.%x",
					i ? "." : "", bytes[i] >> 4, bytes[i] & 15);
}

/* Where the domain of the sender begins: behind the last '@'; 0: there is none. */
static size_t behind_at(struct gw_str sender)
{
	size_t at = sender.len;

	while (at && sender.ptr[at - 1] != '@')
		at--;
	return at;
}

static void take_sender(struct spf *spf, struct gw_str sender, struct gw_str domain)
{
	size_t at = behind_at(sender);
	struct gw_str local = at > 1 ? gw_str_n(sender.ptr, at - 1) : gw_str("postmaster");
	copy(spf->local, sizeof spf->local, local);
	snprintf(spf->sender, sizeof spf->sender, "%s@%.*s", spf->local, GW_STR_ARGS(domain));
	copy(spf->sender_domain, sizeof spf->sender_domain, domain);
}

struct spf *spf_check(struct gw_str address, struct gw_str helo, struct gw_str sender)
{
	struct spf *spf = create(false);
	struct gw_str domain = sender.len ? gw_str_from(sender, behind_at(sender)) : helo;
	char name[GW_DOMAIN_MAX + 1];

	if (!spf)
		return NULL;
	spf->depth = 1;
	copy(spf->helo, sizeof spf->helo, helo);
	take_sender(spf, sender, domain);
	if (!network_of_peer(&spf->peer, address) || !take_domain(name, domain)) {
		spf_end(spf, SPF_NONE, "there is no domain that could have a record");
		return spf;
	}
	spf->six = !network_is_four(&spf->peer);
	write_address(spf);
	begin_record(spf, name);
	return spf;
}

struct spf *spf_list(struct gw_str domain)
{
	struct spf *spf = create(true);
	char name[GW_DOMAIN_MAX + 1];

	if (!spf)
		return NULL;
	spf->depth = 1;
	if (take_domain(name, domain))
		begin_record(spf, name);
	else
		spf_end(spf, SPF_NONE, "that is no domain");
	return spf;
}

void spf_destroy(struct spf *spf)
{
	if (!spf)
		return;
	while (spf->depth)
		close_frame(spf);
	free(spf->networks);
	free(spf->words);
	free(spf);
}

enum spf_result spf_result(const struct spf *spf)
{
	return spf->result;
}

const char *spf_explanation(const struct spf *spf)
{
	return spf->explanation;
}

const char *spf_why(const struct spf *spf)
{
	return spf->why;
}

uint32_t spf_ttl(const struct spf *spf)
{
	return spf->ttl;
}

struct network *spf_take_networks(struct spf *spf, size_t *count)
{
	struct network *networks = spf->networks;

	*count = spf->count;
	spf->networks = NULL;
	spf->count = spf->room = 0;
	return networks;
}
