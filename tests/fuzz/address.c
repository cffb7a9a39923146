/* One text as a path, a mailbox, a domain, a From field and xtext: the first byte is the flags. */
#include "fuzz.h"
#include "smtp/address.h"

static void check_address(const struct address *address, struct gw_str text, unsigned flags)
{
	size_t i;

	must_lie_in(address->whole, text);
	must_lie_in(address->local, address->whole);
	must_lie_in(address->domain, address->whole);
	must(address->whole.len <= ADDRESS_MAX && address->local.len <= ADDRESS_LOCAL_MAX);
	for (i = 0; i < address->whole.len; i++) {
		unsigned char c = (unsigned char)address->whole.ptr[i];
		must(c >= ' ' && c != 127 && (c < 128 || (flags & ADDRESS_UTF8_OK)));
	}
	if (address->domain.len > 0) {
		must(address->whole.len == address->local.len + 1 + address->domain.len);
		must(address_domain(address->domain, flags & ADDRESS_UTF8_OK));
	}
}

/* What was found is a mailbox by itself, and a path without anything special about it. */
static void check_again(const struct address *address, unsigned flags)
{
	char path[ADDRESS_MAX + 3] = "<";
	struct address again;
	size_t used;

	must(address_mailbox(address->whole, flags, &again));
	must(gw_str_eq(again.local, address->local) && gw_str_eq(again.domain, address->domain));
	memcpy(path + 1, address->whole.ptr, address->whole.len);
	path[1 + address->whole.len] = '>';
	must(address_path(gw_str_n(path, address->whole.len + 2), flags & ADDRESS_UTF8_OK, &again,
			  &used));
	must(used == address->whole.len + 2 && gw_str_eq(again.whole, address->whole));
}

static void check_path(struct gw_str text, unsigned flags)
{
	struct address address;
	size_t used;

	if (!address_path(text, flags, &address, &used))
		return;
	must(used >= 2 && used <= text.len && text.ptr[used - 1] == '>');
	check_address(&address, text, flags);
	must(address.whole.len > 0 || (flags & ADDRESS_NULL_OK));
	must(address.domain.len > 0 || address.whole.len == 0 || (flags & ADDRESS_POSTMASTER));
	if (address.domain.len > 0)
		check_again(&address, flags);
}

static void check_field(struct gw_str text)
{
	struct address address;
	size_t count;

	if (address_in_header(text, &address, &count)) {
		must(count > 0);
		check_address(&address, text, ADDRESS_UTF8_OK);
		check_again(&address, ADDRESS_UTF8_OK);
	}
}

static void check_xtext(struct gw_str text)
{
	char *out = malloc(text.len + 1);
	long len = out ? address_xtext_decode(text, out) : -1;

	must(len <= (long)text.len);
	free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gw_str text = gw_str_n(data, size);
	struct address address;
	unsigned flags;

	if (size == 0)
		return 0;
	flags = take_byte(&text) & 7;
	check_path(text, flags);
	if (address_mailbox(text, flags, &address)) {
		must(gw_str_eq(address.whole, text));
		check_address(&address, text, flags);
		check_again(&address, flags);
	}
	check_field(text);
	check_xtext(text);
	return 0;
}
