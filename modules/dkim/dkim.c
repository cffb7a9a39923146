/* dkim.c - signs what goes out, as its author's domain. The last of the modules that edit: what is
 * changed after it breaks the signature. */
#include "control.h"
#include "job.h"
#include "rotate.h"

#include <gateway/domain.h>

#include <stdio.h>
#include <stdlib.h>

struct key_conf {
	struct gw_str domain, selector, path;
	int64_t algorithm;
	bool subdomains;
	struct gw_str from, until;
};

enum missing { MISSING_PASS, MISSING_WAIT, MISSING_REJECT };

struct dkim_conf {
	struct gw_groups keys;
	struct gw_list sign, oversign;
	int64_t expire, missing, unbound, published, check, keep;
	struct gw_str folder;
};

enum unbound { UNBOUND_SIGN, UNBOUND_PASS };
enum published { PUBLISHED_ANY, PUBLISHED_REQUIRED };

struct dkim_relay {
	bool sign;
	struct gw_list domains; /* routing's, looked at for domains without a key */
};

/* --- start and stop --- */

static char *ascii_copy(const struct gw_call *call, struct gw_str domain)
{
	char name[GW_DOMAIN_MAX + 1];

	return gw->domain_ascii(call, domain, name) < 0 ? NULL : strdup(name);
}

/* What is wrong with the order-th of the keys, and which of its options is to blame. */
static void tell_key(struct gw_call *call, size_t order, const char *option, bool fatal,
		     const char *text)
{
	char place[48];

	snprintf(place, sizeof place, "keys[%zu].%s", order, option);
	gw->problem_at(call, NULL, place, fatal, "%s", text);
}

static bool name_good(struct gw_call *call, const struct key_conf *conf, size_t order)
{
	char name[GW_DOMAIN_MAX + 1], text[400];
	bool good = gw->domain_ascii(call, conf->domain, name) >= 0 && key_name_ok(gw_str(name));

	if (good && key_name_ok(conf->selector))
		return true;
	snprintf(text, sizeof text,
		 "domain \"%s\", selector \"%s\": labels of letters, digits and hyphens are needed",
		 conf->domain.ptr, conf->selector.ptr);
	tell_key(call, order, good ? "selector" : "domain", true, text);
	return false;
}

static void tell_fault(struct gw_call *call, const struct key *key, const struct key_fault *fault)
{
	char text[sizeof fault->text + GW_DOMAIN_MAX + 3];

	if (!fault->text[0])
		return;
	snprintf(text, sizeof text, "%s: %s", key->domain, fault->text);
	tell_key(call, key->order, "key", fault->fatal, text);
}

static bool take_days(struct gw_call *call, struct key *key, const struct key_conf *conf)
{
	bool from = life_day(conf->from, &key->from), until = life_day(conf->until, &key->until);

	if (from && until && !(key->until && key->until <= key->from))
		return true;
	tell_key(call, key->order, from ? "until" : "from", true,
		 from && until ? "until is a day after from"
			       : "a day is written as \"2026-12-01\"");
	return false;
}

static bool load_key(struct gw_call *call, struct signer *signer, const struct key_conf *conf,
		     size_t order)
{
	struct key *key = &signer->keys[signer->key_count++];
	struct key_fault fault;
	bool good;

	if (!name_good(call, conf, order))
		return false;
	key->order = order;
	key->subdomains = conf->subdomains;
	key->domain = ascii_copy(call, conf->domain);
	key->selector = strndup(conf->selector.ptr, conf->selector.len);
	if (!key->domain || !key->selector)
		return false;
	if (!take_days(call, key, conf))
		return false;
	good = key_load(key, conf->path.ptr, (enum key_algorithm)conf->algorithm, &fault);
	tell_fault(call, key, &fault);
	return good;
}

/* Every key is tried, so that one start tells all that is wrong. */
static bool load_keys(struct gw_call *call, struct signer *signer, const struct gw_groups *groups,
		      const struct rotation *rotation)
{
	const struct key_conf *confs = groups->items;
	const char *together;
	bool good = true;
	char fault[400];
	size_t i;

	signer->keys = calloc(groups->count + rotation->count + 1, sizeof *signer->keys);
	if (!signer->keys)
		return false;
	for (i = 0; i < groups->count; i++)
		good &= load_key(call, signer, &confs[i], i);
	if (!good || !rotate_load(call, rotation, signer))
		return false;
	together = signer_order(signer, fault);
	if (together)
		gw->problem_at(call, NULL, "keys", true, "%s", together);
	return !together;
}

