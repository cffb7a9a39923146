#include "return_path.h"

#include "author.h"
#include "instance.h"
#include "outgoing.h"

#include <gateway/domain.h>

#include <stdio.h>

#define AT(member) offsetof(struct bounce_relay, member)
const struct gw_option return_path_options[] = {
	{ .key = "return_path",
	  .type = GW_OPTION_STRING,
	  .offset = AT(return_path),
	  .fallback = "keep",
	  .help = "MAIL FROM there: \"keep\" (the client's), \"from\" (the author's address), \"own\" (of the bounce domain), or an address." },
	{ .key = "return_path_domains",
	  .type = GW_OPTION_LIST,
	  .offset = AT(allowed),
	  .help = "With \"keep\": the domains of return paths that the next hop takes, \"*.example.com\" is what is below; none: any." },
	{ .key = "return_path_else",
	  .type = GW_OPTION_WORD,
	  .offset = AT(otherwise),
	  .fallback = "refuse",
	  .words = OTHERWISE_WORDS,
	  .help = "What becomes of mail whose return path is in none of them: back to its sender, or another return path." },
	{ .key = "return_path_reflect",
	  .type = GW_OPTION_BOOL,
	  .offset = AT(remember),
	  .fallback = "false",
	  .help = "With \"from\" or an address: remembers what leaves, so that `gatewayctl bounce take < mail` brings a bounce from that mailbox to the client." },
	{ .key = "domains",
	  .type = GW_OPTION_LIST,
	  .offset = AT(domains),
	  .help = "Sender domains that go this way; a return path that is an address is in one of them." },
	GW_OPTIONS_END
};
#undef AT

#define AT(member) offsetof(struct domain_set, member)
const struct gw_option domain_set_options[] = {
	{ .key = "name",
	  .type = GW_OPTION_STRING,
	  .offset = AT(name),
	  .flags = GW_OPTION_REQUIRED,
	  .help = "What return_path_domains calls it, behind an @: \"zoho:eu\"." },
	{ .key = "domains",
	  .type = GW_OPTION_LIST,
	  .offset = AT(domains),
	  .flags = GW_OPTION_REQUIRED | GW_OPTION_DOMAINS,
	  .help = "Domains of return paths, \"*.example.com\" is what is below." },
	GW_OPTIONS_END
};
#undef AT

/* --- domains --- */

/* NULL: there is none of that name. */
static const struct domain_set *set_named(const struct bounce_conf *conf, struct gw_str name)
{
	const struct domain_set *sets = conf->sets.items;
	size_t i;

	for (i = 0; i < conf->sets.count; i++)
		if (gw_str_eq(sets[i].name, name))
			return &sets[i];
	return NULL;
}

/* "*" names nothing here: it is no domain of anybody's. */
static bool list_names(struct gw_call *call, struct gw_list list, struct gw_str name)
{
	size_t i;

	for (i = 0; i < list.count; i++)
		if (!gw_str_eq(list.items[i], gw_str("*")) &&
		    gw_domain_matches(call, list.items[i], name))
			return true;
	return false;
}

/* "@NAME" in the list is a set of domains. */
static bool one_names(struct gw_call *call, struct gw_list list, struct gw_str domain)
{
	const struct domain_set *set;
	char name[GW_DOMAIN_MAX + 1];
	size_t i;

	if (gw->domain_ascii(call, domain, name) < 0)
		return false;
	for (i = 0; i < list.count; i++)
		if (*list.items[i].ptr == '@' &&
		    (set = set_named(gw->conf(call), gw_str_from(list.items[i], 1))) != NULL &&
		    list_names(call, set->domains, gw_str(name)))
			return true;
	return list_names(call, list, gw_str(name));
}

/* --- what is configured --- */

static bool mode_of(struct gw_str text, enum mode *mode)
{
	static const struct {
		struct gw_str word;
		enum mode mode;
	} words[] = { { GW_STR("keep"), MODE_KEEP },
		      { GW_STR("from"), MODE_FROM },
		      { GW_STR("own"), MODE_OWN } };
	size_t i;

	*mode = MODE_CUSTOM;
	for (i = 0; i < sizeof words / sizeof *words; i++)
		if (gw_str_eq(text, words[i].word)) {
			*mode = words[i].mode;
			return true;
		}
	return gw_str_find(text, '@') != text.len;
}

static bool wrong(struct gw_call *call, const struct gw_relay *relay, const char *format,
		  struct gw_str text)
{
	char why[600];

	snprintf(why, sizeof why, format, GW_STR_ARGS(text));
	gw->problem_at(call, relay, "return_path", true, "%s", why);
	return false;
}

