/* prove.c - SPF, DKIM and DMARC of each sender domain on each way from each address. */
#include "prove.h"

#include <gateway/domain.h>

#include <stdarg.h>
#include <stdio.h>

#define FIX_MAX 700
#define VERDICTS_MOST 4000 /* as many as a look may take of a worker's time */

void prove(const struct look *look)
{
	const struct finding nothing = { .sender = gw_str("") };

	prove_mail(look);
	prove_senders(look);
	prove_places(look);
	if (look->plan->is_cut || answers_are_cut(look->answers) ||
	    look->report->verdict_count == VERDICTS_MOST)
		report_finding(
			look->report, LEVEL_WARNING, &nothing, NULL,
			"there are more sender domains, relays, keys or addresses than are looked at");
	if (answers_open(look->answers) == 0 && look->report->lost)
		report_finding(look->report, LEVEL_WARNING, &nothing, NULL,
			       "memory was out: this is not all");
}

bool prove_is_known(const struct look *look, enum known known)
{
	look->report->untold |= known == FAILED;
	return known == KNOWN;
}

/* --- one verdict --- */

/* What one verdict is made of, with what people are told of it. */
struct trial {
	const struct look *look;
	const struct way *way;
	struct verdict verdict;
	struct gw_str return_domain; /* as a name of the DNS */
	char spf_why[WHY_MAX];
	enum known known;
	struct dmarc_walk walk;
	bool strict_spf, strict_dkim; /* how the sender's DMARC wants it aligned */
};

static void worse(struct trial *trial, enum known known)
{
	if (known > KNOWN && (trial->known == KNOWN || known == MISSING))
		trial->known = known;
}

static void try_spf(struct trial *trial)
{
	struct verdict *verdict = &trial->verdict;
	struct answers *answers = trial->look->answers;
	struct dmarc_walk other;

	worse(trial, known_spf_source(answers, trial->return_domain, verdict->address,
				      &verdict->spf, trial->spf_why));
	worse(trial, known_walk(answers, trial->return_domain, &other));
	if (trial->known == KNOWN)
		verdict->spf_aligned = dmarc_aligned(&trial->walk, verdict->sender, &other,
						     trial->return_domain, trial->strict_spf);
}

/* One key that verifies is enough; the best is told. */
static void try_key(struct trial *trial, const struct plan_key *key)
{
	struct verdict *verdict = &trial->verdict;
	struct answers *answers = trial->look->answers;
	enum dkim_result result;
	struct dmarc_walk other;
	char why[WHY_MAX] = "";

	worse(trial, known_key(answers, key, &result, why));
	worse(trial, known_walk(answers, key_domain(key), &other));
	if (trial->known != KNOWN)
		return;
	if (result == DKIM_PASS)
		verdict->dkim_aligned = verdict->dkim_aligned ||
					dmarc_aligned(&trial->walk, verdict->sender, &other,
						      key_domain(key), trial->strict_dkim);
	if (verdict->dkim != DKIM_PASS)
		verdict->dkim = result;
}

static void try_dkim(struct trial *trial)
{
	const struct plan *plan = trial->look->plan;
	size_t i;

	trial->verdict.dkim = DKIM_NONE;
	for (i = 0; trial->way->signs && i < plan->key_count; i++)
		if (gw_domain_in_words(trial->look->call, plan->keys[i].senders,
				       trial->verdict.sender))
			try_key(trial, &plan->keys[i]);
}

static void try_dmarc(struct trial *trial)
{
	struct verdict *verdict = &trial->verdict;
	const struct dmarc_record *record;
	bool exists;

	worse(trial, known_exists(trial->look->answers, verdict->sender, &exists));
	if (trial->known != KNOWN)
		return;
	verdict->policy = dmarc_policy(&trial->walk, exists, &record);
	verdict->is_test = record && record->testing;
	verdict->dmarc_pass = (verdict->spf == SPF_PASS && verdict->spf_aligned) ||
			      (verdict->dkim == DKIM_PASS && verdict->dkim_aligned);
	verdict->organisation = trial->walk.organisation;
	verdict->is_known = true;
}