static bool add_names(struct gw_call *call, struct signer *signer, const char *option,
		      const struct gw_list *list, bool over)
{
	bool good = true;
	size_t i;

	for (i = 0; i < list->count; i++) {
		if (signer_add_name(signer, list->items[i], over))
			continue;
		gw->problem_at(
			call, NULL, option, true,
			"%s: \"%s\" is no name of a field that can be signed, or is one name too many (%d)",
			option, list->items[i].ptr, NAMES_MAX);
		good = false;
	}
	return good;
}

/* From must be signed, and a second From is what a forger adds first. */
static bool load_names(struct gw_call *call, struct signer *signer, const struct dkim_conf *conf)
{
	return signer_add_name(signer, gw_str("from"), true) &&
	       add_names(call, signer, "sign", &conf->sign, false) &&
	       add_names(call, signer, "oversign", &conf->oversign, true);
}

/* `parent` begins with the dot. */
static bool has_key_below(const struct signer *signer, const char *parent)
{
	size_t i, tail = strlen(parent);

	for (i = 0; i < signer->key_count; i++) {
		size_t len = strlen(signer->keys[i].domain);

		if (len > tail && strcmp(signer->keys[i].domain + len - tail, parent) == 0)
			return true;
	}
	return false;
}

/* A pattern "*.example.com" is where a key below it is, or one above signs for what is below; of
 * "*" nothing is known. */
static bool may_be_signed(struct gw_call *call, const struct signer *signer, struct gw_str pattern)
{
	bool below = pattern.len > 2 && pattern.ptr[0] == '*' && pattern.ptr[1] == '.';
	char name[2 + GW_DOMAIN_MAX + 1] = "*.";
	const struct key *keys;

	if (gw->domain_ascii(call, gw_str_from(pattern, below ? 2 : 0), name + 2) < 0)
		return true;
	return signer_keys(signer, gw_str(below ? name : name + 2), &keys) != 0 ||
	       (below && has_key_below(signer, name + 1));
}

/* Mail of a domain without a key leaves unsigned, and nobody sees it but those who do not get it.
 */
static void check_relay(struct gw_call *call, const struct signer *signer,
			const struct gw_relay *relay)
{
	const struct dkim_relay *conf = gw->relay_conf(call, relay);
	size_t i;

	for (i = 0; conf && conf->sign && i < conf->domains.count; i++) {
		if (may_be_signed(call, signer, conf->domains.items[i]))
			continue;
		gw->problem_at(call, relay, "domains", false,
			       "no DKIM key signs for %.*s: its mail leaves unsigned",
			       GW_STR_ARGS(conf->domains.items[i]));
	}
}

#define WARNINGS_MOST 20

/* What was told of, so that a domain that many clients have is told once. */
struct client_check {
	struct gw_call *call;
	const struct signer *signer;
	char told[WARNINGS_MOST][GW_DOMAIN_MAX + 1];
	size_t count;
};

static bool is_told(const struct client_check *check, struct gw_str domain)
{
	size_t i;

	for (i = 0; i < check->count; i++)
		if (gw_str_ieq(gw_str(check->told[i]), domain))
			return true;
	return false;
}

static void tell_unsigned(struct client_check *check, struct gw_str domain,
			  const struct gw_client *client)
{
	snprintf(check->told[check->count++], GW_DOMAIN_MAX + 1, "%.*s", GW_STR_ARGS(domain));
	gw->problem_at(
		check->call, NULL, "keys", false,
		"no DKIM key signs for %.*s, a sender domain of client %.*s: its mail leaves unsigned",
		GW_STR_ARGS(domain), GW_STR_ARGS(client->name));
}

static bool check_client(void *arg, const struct gw_client *client)
{
	struct client_check *check = arg;
	struct gw_str left = client->domains, domain;

	for (; left.len && check->count < WARNINGS_MOST; left = gw_str_from(left, domain.len + 1)) {
		domain = gw_str_n(left.ptr, gw_str_find(left, ' '));
		if (domain.len && domain.len <= GW_DOMAIN_MAX && !is_told(check, domain) &&
		    !may_be_signed(check->call, check->signer, domain))
			tell_unsigned(check, domain, client);
	}
	return check->count < WARNINGS_MOST;
}

