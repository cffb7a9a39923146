#include "domains.h"

static bool pattern_names(const struct gw_call *call, struct gw_str pattern, struct gw_str domain)
{
	bool below = pattern.len > 2 && pattern.ptr[0] == '*' && pattern.ptr[1] == '.';
	char name[GW_DOMAIN_MAX + 1];
	long size;

	if (gw_str_eq(pattern, gw_str("*")))
		return true;
	size = gw->domain_ascii(call, gw_str_from(pattern, below ? 2 : 0), name);
	if (size < 0 || !below)
		return size >= 0 && gw_str_ieq(gw_str(name), domain);
	return domain.len > (size_t)size + 1 && domain.ptr[domain.len - (size_t)size - 1] == '.' &&
	       gw_str_ieq(gw_str_from(domain, domain.len - (size_t)size), gw_str(name));
}

bool domains_name(const struct gw_call *call, struct gw_str domains, struct gw_str domain)
{
	while (domains.len) {
		size_t end = gw_str_find(domains, ' ');

		if (end > 0 && pattern_names(call, gw_str_n(domains.ptr, end), domain))
			return true;
		domains = gw_str_from(domains, end + 1);
	}
	return false;
}
