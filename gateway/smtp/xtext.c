#include "smtp/address.h"

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

static int hex_octet(struct gw_str text)
{
	int high = text.len > 0 ? hex_digit(text.ptr[0]) : -1;
	int low = text.len > 1 ? hex_digit(text.ptr[1]) : -1;

	return high < 0 || low < 0 ? -1 : high * 16 + low;
}

long address_xtext_decode(struct gw_str value, char *out)
{
	size_t i;
	long len = 0;

	for (i = 0; i < value.len; i++) {
		int octet = (unsigned char)value.ptr[i];
		if (octet <= ' ' || octet >= 127 || octet == '=')
			return -1;
		if (octet == '+') {
			octet = hex_octet(gw_str_from(value, i + 1));
			if (octet < 0)
				return -1;
			i += 2;
		}
		out[len++] = (char)octet;
	}
	return len;
}