/* Domains that no relay names, since routing goes by other things. */
static void check_clients(struct gw_call *call, const struct signer *signer)
{
	struct client_check check = { .call = call, .signer = signer };

	gw->client_each(call, check_client, &check);
}

struct edit_check {
	struct gw_call *call;
	const struct signer *signer;
	bool good;
};

/* What is changed of a mail breaks the signature that it came with: without one of ours it has
 * none. */
static bool check_edit(void *arg, const struct gw_edit *edit)
{
	struct edit_check *check = arg;
	const struct dkim_relay *conf = edit->relay ? gw->relay_conf(check->call, edit->relay)
						    : NULL;

	if (conf && !conf->sign)
		gw->problem_at(check->call, edit->relay, "dkim", true,
			       "%.*s changes mail that goes this way: it has to be signed",
			       GW_STR_ARGS(edit->by));
	else if (edit->domain.len && !may_be_signed(check->call, check->signer, edit->domain))
		gw->problem_at(
			check->call, NULL, "keys", true,
			"no DKIM key signs for %.*s, whose mail %.*s changes: the signature it came with is broken then",
			GW_STR_ARGS(edit->domain), GW_STR_ARGS(edit->by));
	else
		return true;
	check->good = false;
	return true;
}

static bool check_edits(struct gw_call *call, const struct signer *signer)
{
	struct edit_check check = { .call = call, .signer = signer, .good = true };

	gw->edit_each(call, check_edit, &check);
	return check.good;
}

static size_t count_domains(const struct signer *signer)
{
	size_t i, count = 0;

	for (i = 0; i < signer->key_count; i++)
		count += i == 0 || strcmp(signer->keys[i - 1].domain, signer->keys[i].domain) != 0;
	return count;
}

static void check_use(struct gw_call *call, const struct signer *signer)
{
	const struct dkim_conf *conf = gw->conf(call);
	struct gw_relay *relay;
	size_t nth;

	for (nth = 0; (relay = gw->relay_at(call, nth)) != NULL; nth++)
		check_relay(call, signer, relay);
	check_clients(call, signer);
	if (count_domains(signer) > 1 && conf->unbound == UNBOUND_SIGN)
		gw->problem_at(
			call, NULL, "keys", false,
			"a client without sender domains can have mail signed as any of the %zu domains: with unbound = \"pass\" only clients "
			"whose domains= names the domain are signed for",
			count_domains(signer));
}

static void destroy(struct dkim *dkim)
{
	servers_destroy(dkim->servers);
	rotation_finish(&dkim->rotation);
	lives_finish(&dkim->lives);
	signer_destroy(dkim->signer);
	free(dkim);
}

static bool read_rotation(struct gw_call *call, struct dkim *dkim)
{
	const struct dkim_conf *conf = gw->conf(call);
	const char *why;

	if (rotation_read(&dkim->rotation, conf->folder.ptr, &why))
		return true;
	gw->problem(call, true, "%s/rotation: %s", conf->folder.ptr, why);
	return false;
}

static bool set_up(struct gw_call *call, struct dkim *dkim)
{
	const struct dkim_conf *conf = gw->conf(call);
	struct signer *signer = dkim->signer = calloc(1, sizeof *signer);

	if (!signer) {
		gw->problem(call, true, "no memory");
		return false;
	}
	signer->lib = sign_lib();
	dkim->lives.published = conf->published == PUBLISHED_REQUIRED;
	dkim->lives.check_ms = conf->check;
	dkim->lives.keep_ms = conf->keep;
	return signer->lib && read_rotation(call, dkim) && load_names(call, signer, conf) &&
	       load_keys(call, signer, &conf->keys, &dkim->rotation) && check_edits(call, signer) &&
	       lives_init(call, &dkim->lives, signer) &&
	       (dkim->servers = servers_create(&dkim->lives)) != NULL;
}

static int on_start(struct gw_call *call)
{
	struct dkim *dkim = calloc(1, sizeof *dkim);

	if (!dkim) {
		gw->problem(call, true, "no memory");
		return -1;
	}
	if (!set_up(call, dkim)) {
		destroy(dkim);
		return -1;
	}
	check_use(call, dkim->signer);
	gw->instance_data_set(call, dkim);
	return 0;
}

static void on_stop(struct gw_call *call)
{
	destroy(gw->instance_data(call));
}

/* --- what DNS serves: each worker looks whether something is due, and one asks --- */

