/* relay_bounds.c - how many sender domains there may be, and relays for one of them. The lists are
 * read from the fragments: which module acts on them is no matter. "*" and "*.example.com" count as
 * a domain each. */
#include "module/load.h"

#include "loop/dns.h"

#include <gateway/domain.h>
#include <strings.h>

struct domain {
	const char *name;
	size_t relays;
	size_t last; /* the relay that named it last, counted from 1 */
};

struct domains {
	struct domain *items;
	size_t count;
};

static size_t count_names(const struct snapshot *snapshot)
{
	size_t count = 0;

	for (size_t i = 0; i < snapshot->relay_count; i++)
		for (size_t nth = 0; conf_text(snapshot->relays[i].fragment->group, "domains", nth);
		     nth++)
			count++;
	return count;
}

static struct domain *find_or_add(struct domains *domains, const char *name)
{
	for (size_t i = 0; i < domains->count; i++)
		if (strcasecmp(domains->items[i].name, name) == 0)
			return &domains->items[i];
	domains->items[domains->count].name = name;
	return &domains->items[domains->count++];
}

static void tell(struct load *load, const struct gw_relay *relay, const char *format,
		 const char *name, int64_t most)
{
	problem_add(load->problems, true, relay->fragment->path,
		    conf_line(relay->fragment->group, "domains"), format, name, (long long)most);
}

static void take(struct load *load, struct domains *domains, const struct gw_relay *relay,
		 const char *name)
{
	const struct settings *settings = &load->snapshot->settings;
	int64_t most = settings->limits.domains, most_relays = settings->limits.relays_per_domain;
	size_t before = domains->count;
	struct domain *domain = find_or_add(domains, name);

	if (domain->last == relay->index + 1) /* it stands twice in one list */
		return;
	domain->last = relay->index + 1;
	domain->relays++;
	if (most && domains->count > before && (int64_t)domains->count > most)
		tell(load, relay,
		     "%s is one sender domain too many: limits.domains of the gateway is %lld (0: as many as there are)",
		     name, most);
	if (most_relays && (int64_t)domain->relays > most_relays)
		tell(load, relay,
		     "one relay too many for %s: limits.relays_per_domain of the gateway is %lld (0: as many as there are)",
		     name, most_relays);
}

/* "example.com", "*.example.com", "*". */
static bool is_pattern(const char *name)
{
	char ascii[DNS_NAME_MAX + 1];

	if (strcmp(name, "*") == 0 || strcmp(name, "<>") == 0)
		return true;
	return gw_domain_is_pattern(gw_str(name)) &&
	       dns_name(gw_str(strncmp(name, "*.", 2) == 0 ? name + 2 : name), ascii);
}

static void check_domains(struct load *load, const struct gw_relay *relay)
{
	const char *name;

	for (size_t nth = 0; (name = conf_text(relay->fragment->group, "domains", nth)); nth++)
		if (!is_pattern(name))
			problem_add(
				load->problems, true, relay->fragment->path,
				conf_line(relay->fragment->group, "domains"),
				"\"%s\" can be no domain, so no mail is from there: as \"example.com\", \"*.example.com\" or \"*\"",
				name);
}

void check_relay_bounds(struct load *load)
{
	const struct snapshot *snapshot = load->snapshot;

	for (size_t i = 0; i < snapshot->relay_count; i++)
		check_domains(load, &snapshot->relays[i]);
	struct domains domains = { arena_alloc(load->context.arena, (count_names(snapshot) + 1) *
									    sizeof(*domains.items)),
				   0 };

	if (!domains.items ||
	    (!snapshot->settings.limits.domains && !snapshot->settings.limits.relays_per_domain))
		return;
	for (size_t i = 0; i < snapshot->relay_count; i++) {
		const struct gw_relay *relay = &snapshot->relays[i];
		const char *name;
		for (size_t nth = 0; (name = conf_text(relay->fragment->group, "domains", nth));
		     nth++)
			take(load, &domains, relay, name);
	}
}
