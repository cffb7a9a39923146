/* gateway/domain.h - whether a list of domains names one. A pattern is "example.com" (that one),
 * "*.example.com" (what is below it, at any depth, and not itself) or "*" (all). ASCII capitals
 * mean nothing, a final dot of a pattern neither, and names in other scripts are the same as their
 * A-labels. What can be no domain, as an address literal, is compared as it is written. [any] */
#ifndef GATEWAY_DOMAIN_H
#define GATEWAY_DOMAIN_H

#include <gateway/module.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A flag of a LIST in a table of options (gateway/option.h), beside those of enum gw_option_flag:
 * each of it is a pattern; one that is none is an error with file and line. */
enum { GW_OPTION_DOMAINS = 8 };

/* "example.com", "*.example.com" or "*": labels of 1 to 63 letters, digits, '-' and '_', or octets
 * of other scripts. A list that takes no others cannot have a typo in it that names nobody. */
static inline bool gw_domain_is_pattern(struct gw_str text)
{
	size_t i, label = 0, len = text.len;

	if (gw_str_eq(text, gw_str("*")))
		return true;
	if (len > 1 && text.ptr[len - 1] == '.')
		len--;
	for (i = len > 2 && text.ptr[0] == '*' && text.ptr[1] == '.' ? 2 : 0; i < len; i++) {
		char c = text.ptr[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			      (c >= '0' && c <= '9') || c == '-' || c == '_' ||
			      (unsigned char)c > 127;

		if (c == '.' ? label == 0 : !letter)
			return false;
		label = c == '.' ? 0 : label + 1;
		if (label > 63)
			return false;
	}
	return label > 0 && len <= GW_DOMAIN_MAX;
}

/* The domain in A-labels: itself where it is ASCII, or can be no domain; else in `room`. */
static inline struct gw_str gw_domain_a_labels(const struct gw_call *call, struct gw_str domain,
					       char room[GW_DOMAIN_MAX + 1])
{
	bool ascii = true;
	long size;
	size_t i;

	for (i = 0; ascii && i < domain.len; i++)
		ascii = (unsigned char)domain.ptr[i] < 128;
	size = ascii ? -1 : gw->domain_ascii(call, domain, room);
	return size < 0 ? domain : gw_str_n(room, (size_t)size);
}

/* `domain` in A-labels. */
static inline bool gw_domain_matches(const struct gw_call *call, struct gw_str pattern,
				     struct gw_str domain)
{
	bool below = pattern.len > 2 && pattern.ptr[0] == '*' && pattern.ptr[1] == '.';
	char room[GW_DOMAIN_MAX + 1];
	struct gw_str name = gw_domain_a_labels(call, gw_str_from(pattern, below ? 2 : 0), room);

	if (pattern.len == 1 && pattern.ptr[0] == '*')
		return true;
	if (name.len > 1 && name.ptr[name.len - 1] == '.')
		name.len--;
	if (!below)
		return gw_str_ieq(name, domain);
	return domain.len > name.len + 1 && domain.ptr[domain.len - name.len - 1] == '.' &&
	       gw_str_ieq(gw_str_from(domain, domain.len - name.len), name);
}

/* One of the patterns names the domain. */
static inline bool gw_domain_in_list(const struct gw_call *call, struct gw_list patterns,
				     struct gw_str domain)
{
	char room[GW_DOMAIN_MAX + 1];
	size_t i;

	domain = gw_domain_a_labels(call, domain, room);
	for (i = 0; i < patterns.count; i++)
		if (gw_domain_matches(call, patterns.items[i], domain))
			return true;
	return false;
}

/* The same of patterns with blanks between, as in GW_SESSION_DOMAINS and GW_MESSAGE_DOMAINS. */
static inline bool gw_domain_in_words(const struct gw_call *call, struct gw_str patterns,
				      struct gw_str domain)
{
	char room[GW_DOMAIN_MAX + 1];
	size_t end;

	domain = gw_domain_a_labels(call, domain, room);
	for (patterns = gw_str_trim(patterns); patterns.len;
	     patterns = gw_str_trim(gw_str_from(patterns, end))) {
		for (end = 0; end < patterns.len && !gw_is_space(patterns.ptr[end]); end++)
			;
		if (gw_domain_matches(call, gw_str_n(patterns.ptr, end), domain))
			return true;
	}
	return false;
}

#ifdef __cplusplus
}
#endif
#endif