static void on_worker_start(struct gw_call *call)
{
	gw->timer_set(call, 1, LIFE_TICK_MS, NULL);
}

static void on_timer(struct gw_call *call, void *arg)
{
	struct dkim *dkim = gw->instance_data(call);

	lives_ask(call, &dkim->lives);
	servers_timer(call, dkim->servers);
}

static void on_dns(struct gw_call *call, const struct gw_dns_answer *answer, void *arg)
{
	struct dkim *dkim = gw->instance_data(call);

	if ((size_t)arg > SERVERS_MARK)
		servers_answered(call, dkim->servers, (size_t)arg - SERVERS_MARK - 1, answer);
	else
		life_answered(call, &dkim->lives, (size_t)arg - 1, answer);
}

/* --- what has to be in the DNS --- */

static void publish(struct gw_call *call, const struct key *key)
{
	struct gw_publication publication = { .size = sizeof publication, .type = GW_DNS_TXT };
	char name[KEY_NAME_MAX], senders[2 * GW_DOMAIN_MAX + 8];
	struct text record = { 0 };

	key_record(key, &record);
	key_name(key, name);
	snprintf(senders, sizeof senders, key->subdomains ? "%s *.%s" : "%s", key->domain,
		 key->domain);
	publication.name = gw_str(name);
	publication.value = gw_str_n(record.ptr, record.len);
	publication.senders = gw_str(senders);
	if (!record.failed)
		gw->publication(call, &publication);
	text_finish(&record);
}

static void on_published(struct gw_call *call)
{
	const struct dkim *dkim = gw->instance_data(call);

	for (size_t i = 0; i < dkim->signer->key_count; i++)
		if (life_stage(&dkim->lives, i, gw->now(call)) == STAGE_ACTIVE)
			publish(call, &dkim->signer->keys[i]);
}

/* --- prepare --- */

/* Nobody can sign this one. Our own notices go out all the same: holding them back would help no
 * one. */
static enum gw_verdict unsigned_verdict(struct gw_call *call, const struct gw_message *message,
					const char *why)
{
	const struct dkim_conf *conf = gw->conf(call);
	struct gw_str domain = gw->message_fact(message, GW_MESSAGE_FROM_DOMAIN);

	gw->count(call, "unsigned", 1);
	gw->reason(call, "not signed: %s %s", why, domain.ptr);
	if (conf->missing == MISSING_PASS || gw->message_number(message, GW_MESSAGE_OWN) == 1)
		return GW_CONTINUE;
	if (conf->missing == MISSING_WAIT)
		return GW_WAIT;
	gw->reply(call, 550, "5.7.20", "%s %s", why, domain.ptr);
	return GW_REJECT;
}

/* What may go well another time. */
static enum gw_verdict failed(struct gw_call *call, const struct job *job, const char *fault)
{
	gw->count(call, "failed", 1);
	gw->log(call, GW_LOG_ERROR, "not signed as %s: %s", job->keys->domain, fault);
	gw->reason(call, "not signed: %s", fault);
	return GW_FAILED;
}

static enum gw_verdict resumed(struct gw_call *call, void *arg)
{
	struct job *job = arg;
	enum gw_verdict verdict = GW_CONTINUE;

	if (!job->fault && job_add_fields(call, job)) {
		gw->count(call, "signed", (int64_t)job->key_count);
		gw->reason(call, "signed as %s, selector %s%s", job->keys->domain,
			   job->keys->selector, job->key_count > 1 ? " and others" : "");
	} else if (job->fault == sign_no_author) {
		verdict = unsigned_verdict(call, gw->delivery_message(job->delivery),
					   "no author can be read in mail from");
	} else if (job->fault == sign_no_header) {
		verdict = unsigned_verdict(call, gw->delivery_message(job->delivery),
					   "the header cannot be hashed of mail from");
	} else {
		verdict = failed(call, job, job->fault);
	}
	job_free(job);
	return verdict;
}

static enum gw_verdict sign(struct gw_call *call, struct gw_message *message, struct job *job)
{
	static const struct gw_async async = { .resumed = resumed, .dropped = job_free };
	enum gathered gathered = job_gather(job);
	enum gw_verdict verdict = GW_FAILED;

