/* dns_window.c - which look-up may begin now: so many that a name server is not flooded, and never
 * behind those that get no answer. */
#include "loop/dns_private.h"

/* Twice as many when all their MX come at once; a forwarder of the small kind (dnsmasq) refuses
 * more than 150. */
#define QUICK_MOST 72

/* Of the descriptors the young queries need a quarter at most: a question has several servers to
 * ask, and names of servers to look up. */
void dns_window_init(struct window *window, unsigned ports)
{
	*window = (struct window){ .quick_most = ports / 4 < QUICK_MOST ? ports / 4 : QUICK_MOST,
				   .all_most = ports / 2 + ports / 4 };
	window->retried_most = window->quick_most / 2;
	TAILQ_INIT(&window->fresh);
	TAILQ_INIT(&window->silent);
}

void dns_window_wait(struct domain *domain)
{
	struct window *window = &domain->dns->window;

	domain->in = domain->silent ? &window->silent : &window->fresh;
	TAILQ_INSERT_TAIL(domain->in, domain, link);
}

/* Who is next, taken out of its line; NULL: nobody, or there is no room. */
static struct domain *next(struct window *window)
{
	struct domain *domain = TAILQ_FIRST(&window->fresh);

	if (window->quick >= window->quick_most || window->quick + window->slow >= window->all_most)
		return NULL;
	if (!domain && window->retried < window->retried_most)
		domain = TAILQ_FIRST(&window->silent);
	if (!domain)
		return NULL;
	TAILQ_REMOVE(domain->in, domain, link);
	domain->in = NULL;
	return domain;
}

static void begin(struct dns *dns, struct domain *domain)
{
	if (TAILQ_EMPTY(&domain->questions)) {
		domain_forget(domain);
		return;
	}
	domain->look_up = look_up_create(dns, domain, domain->name);
	if (domain->look_up)
		look_up_begin(domain->look_up);
	else
		domain_answered(domain, NULL);
}

/* An answer that libunbound has already comes from inside, and makes room: there is one loop for
 * all. */
void dns_window_turn(struct dns *dns)
{
	struct domain *domain;

	if (dns->window.turning)
		return;
	dns->window.turning = true;
	while ((domain = next(&dns->window)) != NULL)
		begin(dns, domain);
	dns->window.turning = false;
}
