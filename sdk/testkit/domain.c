/* domain.c - domains in A-labels (RFC 3492). The gateway has libidn2 for it; here characters are
 * taken as they are, which is the same for what is in lower case and composed. */
#include "kit.h"

#include <stdio.h>

#define LABEL_MAX 63

/* The characters of a label of UTF-8; -1: it is none, or too long. */
static int label_read(struct gw_str label, uint32_t *out)
{
	int count = 0;
	size_t i = 0;

	while (i < label.len) {
		unsigned char c = (unsigned char)label.ptr[i++];
		int more = c < 0x80 ? 0 : c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : c >= 0xc2 ? 1 : -1;
		uint32_t value = more > 0 ? c & (0x3fu >> more) : c;

		if (more < 0 || count == LABEL_MAX)
			return -1;
		for (; more; more--, i++) {
			if (i == label.len || (label.ptr[i] & 0xc0) != 0x80)
				return -1;
			value = value << 6 | (label.ptr[i] & 0x3f);
		}
		out[count++] = value >= 'A' && value <= 'Z' ? value + 32 : value;
	}
	return count;
}

static uint32_t adapt(uint32_t delta, uint32_t count, bool first)
{
	uint32_t k = 0;

	delta = first ? delta / 700 : delta / 2;
	for (delta += delta / count; delta > 455; k += 36)
		delta /= 35;
	return k + 36 * delta / (delta + 38);
}

static char *put_number(char *at, const char *end, uint32_t value, uint32_t bias)
{
	uint32_t k;

	for (k = 36;; k += 36) {
		uint32_t t = k <= bias        ? 1
			     : k >= bias + 26 ? 26
					      : k - bias,
			 digit = value < t ? value : t + (value - t) % (36 - t);

		if (at < end)
			*at++ = (char)(digit < 26 ? 'a' + digit : '0' + digit - 26);
		if (value < t)
			return at;
		value = (value - t) / (36 - t);
	}
}

/* RFC 3492 section 6.3, behind the characters of ASCII and their hyphen. */
static char *put_others(char *at, const char *end, const uint32_t *chars, int count,
			uint32_t handled)
{
	uint32_t n = 128, delta = 0, bias = 72, basic = handled;
	int i;

	while (handled < (uint32_t)count) {
		uint32_t least = UINT32_MAX;

		for (i = 0; i < count; i++)
			if (chars[i] >= n && chars[i] < least)
				least = chars[i];
		delta += (least - n) * (handled + 1);
		n = least;
		for (i = 0; i < count; i++) {
			delta += chars[i] < n;
			if (chars[i] != n)
				continue;
			at = put_number(at, end, delta, bias);
			bias = adapt(delta, handled + 1, handled == basic);
			delta = 0;
			handled++;
		}
		delta++;
		n++;
	}
	return at;
}

/* Octets written; 0: it can be no label. */
static size_t put_label(char *out, size_t room, struct gw_str label)
{
	char *at = out, *end = out + (room < LABEL_MAX ? room : LABEL_MAX);
	uint32_t chars[LABEL_MAX], basic = 0;
	int count = label_read(label, chars), i;
	bool ascii = true;

	for (i = 0; i < count; i++)
		ascii = ascii && chars[i] < 128;
	if (!ascii)
		at += snprintf(at, 5, "xn--");
	for (i = 0; i < count; i++) {
		if (chars[i] < 128 &&
		    !strchr("abcdefghijklmnopqrstuvwxyz0123456789-_", (int)chars[i]))
			return 0;
		if (chars[i] < 128 && at < end) {
			*at++ = (char)chars[i];
			basic++;
		}
	}
	if (!ascii && basic && at < end)
		*at++ = '-';
	if (!ascii)
		at = put_others(at, end, chars, count, basic);
	return at < end || ascii ? (size_t)(at - out) : 0;
}

long service_domain_ascii(const struct gw_call *call, struct gw_str domain,
			  char out[GW_DOMAIN_MAX + 1])
{
	size_t len = 0;

	if (domain.len && domain.ptr[domain.len - 1] == '.')
		domain.len--;
	for (;;) {
		size_t dot = gw_str_find(domain, '.'), put;

		if (len + LABEL_MAX + 5 > GW_DOMAIN_MAX)
			return -1;
		put = put_label(out + len, LABEL_MAX, gw_str_n(domain.ptr, dot));
		if (put == 0)
			return -1;
		len += put;
		if (dot == domain.len)
			break;
		out[len++] = '.';
		domain = gw_str_from(domain, dot + 1);
	}
	out[len] = '\0';
	return (long)len;
}