	if (gathered == GATHERED)
		verdict = gw->offload(call, &async, job_work, job);
	else if (gathered == GATHERED_CONTROL)
		verdict = unsigned_verdict(
			call, message,
			"a NUL, form feed or vertical tab stands in the header of mail from");
	else if (gathered == GATHERED_ODD)
		verdict = unsigned_verdict(call, message,
					   "a line in the header is no field in mail from");
	else if (gathered == GATHERED_NO_FROM)
		verdict = unsigned_verdict(call, message, "there is no From field in mail from");
	else
		failed(call, job, "it cannot be read, or memory is out");
	if (verdict != GW_PENDING)
		job_free(job); /* nobody else has it */
	return verdict;
}

static bool wanted(struct gw_call *call, struct gw_delivery *delivery)
{
	struct gw_relay *relay = gw->relay_named(call,
						 gw->delivery_fact(delivery, GW_DELIVERY_RELAY));
	const struct dkim_relay *conf = relay ? gw->relay_conf(call, relay) : NULL;

	return !conf || conf->sign;
}

static bool may_sign(struct gw_call *call, const struct gw_message *message, struct gw_str domain)
{
	const struct dkim_conf *conf = gw->conf(call);
	struct gw_str domains = gw->message_fact(message, GW_MESSAGE_DOMAINS);

	if (gw->message_number(message, GW_MESSAGE_OWN) == 1)
		return true;
	return domains.len ? gw_domain_in_words(call, domains, domain)
			   : conf->unbound == UNBOUND_SIGN;
}

/* Right after the first start with a key: whether DNS serves it is known in a moment. */
static enum gw_verdict wait_for_dns(struct gw_call *call)
{
	gw->reason(call, "waits: it is not known yet whether DNS serves the key");
	gw->wait_until(call, gw->now(call) + 2 * LIFE_TICK_MS);
	return GW_WAIT;
}

static enum gw_verdict on_prepare(struct gw_call *call, struct gw_delivery *delivery)
{
	struct gw_message *message = gw->delivery_message(delivery);
	const struct dkim_conf *conf = gw->conf(call);
	const struct key *keys = NULL;
	struct gw_str domain = gw->delivery_fact(delivery, GW_DELIVERY_FROM_DOMAIN);
	struct dkim *dkim = gw->instance_data(call);
	size_t count, numbers[KEYS_A_DOMAIN];
	char name[GW_DOMAIN_MAX + 1];
	struct job *job;
	bool unknown;

	if (!wanted(call, delivery)) {
		gw->reason(call, "not signed: the relay says dkim = false");
		return GW_CONTINUE;
	}
	if (gw->domain_ascii(call, domain, name) >= 0)
		domain = gw_str(name);
	count = signer_keys(dkim->signer, domain, &keys);
	if (count == 0)
		return unsigned_verdict(call, message, "no DKIM key for");
	if (!may_sign(call, message, domain))
		return unsigned_verdict(call, message, "the client is not entitled to sign as");
	count = lives_signing(&dkim->lives, (size_t)(keys - dkim->signer->keys), count,
			      gw->now(call), numbers, &unknown);
	if (unknown)
		return wait_for_dns(call);
	if (count == 0)
		return unsigned_verdict(call, message,
					"DNS serves no DKIM key, or none may sign now, of");
	job = job_new(call, dkim->signer, delivery, numbers, count, conf->expire);
	return job ? sign(call, message, job) : GW_FAILED;
}

/* --- control and status --- */

static void on_control(struct gw_call *call, const struct gw_command *command)
{
	control(call, command, gw->instance_data(call));
}

static void on_status(struct gw_call *call)
{
	const struct dkim *dkim = gw->instance_data(call);
	size_t unserved = 0;

	for (size_t i = 0; i < dkim->signer->key_count; i++)
		unserved += atomic_load(&dkim->lives.items[i].record) > DKIM_RECORD_SAME &&
			    life_stage(&dkim->lives, i, gw->now(call)) == STAGE_ACTIVE;
	gw->status_line(call, "keys", "%zu", dkim->signer->key_count);
	if (unserved)
		gw->status_line(call, "not in DNS", "%zu of the active keys: gatewayctl dkim check",
				unserved);
}

/* --- the module --- */