static bool is_address(struct gw_call *call, struct gw_str text)
{
	char domain[GW_DOMAIN_MAX + 1];
	size_t i, local = gw_str_find(text, '@');

	if (local == 0 || local > 64 ||
	    gw_str_find(gw_str_from(text, local + 1), '@') != text.len - local - 1)
		return false;
	for (i = 0; i < text.len; i++)
		if ((unsigned char)text.ptr[i] <= ' ' || strchr("<>()[]\\,;:\"\x7f", text.ptr[i]) ||
		    (unsigned char)text.ptr[i] >= 0x80)
			return false;
	return gw->domain_ascii(call, words_domain(text), domain) > 0;
}

/* Mail that comes back to an address of somebody else's is lost to both. */
static bool check_custom(struct gw_call *call, const struct gw_relay *relay,
			 const struct bounce_relay *conf)
{
	const struct bounce_conf *own = gw->conf(call);
	struct gw_str domain = words_domain(conf->return_path);

	if (!is_address(call, conf->return_path))
		return wrong(call, relay, "\"%.*s\" is no address", conf->return_path);
	if (one_names(call, conf->domains, domain) || one_names(call, own->domains, domain))
		return true;
	return wrong(
		call, relay,
		"the domain of %.*s is none of yours: it has to be in the relay's domains or in the domains of bounce",
		conf->return_path);
}

static bool check_sets(struct gw_call *call, const struct gw_relay *relay,
		       const struct bounce_relay *conf)
{
	size_t i;

	for (i = 0; i < conf->allowed.count; i++) {
		struct gw_str entry = conf->allowed.items[i];

		if (*entry.ptr == '@' ? set_named(gw->conf(call), gw_str_from(entry, 1)) != NULL
				      : gw_domain_is_pattern(entry))
			continue;
		if (*entry.ptr != '@')
			gw->problem_at(call, relay, "return_path_domains", true,
				       "\"%.*s\" is no domain", GW_STR_ARGS(entry));
		else
			gw->problem_at(
				call, relay, "return_path_domains", true,
				"there is no \"%.*s\": bounce: { return_path_sets = ({ name = \"%s\"; domains = [...]; }); }",
				GW_STR_ARGS(entry), entry.ptr + 1);
		return false;
	}
	return true;
}

/* All that is in the bounce domain is taken for a return path of ours, or refused. */
static void warn_of_people(struct gw_call *call, const struct gw_relay *relay)
{
	const struct bounce_conf *own = gw->conf(call);
	const struct bounce_relay *conf = gw->relay_conf(call, relay);
	size_t i;

	for (i = 0; own->domain.len && i < conf->domains.count; i++)
		if (gw_str_ieq(conf->domains.items[i], own->domain))
			gw->problem_at(
				call, relay, "domains", false,
				"%.*s is the bounce domain too: mail to people there is refused, since they are no return path of ours; take one below it, as bounce.%.*s",
				GW_STR_ARGS(own->domain), GW_STR_ARGS(own->domain));
}

static bool check_relay(struct gw_call *call, const struct gw_relay *relay)
{
	const struct bounce_conf *own = gw->conf(call);
	const struct bounce_relay *conf = gw->relay_conf(call, relay);
	enum mode mode;

	warn_of_people(call, relay);
	if (!mode_of(conf->return_path, &mode))
		return wrong(call, relay,
			     "\"%.*s\" is neither \"keep\", \"from\", \"own\" nor an address",
			     conf->return_path);
	if ((mode == MODE_OWN || (conf->allowed.count && conf->otherwise == OTHERWISE_OWN)) &&
	    !own->domain.len)
		return wrong(call, relay,
			     "\"%.*s\" needs the bounce domain: bounce: { domain = \"...\"; }",
			     conf->return_path);
	return check_sets(call, relay, conf) &&
	       (mode != MODE_CUSTOM || check_custom(call, relay, conf));
}

bool return_path_check(struct gw_call *call)
{
	const struct gw_relay *relay;
	bool good = true;
	size_t nth;

	for (nth = 0; (relay = gw->relay_at(call, nth)) != NULL; nth++)
		good &= check_relay(call, relay);
	return good;
}

bool return_path_has_own(struct gw_call *call)
{
	const struct gw_relay *relay;
	const struct bounce_relay *conf;
	bool has = false;
	size_t nth;

	for (nth = 0; (relay = gw->relay_at(call, nth)) != NULL && !has; nth++) {
		conf = gw->relay_conf(call, relay);
		has = gw_str_eq(conf->return_path, gw_str("own")) ||
		      (conf->allowed.count && conf->otherwise == OTHERWISE_OWN);
	}
	return has;
}

