#include "dmarc.h"

const char *const dmarc_policies[] = { "no policy", "none", "quarantine", "reject" };

/* Of blanks alone, as the RFC has it: gw_str_trim() takes line ends too. */
static struct gw_str trim(struct gw_str text)
{
	while (text.len && (text.ptr[0] == ' ' || text.ptr[0] == '\t'))
		text = gw_str_from(text, 1);
	while (text.len && (text.ptr[text.len - 1] == ' ' || text.ptr[text.len - 1] == '\t'))
		text.len--;
	return text;
}

/* --- tags --- */

static void read_policy(struct dmarc_record *record, enum dmarc_policy *policy, struct gw_str value)
{
	enum dmarc_policy i;

	for (i = DMARC_POLICY_NONE; i <= DMARC_REJECT; i++)
		if (gw_str_ieq(value, gw_str(dmarc_policies[i]))) {
			*policy = i;
			return;
		}
	record->flaw = "a policy is none, quarantine or reject";
}

/* "x" or "y", of any case. */
static bool read_choice(struct dmarc_record *record, struct gw_str value, const char *yes,
			const char *no, const char *flaw)
{
	if (gw_str_ieq(value, gw_str(yes)))
		return true;
	if (!gw_str_ieq(value, gw_str(no)))
		record->flaw = flaw;
	return false;
}

static void read_psd(struct dmarc_record *record, struct gw_str value)
{
	if (gw_str_ieq(value, gw_str("u")))
		return;
	record->psd = read_choice(record, value, "y", "n", "psd is y, n or u") ? DMARC_PSD_YES
		      : gw_str_ieq(value, gw_str("n"))                         ? DMARC_PSD_NO
									       : DMARC_PSD_UNSAID;
}

static void read_tag(struct dmarc_record *record, struct gw_str name, struct gw_str value)
{
	if (gw_str_ieq(name, gw_str("p")))
		read_policy(record, &record->policy, value);
	else if (gw_str_ieq(name, gw_str("sp")))
		read_policy(record, &record->subdomains, value);
	else if (gw_str_ieq(name, gw_str("np")))
		read_policy(record, &record->nonexistent, value);
	else if (gw_str_ieq(name, gw_str("adkim")))
		record->strict_dkim = read_choice(record, value, "s", "r", "adkim is r or s");
	else if (gw_str_ieq(name, gw_str("aspf")))
		record->strict_spf = read_choice(record, value, "s", "r", "aspf is r or s");
	else if (gw_str_ieq(name, gw_str("t")))
		record->testing = read_choice(record, value, "y", "n", "t is y or n");
	else if (gw_str_ieq(name, gw_str("psd")))
		read_psd(record, value);
	else if (gw_str_ieq(name, gw_str("rua")))
		record->rua = value;
	else if (gw_str_ieq(name, gw_str("pct")) || gw_str_ieq(name, gw_str("rf")) ||
		 gw_str_ieq(name, gw_str("ri")))
		record->is_obsolete = true;
}

/* Takes "NAME = VALUE" off the text, with the ';' behind it; false: it is none. */
static bool take_tag(struct gw_str *text, struct gw_str *name, struct gw_str *value)
{
	struct gw_str tag = gw_str_n(text->ptr, gw_str_find(*text, ';'));
	size_t equals = gw_str_find(tag, '=');

	*text = gw_str_from(*text, tag.len < text->len ? tag.len + 1 : tag.len);
	*name = trim(gw_str_n(tag.ptr, equals));
	*value = trim(gw_str_from(tag, equals < tag.len ? equals + 1 : tag.len));
	return equals < tag.len && name->len;
}

bool dmarc_read(struct gw_str text, struct dmarc_record *record)
{
	struct gw_str name, value;

	*record = (struct dmarc_record){ .rua = gw_str("") };
	if (!take_tag(&text, &name, &value) || !gw_str_ieq(name, gw_str("v")) ||
	    !gw_str_eq(value, gw_str("DMARC1")))
		return false;
	while (text.len)
		if (take_tag(&text, &name, &value))
			read_tag(record, name, value);
	if (record->policy == DMARC_NO_POLICY) {
		record->policy = DMARC_POLICY_NONE;
		if (!record->flaw)
			record->flaw = "it says no policy (p=), which counts as none";
	}
	if (record->subdomains == DMARC_NO_POLICY)
		record->subdomains = record->policy;
	if (record->nonexistent == DMARC_NO_POLICY)
		record->nonexistent = record->subdomains;
	return true;
}