#define KEY(member) offsetof(struct key_conf, member)
static const struct gw_option key_options[] = {
	{ "domain", GW_OPTION_STRING, KEY(domain),
	  .help = "Signs mail whose From address is in this domain.", .flags = GW_OPTION_REQUIRED },
	{ "selector", GW_OPTION_STRING, KEY(selector),
	  .help = "The key is published as SELECTOR._domainkey.DOMAIN.",
	  .flags = GW_OPTION_REQUIRED },
	{ "key", GW_OPTION_PATH, KEY(path),
	  .help = "The private key: a PEM file without a passphrase that not everybody may read.",
	  .flags = GW_OPTION_REQUIRED },
	{ "algorithm", GW_OPTION_WORD, KEY(algorithm), .fallback = "auto",
	  .help = "What kind of key the file must hold.", .words = "auto|rsa|ed25519" },
	{ "subdomains", GW_OPTION_BOOL, KEY(subdomains), .fallback = "false",
	  .help = "Signs for From domains below the domain too, where they have no key of their own." },
	{ "from", GW_OPTION_STRING, KEY(from),
	  .help = "Signs from this day on, UTC: \"2026-12-01\"; until then it is only looked for in DNS." },
	{ "until", GW_OPTION_STRING, KEY(until),
	  .help = "Signs up to this day, UTC, and longer where no other key of its algorithm may sign." },
	GW_OPTIONS_END
};

#define CONF(member) offsetof(struct dkim_conf, member)
static const struct gw_option options[] = {
	{ "keys", GW_OPTION_GROUPS, CONF(keys),
	  .help = "The keys; several of one domain make several signatures. Those that dkim rotate made are not among them.",
	  .flags = GW_OPTION_REQUIRED, .group = key_options,
	  .group_size = sizeof(struct key_conf) },
	{ "sign", GW_OPTION_LIST, CONF(sign),
	  .fallback =
		  "from sender reply-to subject date message-id to cc mime-version content-type content-transfer-encoding in-reply-to "
		  "references list-id list-unsubscribe list-unsubscribe-post feedback-id",
	  .help = "Fields that are signed where they are there; From always is." },
	{ "oversign", GW_OPTION_LIST, CONF(oversign), .fallback = "from subject to date",
	  .help = "Fields to which none may be added on the way either; From always is one." },
	{ "expire", GW_OPTION_DURATION, CONF(expire), .fallback = "0",
	  .help = "How long a signature is good for; 0: for ever." },
	{ "missing", GW_OPTION_WORD, CONF(missing), .fallback = "pass",
	  .help = "What becomes of mail that no key can sign: it goes unsigned, waits, or is returned.",
	  .words = "pass|wait|reject" },
	{ "unbound", GW_OPTION_WORD, CONF(unbound), .fallback = "sign",
	  .help = "Mail of a client without sender domains of its own: signed as its From says, or not signed.",
	  .words = "sign|pass" },
	{ "published", GW_OPTION_WORD, CONF(published), .fallback = "any",
	  .help = "Which keys sign: any, or required: those that DNS serves byte for byte.",
	  .words = "any|required" },
	{ "check", GW_OPTION_DURATION, CONF(check), .fallback = "1h", .min = 60000,
	  .max = 604800000,
	  .help = "How often DNS is asked for each key; the record's TTL, where that is shorter." },
	{ "keep", GW_OPTION_DURATION, CONF(keep), .fallback = "7d",
	  .help = "How long after its time a key's record has to stay: mail that it signed is on its way." },
	{ "folder", GW_OPTION_PATH, CONF(folder), .fallback = "STATE/dkim",
	  .help = "Where dkim rotate makes keys, and notes since when they sign." },
	GW_OPTIONS_END
};

static const struct gw_option relay_options[] = {
	{ "dkim", GW_OPTION_BOOL, offsetof(struct dkim_relay, sign), .fallback = "true",
	  .help = "Signs what goes through this relay." },
	{ "domains", GW_OPTION_LIST, offsetof(struct dkim_relay, domains),
	  .help = "Sender domains that go this way; those without a key are told." },
	GW_OPTIONS_END
};

GW_MODULE(.name = "dkim", .version = "1.0", .summary = "signs outgoing mail with DKIM",
	  .options = options, .conf_size = sizeof(struct dkim_conf), .relay_options = relay_options,
	  .relay_conf_size = sizeof(struct dkim_relay), .verbs = CONTROL_VERBS, .start = on_start,
	  .stop = on_stop, .prepare = on_prepare, .status = on_status, .control = on_control,
	  .worker_start = on_worker_start, .timer = on_timer, .dns = on_dns,
	  .published = on_published, .once = "would take what the first one signs for unsigned")
