/* dns_packet.c - reads answers in wire format with libc's parser. */
#include "loop/dns_private.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>

static void note_ttl(uint32_t *ttl, uint32_t seconds)
{
	if (seconds < *ttl)
		*ttl = seconds;
}

/* How long it may be taken for granted that there is nothing: RFC 2308 section 5. False: that was
 * not said, only who else to ask. */
static bool note_absence(ns_msg *message, uint32_t *ttl)
{
	bool referral = false;
	ns_rr record;
	int i;

	for (i = 0; i < ns_msg_count(*message, ns_s_ns); i++) {
		if (ns_parserr(message, ns_s_ns, i, &record) != 0)
			return false;
		referral |= ns_rr_type(record) == ns_t_ns;
		if (ns_rr_type(record) != ns_t_soa || ns_rr_rdlen(record) < 20)
			continue;
		note_ttl(ttl, ns_rr_ttl(record));
		note_ttl(ttl, (uint32_t)ns_get32(ns_rr_rdata(record) + ns_rr_rdlen(record) - 4));
		return true;
	}
	return !referral;
}

/* Calls take(arg) for each answer record of the type; aliases on the way only bound the time it is
 * kept. */
static enum packet_kind each_record(const void *bytes, int len, int type, uint32_t *ttl,
				    bool (*take)(void *arg, const ns_msg *message,
						 const ns_rr *record),
				    void *arg)
{
	ns_msg message;
	ns_rr record;
	bool any = false;
	int i, rcode;

	if (!bytes || ns_initparse(bytes, len, &message) != 0)
		return PACKET_FAILED;
	rcode = ns_msg_getflag(message, ns_f_rcode);
	if (rcode != ns_r_noerror && rcode != ns_r_nxdomain)
		return PACKET_FAILED;
	for (i = 0; i < ns_msg_count(message, ns_s_an); i++) {
		if (ns_parserr(&message, ns_s_an, i, &record) != 0)
			return PACKET_FAILED;
		note_ttl(ttl, ns_rr_ttl(record));
		any |= (int)ns_rr_type(record) == type && take(arg, &message, &record);
	}
	if (any)
		return PACKET_FOUND;
	if (!note_absence(&message, ttl))
		return PACKET_FAILED;
	return rcode == ns_r_nxdomain ? PACKET_NO_NAME : PACKET_NONE;
}

struct mx_call {
	void (*each)(void *arg, unsigned preference, const char *host);
	void *arg;
};

static bool take_mx(void *arg, const ns_msg *message, const ns_rr *record)
{
	const struct mx_call *call = arg;
	char host[NS_MAXDNAME];

	if (ns_rr_rdlen(*record) < 3 ||
	    ns_name_uncompress(ns_msg_base(*message), ns_msg_end(*message),
			       ns_rr_rdata(*record) + 2, host, sizeof(host)) < 0)
		return false;
	call->each(call->arg, ns_get16(ns_rr_rdata(*record)), host);
	return true;
}

enum packet_kind packet_mx(const void *bytes, int len, uint32_t *ttl,
			   void (*each)(void *arg, unsigned preference, const char *host),
			   void *arg)
{
	struct mx_call call = { each, arg };

	return each_record(bytes, len, ns_t_mx, ttl, take_mx, &call);
}

struct tlsa_call {
	void (*each)(void *arg, const struct tls_tlsa *tlsa);
	void *arg;
};

static bool take_tlsa(void *arg, const ns_msg *message, const ns_rr *record)
{
	const struct tlsa_call *call = arg;
	const unsigned char *octets = ns_rr_rdata(*record);
	struct tls_tlsa tlsa;

	if (ns_rr_rdlen(*record) < 4)
		return false;
	tlsa = (struct tls_tlsa){ octets[0], octets[1], octets[2],
				  (uint16_t)(ns_rr_rdlen(*record) - 3), octets + 3 };
	call->each(call->arg, &tlsa);
	return true;
}

enum packet_kind packet_tlsa(const void *bytes, int len, uint32_t *ttl,
			     void (*each)(void *arg, const struct tls_tlsa *tlsa), void *arg)
{
	struct tlsa_call call = { each, arg };

	return each_record(bytes, len, ns_t_tlsa, ttl, take_tlsa, &call);
}