/* --- what follows from it --- */

static struct finding about(const struct trial *trial)
{
	return (struct finding){ .sender = trial->verdict.sender,
				 .relay = trial->verdict.relay,
				 .address = trial->verdict.address };
}

static size_t add(char *out, size_t len, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static size_t add(char *out, size_t len, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (len < FIX_MAX)
		len += (size_t)vsnprintf(out + len, FIX_MAX - len, format, args);
	va_end(args);
	return len;
}

static size_t write_signing(const struct trial *trial, char out[FIX_MAX], size_t len)
{
	struct gw_str sender = trial->verdict.sender;

	return add(out, len,
		   "sign as %.*s: gatewayctl dkim keygen %.*s SELECTOR FOLDER, publish "
		   "the record, name the key in the fragment of dkim%s",
		   GW_STR_ARGS(sender), GW_STR_ARGS(sender),
		   trial->way->signs ? "" : ", and dkim = true on the relay");
}

static size_t write_return_path(const struct trial *trial, char out[FIX_MAX], size_t len)
{
	const struct verdict *verdict = &trial->verdict;
	char term[TERM_MAX];

	source_term(verdict->address, term);
	if (trial->way->mode == MODE_FROM || (verdict->spf_aligned && verdict->spf != SPF_PASS))
		return add(out, len, "add %s to the SPF record of %.*s", term,
			   GW_STR_ARGS(trial->return_domain));
	return add(out, len,
		   "let the return path be in %.*s or below it (return_path = \"own\" with a "
		   "bounce domain like bounce.%.*s), with %s in its SPF record",
		   GW_STR_ARGS(trial->walk.organisation), GW_STR_ARGS(trial->walk.organisation),
		   term);
}

/* What the ways out are: to sign, and to let the return path be one whose SPF passes; of these
 * those alone that are not gone already. Mass mail needs a DMARC record too. */
static void write_fixes(const struct trial *trial, char out[FIX_MAX])
{
	const struct verdict *verdict = &trial->verdict;
	bool signs = verdict->dkim == DKIM_PASS && verdict->dkim_aligned;
	bool returns = verdict->spf == SPF_PASS && verdict->spf_aligned;
	size_t len = 0;

	out[0] = '\0';
	if (!signs)
		len = write_signing(trial, out, add(out, len, "%s", returns ? "" : "1. "));
	if (!returns)
		len = write_return_path(trial, out, add(out, len, "%s", signs ? "" : "; 2. "));
	if (signs && returns && verdict->policy == DMARC_NO_POLICY)
		add(out, len, "publish _dmarc.%.*s TXT \"v=DMARC1; p=none\"",
		    GW_STR_ARGS(verdict->sender));
}

static void tell(const struct trial *trial, enum level level, const char *fix, const char *meaning)
{
	const struct verdict *verdict = &trial->verdict;
	const struct finding place = about(trial);
	char text[VERDICT_TEXT];

	report_verdict_text(verdict, text);
	report_finding(trial->look->report, level, &place, fix,
		       "%.*s through %.*s (return path %s: %.*s) from %.*s: %s: %s%s%s",
		       GW_STR_ARGS(verdict->sender), GW_STR_ARGS(verdict->relay),
		       modes[verdict->mode], GW_STR_ARGS(trial->return_domain),
		       GW_STR_ARGS(verdict->address), text, meaning,
		       trial->spf_why[0] && verdict->spf != SPF_PASS ? "; SPF: " : "",
		       verdict->spf != SPF_PASS ? trial->spf_why : "");
}

/* Who sends more than 5,000 a day, and who sends mass mail, has to have all of it. */
static void judge_mass(const struct trial *trial, const char *fix)
{
	const struct verdict *verdict = &trial->verdict;

	if (!trial->way->is_mass || (verdict->spf == SPF_PASS && verdict->dkim == DKIM_PASS &&
				     verdict->dmarc_pass && verdict->policy != DMARC_NO_POLICY))
		return;
	tell(trial, LEVEL_WARNING, fix,
	     trial->way->mode == MODE_KEEP && verdict->spf != SPF_PASS
		     ? "mass mail needs SPF and DKIM and DMARC: Microsoft answers 550 5.7.515, Gmail "
		       "and Yahoo 550 5.7.26; with the client's return path kept SPF cannot pass, with "
		       "return_path = \"own\" it does"
		     : "mass mail needs SPF and DKIM and DMARC: Microsoft answers 550 5.7.515, Gmail "
		       "and Yahoo 550 5.7.26");
}

static void judge(const struct trial *trial)
{
	const struct verdict *verdict = &trial->verdict;
	bool is_applied = verdict->policy >= DMARC_QUARANTINE && !verdict->is_test;
	char fix[FIX_MAX];

	write_fixes(trial, fix);
	if (!verdict->dmarc_pass && is_applied)
		tell(trial, LEVEL_ERROR, fix,
		     verdict->policy == DMARC_REJECT ? "receivers refuse it"
						     : "receivers take it for spam");
	else if (verdict->spf != SPF_PASS && verdict->dkim != DKIM_PASS)
		tell(trial, LEVEL_ERROR, fix,
		     "nothing authenticates it, and Gmail refuses it (550 5.7.26)");
	else if (verdict->spf == SPF_PERMERROR)
		tell(trial, LEVEL_ERROR, fix, "its SPF record is broken");
	else if (!verdict->dmarc_pass)
		tell(trial, LEVEL_WARNING, fix, "it passes, but not for the domain in From");
	else
		judge_mass(trial, fix);
}

static void read_alignment(struct trial *trial)
{
	const struct dmarc_record *record;

	dmarc_policy(&trial->walk, true, &record);
	trial->strict_spf = record && record->strict_spf;
	trial->strict_dkim = record && record->strict_dkim;
}

static void try_address(const struct look *look, const struct way *way, struct gw_str sender,
			struct gw_str address)
{
	struct trial trial = { .look = look, .way = way, .known = KNOWN };

	trial.return_domain = way->return_domain.len ? way->return_domain : sender;
	trial.verdict = (struct verdict){ .sender = sender,
					  .relay = way->relay,
					  .address = address,
					  .return_domain = trial.return_domain,
					  .mode = way->mode };
	worse(&trial, known_walk(look->answers, sender, &trial.walk));
	read_alignment(&trial);
	if (trial.known == KNOWN)
		try_spf(&trial);
	if (trial.known == KNOWN)
		try_dkim(&trial);
	if (trial.known == KNOWN)
		try_dmarc(&trial);
	report_verdict(look->report, &trial.verdict);
	if (prove_is_known(look, trial.known))
		judge(&trial);
	else if (trial.known == FAILED)
		tell(&trial, LEVEL_NOTE, NULL, "the name servers do not tell it now");
}

static void try_way(const struct look *look, const struct way *way, struct gw_str sender)
{
	const struct finding place = { .sender = sender, .relay = way->relay };
	size_t i;

	if (way->domains.count && !gw_domain_in_list(look->call, way->domains, sender))
		return;
	if (way->mode == MODE_OWN && way->return_domain.len == 0) {
		report_finding(look->report, LEVEL_ERROR, &place,
			       "say domain = \"...\" in the fragment of bounce",
			       "%.*s: return_path = \"own\", and there is no bounce domain",
			       GW_STR_ARGS(way->relay));
		return;
	}
	if (way->addresses.count == 0)
		report_finding(
			look->report, LEVEL_NOTE, &place, "say sends_from = [...] on the relay",
			"it is not known from which addresses %.*s sends", GW_STR_ARGS(way->relay));
	for (i = 0; i < way->addresses.count; i++)
		if (look->report->verdict_count < VERDICTS_MOST)
			try_address(look, way, sender, way->addresses.items[i]);
}

void prove_mail(const struct look *look)
{
	const struct plan *plan = look->plan;
	size_t i, j;

	for (i = 0; i < plan->sender_count; i++)
		for (j = 0; j < plan->way_count; j++)
			try_way(look, &plan->ways[j], plan->senders[i]);
}
