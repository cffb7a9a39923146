#include "honest.h"
#include "from.h"

#include <gateway/domain.h>

#include <stdio.h>

static void find(struct finding *finding, const char *id, const char *text)
{
	finding->id = id;
	snprintf(finding->text, sizeof finding->text, "%s", text);
}

/* `what`: "the From field". */
static void find_foreign(struct finding *finding, const char *id, const char *what,
			 struct gw_str domain, struct gw_str client)
{
	finding->id = id;
	finding->is_foreign = true;
	snprintf(finding->text, sizeof finding->text, "%s %.*s is not allowed for client %.*s",
		 what, GW_STR_ARGS(domain), GW_STR_ARGS(client));
}

/* What is told of a field, in the order of enum from_flaw. */
struct flaws {
	const char *id, *text;
};

static const struct flaws from_flaws[] = {
	[FROM_UNREADABLE] = { "from-unreadable",
			      "the From field has no address that can be read in one way only" },
	[FROM_GROUP] = { "from-group", "the From field names a group" },
	[FROM_SEVERAL] = { "from-several", "the From field has more than one address" },
};

static const struct flaws sender_flaws[] = {
	[FROM_UNREADABLE] = { "sender-unreadable",
			      "the Sender field has no address that can be read in one way only" },
	[FROM_GROUP] = { "sender-group", "the Sender field names a group" },
	[FROM_SEVERAL] = { "sender-several", "the Sender field has more than one address" },
};

/* What the address says must be so, and what a reader is shown beside it must not say otherwise:
 * "ceo@other.example" <me@example.com>. */
static void check_address(struct gw_call *call, const struct from *from, struct gw_str domains,
			  struct gw_str client, struct finding *finding)
{
	struct gw_str shown;
	size_t at = 0;

	if (!gw_domain_in_words(call, domains, from->domain)) {
		find_foreign(finding, "from-domain", "sender domain", from->domain, client);
		return;
	}
	while (from_next_shown(gw_str(from->display), &at, &shown))
		if (!gw_domain_in_words(call, domains, shown)) {
			find_foreign(finding, "from-name", "a From name that shows an address of",
				     shown, client);
			return;
		}
}

static void check_from(struct gw_call *call, struct gw_str value, struct gw_str domains,
		       struct gw_str client, struct finding *finding)
{
	struct from from;
	enum from_flaw flaw = from_read(&from, value);

	if (flaw == FROM_FINE)
		check_address(call, &from, domains, client, finding);
	else
		find(finding, from_flaws[flaw].id, from_flaws[flaw].text);
	from_finish(&from);
}

static void check_sender(struct gw_call *call, struct gw_str value, struct gw_str domains,
			 struct gw_str client, struct finding *finding)
{
	struct from sender;
	enum from_flaw flaw = from_read(&sender, value);

	if (flaw != FROM_FINE)
		find(finding, sender_flaws[flaw].id, sender_flaws[flaw].text);
	else if (!gw_domain_in_words(call, domains, sender.domain))
		find_foreign(finding, "sender-domain", "the domain of the Sender field",
			     sender.domain, client);
	from_finish(&sender);
}

void honest_check(struct gw_call *call, struct gw_message *message, struct gw_str domains,
		  struct gw_str client, struct finding *finding)
{
	struct gw_header field = { .size = sizeof field }, second = field;
	struct gw_str from = GW_STR("From"), sender = GW_STR("Sender");

	*finding = (struct finding){ 0 };
	if (gw->header_named(message, from, 0, &field) != 0)
		find(finding, "from-missing", "the message has no From field");
	else if (gw->header_named(message, from, 1, &second) == 0)
		find(finding, "from-twice", "the message has more than one From field");
	else
		check_from(call, field.value, domains, client, finding);
	if (finding->id && !finding->is_foreign)
		return;
	if (gw->header_named(message, sender, 1, &second) == 0) {
		*finding = (struct finding){ 0 };
		find(finding, "sender-twice", "the message has more than one Sender field");
	} else if (!finding->id && gw->header_named(message, sender, 0, &field) == 0) {
		check_sender(call, field.value, domains, client, finding);
	}
}
