#include "services/services.h"

#include "loop/dns.h"

_Static_assert(GW_DOMAIN_MAX == DNS_NAME_MAX, "a module's room for a domain is the resolver's");

long services_domain_ascii(const struct gw_call *call, struct gw_str domain,
			   char out[GW_DOMAIN_MAX + 1])
{
	return dns_name(domain, out) ? (long)strlen(out) : -1;
}