/* --- the hook --- */

static int64_t until_of(struct gw_call *call, struct gw_delivery *delivery)
{
	const struct bounce_conf *conf = gw->conf(call);

	return gw->message_number(gw->delivery_message(delivery), GW_MESSAGE_RECEIVED_AT) +
	       conf->valid;
}

static enum gw_verdict set(struct gw_call *call, struct gw_delivery *delivery,
			   const struct bounce_relay *relay, const char *address, const char *which)
{
	if (relay->remember)
		return outgoing_remember(call, delivery, address, which, until_of(call, delivery));
	return outgoing_set(call, delivery, address, which);
}

static enum gw_verdict set_from(struct gw_call *call, struct gw_delivery *delivery,
				const struct bounce_relay *relay)
{
	char address[AUTHOR_MAX];
	const char *why = author_read(call, gw->delivery_message(delivery), address);

	if (!why)
		return set(call, delivery, relay, address, "from");
	gw->reply(call, 550, "5.1.7", "No return path can be made of this message: %s", why);
	return GW_REJECT;
}

static enum gw_verdict set_own(struct gw_call *call, struct gw_delivery *delivery)
{
	struct instance *instance = gw->instance_data(call);
	const char *domain = instance_domain(instance);
	char token[TOKEN_SIZE], address[AUTHOR_MAX];
	int64_t until = until_of(call, delivery);
	struct keys keys;

	if (!instance_keys(instance, &keys) ||
	    !token_make(&keys, outgoing_path(delivery), (uint16_t)(until / DAY_MS), gw_str(domain),
			token)) {
		gw->reason(call, "no return path of ours: there is no key");
		return GW_FAILED;
	}
	snprintf(address, sizeof address, "%s@%s", token, domain);
	return outgoing_remember(call, delivery, address, "own", until);
}

static enum gw_verdict refuse(struct gw_call *call, struct gw_str sender, struct gw_str relay)
{
	gw->reply(call, 553, "5.1.8",
		  "The domain of the return path %.*s is not in return_path_domains of relay %.*s",
		  GW_STR_ARGS(sender), GW_STR_ARGS(relay));
	return GW_REJECT;
}

/* What is done with this sender; nothing comes back to what is a report itself, or
 * is ours already. */
static enum mode mode_for(struct gw_call *call, const struct bounce_relay *conf,
			  struct gw_str sender)
{
	static const enum mode otherwise[] = { [OTHERWISE_REFUSE] = MODE_REFUSE,
					       [OTHERWISE_FROM] = MODE_FROM,
					       [OTHERWISE_OWN] = MODE_OWN };
	const char *own = instance_domain(gw->instance_data(call));
	enum mode mode;

	if (!conf || !sender.len || (*own && gw_str_ieq(words_domain(sender), gw_str(own))) ||
	    !mode_of(conf->return_path, &mode))
		return MODE_KEEP;
	if (mode != MODE_KEEP || !conf->allowed.count ||
	    one_names(call, conf->allowed, words_domain(sender)))
		return mode;
	return otherwise[conf->otherwise];
}

/* Who got a mail knows its return path: it speaks of him alone, so that he can say nothing of the
 * others. */
enum gw_verdict return_path_admit(struct gw_call *call, struct gw_delivery *delivery,
				  struct gw_relay *relay)
{
	struct gw_str sender = gw->delivery_fact(delivery, GW_DELIVERY_RETURN_PATH);

	if (gw->delivery_rcpt(delivery, 1) &&
	    mode_for(call, gw->relay_conf(call, relay), sender) == MODE_OWN &&
	    gw->split(call, delivery, 1) != 0)
		return GW_FAILED;
	return GW_CONTINUE;
}

enum gw_verdict return_path_prepare(struct gw_call *call, struct gw_delivery *delivery)
{
	struct gw_str name = gw->delivery_fact(delivery, GW_DELIVERY_RELAY),
		      sender = gw->delivery_fact(delivery, GW_DELIVERY_RETURN_PATH);
	struct gw_relay *relay = gw->relay_named(call, name);
	const struct bounce_relay *conf = relay ? gw->relay_conf(call, relay) : NULL;

	switch (mode_for(call, conf, sender)) {
	case MODE_FROM:
		return set_from(call, delivery, conf);
	case MODE_CUSTOM:
		return set(call, delivery, conf, conf->return_path.ptr, "custom");
	case MODE_OWN:
		return set_own(call, delivery);
	case MODE_REFUSE:
		return refuse(call, sender, name);
	default:
		return GW_CONTINUE;
	}
}