struct address_call {
	void (*each)(void *arg, const union dns_address *address);
	void *arg;
};

static bool take_address(void *arg, const ns_msg *message, const ns_rr *record)
{
	const struct address_call *call = arg;
	union dns_address address = { 0 };
	bool six = ns_rr_type(*record) == ns_t_aaaa;

	if (ns_rr_rdlen(*record) != (six ? NS_IN6ADDRSZ : NS_INADDRSZ))
		return false;
	address.any.sa_family = six ? AF_INET6 : AF_INET;
	memcpy(six ? (void *)&address.v6.sin6_addr : (void *)&address.v4.sin_addr,
	       ns_rr_rdata(*record), ns_rr_rdlen(*record));
	call->each(call->arg, &address);
	return true;
}

enum packet_kind packet_addresses(const void *bytes, int len, int type, uint32_t *ttl,
				  void (*each)(void *arg, const union dns_address *address),
				  void *arg)
{
	struct address_call call = { each, arg };

	return each_record(bytes, len, type, ttl, take_address, &call);
}

/* --- as text --- */

struct text_call {
	void (*each)(void *arg, unsigned preference, struct gw_str text);
	void *arg;
	int type;
};

/* Its strings, one behind the other. */
static bool take_strings(const struct text_call *call, const ns_rr *record)
{
	unsigned char text[65536];
	const unsigned char *data = ns_rr_rdata(*record);
	size_t left = ns_rr_rdlen(*record), len = 0;

	while (left > 0) {
		size_t size = *data++;

		if (size > --left)
			return false;
		memcpy(text + len, data, size);
		len += size;
		data += size;
		left -= size;
	}
	call->each(call->arg, 0, gw_str_n((const char *)text, len));
	return true;
}

static bool take_number(const struct text_call *call, const ns_rr *record)
{
	bool six = call->type == ns_t_aaaa;
	char text[INET6_ADDRSTRLEN];

	if (ns_rr_rdlen(*record) != (six ? NS_IN6ADDRSZ : NS_INADDRSZ) ||
	    !inet_ntop(six ? AF_INET6 : AF_INET, ns_rr_rdata(*record), text, sizeof(text)))
		return false;
	call->each(call->arg, 0, gw_str(text));
	return true;
}

static bool take_name(const struct text_call *call, const ns_msg *message, const ns_rr *record)
{
	size_t before = call->type == ns_t_mx ? 2 : 0, i;
	const unsigned char *data = ns_rr_rdata(*record);
	char name[NS_MAXDNAME];

	if (ns_rr_rdlen(*record) < before + 1 ||
	    ns_name_uncompress(ns_msg_base(*message), ns_msg_end(*message), data + before, name,
			       sizeof(name)) < 0)
		return false;
	for (i = 0; name[i] != '\0'; i++)
		name[i] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] + 32) : name[i];
	if (i > 0 && name[i - 1] == '.')
		i--;
	call->each(call->arg, before != 0 ? ns_get16(data) : 0, gw_str_n(name, i));
	return true;
}

static bool take_text(void *arg, const ns_msg *message, const ns_rr *record)
{
	const struct text_call *call = arg;

	switch (call->type) {
	case ns_t_a:
	case ns_t_aaaa:
		return take_number(call, record);
	case ns_t_mx:
	case ns_t_ptr:
	case ns_t_ns:
	case ns_t_cname:
	case ns_t_soa:
		return take_name(call, message, record);
	case ns_t_txt:
		return take_strings(call, record);
	default:
		call->each(call->arg, 0,
			   gw_str_n((const char *)ns_rr_rdata(*record), ns_rr_rdlen(*record)));
		return true;
	}
}

enum packet_kind packet_texts(const void *bytes, int len, int type, uint32_t *ttl,
			      void (*each)(void *arg, unsigned preference, struct gw_str text),
			      void *arg)
{
	struct text_call call = { each, arg, type };

	return each_record(bytes, len, type, ttl, take_text, &call);
}