/* --- the walk --- */

static size_t count_labels(struct gw_str domain)
{
	size_t count = domain.len != 0, i;

	for (i = 0; i < domain.len; i++)
		count += domain.ptr[i] == '.';
	return count;
}

static struct gw_str parent(struct gw_str domain)
{
	size_t dot = gw_str_find(domain, '.');

	return gw_str_from(domain, dot < domain.len ? dot + 1 : dot);
}

/* After the domain itself at most seven labels are left. */
size_t dmarc_walk_names(struct gw_str domain, struct gw_str names[DMARC_QUERIES])
{
	size_t count = 0;

	while (domain.len && count < DMARC_QUERIES) {
		names[count++] = domain;
		do
			domain = parent(domain);
		while (count_labels(domain) >= DMARC_QUERIES);
	}
	return count;
}

/* The names of one walk with what was found at each; `shortest` is the last that has a record. */
struct found {
	struct gw_str names[DMARC_QUERIES];
	struct dmarc_record records[DMARC_QUERIES];
	bool has[DMARC_QUERIES];
	size_t count;
};

/* False: an answer is missing. Ends where a record says whose domain this is. */
static bool look(struct found *found, const struct dmarc_source *source)
{
	size_t i;

	for (i = 0; i < found->count; i++) {
		enum dmarc_answer answer = source->record(source->arg, found->names[i],
							  &found->records[i]);
		enum dmarc_psd psd = answer == DMARC_FOUND ? found->records[i].psd
							   : DMARC_PSD_UNSAID;

		if (answer == DMARC_UNKNOWN)
			return false;
		found->has[i] = answer == DMARC_FOUND;
		if (psd == DMARC_PSD_NO || (psd == DMARC_PSD_YES && i != 0)) {
			found->count = i + 1;
			return true;
		}
	}
	return true;
}

/* One label below a public suffix; else the shortest that has a record; else itself. The place of
 * its record, which may have none. */
static struct gw_str organisation(const struct found *found, size_t *place, size_t *suffix)
{
	size_t i, last = found->count;

	*suffix = *place = DMARC_QUERIES;
	for (i = 0; i < found->count; i++)
		if (found->has[i])
			last = i;
	if (last == found->count)
		return found->names[0];
	if (last == 0 || found->records[last].psd != DMARC_PSD_YES) {
		*place = last;
		return found->names[last];
	}
	*suffix = last;
	*place = last - 1;
	return found->names[last - 1];
}

/* Of eight and more labels the walk leaves some out: the one below a suffix may be among them. */
static struct gw_str below(struct gw_str domain, struct gw_str suffix)
{
	while (count_labels(domain) > count_labels(suffix) + 1)
		domain = parent(domain);
	return domain;
}

void dmarc_walk(struct gw_str domain, const struct dmarc_source *source, struct dmarc_walk *walk)
{
	struct found found = { .count = 0 };
	size_t place, suffix;

	*walk = (struct dmarc_walk){ .organisation = domain };
	found.count = dmarc_walk_names(domain, found.names);
	walk->is_known = found.count == 0 || look(&found, source);
	if (!walk->is_known || found.count == 0)
		return;
	walk->organisation = organisation(&found, &place, &suffix);
	walk->has_own = found.has[0];
	walk->own = found.records[0];
	if (suffix < DMARC_QUERIES) {
		walk->has_suffix = true;
		walk->suffix = found.records[suffix];
		walk->organisation = below(domain, found.names[suffix]);
	}
	if (place < DMARC_QUERIES && found.has[place] &&
	    gw_str_ieq(found.names[place], walk->organisation)) {
		walk->has_organisation = true;
		walk->org = found.records[place];
	}
}

enum dmarc_policy dmarc_policy(const struct dmarc_walk *walk, bool exists,
			       const struct dmarc_record **record)
{
	*record = walk->has_own            ? &walk->own
		  : walk->has_organisation ? &walk->org
		  : walk->has_suffix       ? &walk->suffix
					   : NULL;
	if (!*record)
		return DMARC_NO_POLICY;
	if (walk->has_own)
		return walk->own.policy;
	return exists ? (*record)->subdomains : (*record)->nonexistent;
}

bool dmarc_aligned(const struct dmarc_walk *author, struct gw_str from,
		   const struct dmarc_walk *other, struct gw_str domain, bool strict)
{
	if (gw_str_ieq(from, domain))
		return true;
	return !strict && gw_str_ieq(author->organisation, other->organisation);
}
