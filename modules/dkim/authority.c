#include "authority.h"

#include "exchange.h"

#include <arpa/nameser.h>
#include <netinet/in.h>
#include <resolv.h>
#include <string.h>
#include <strings.h>

#define WAIT_MS 3000

static void fail(struct authority_answer *out, const char *why)
{
	out->answer.status = GW_DNS_FAILED;
	out->answer.error = gw_str(why);
}

/* The strings of a TXT record, one behind the other. */
static void take_strings(ns_rr *record, struct authority_answer *out, size_t *used)
{
	const unsigned char *at = ns_rr_rdata(*record), *end = at + ns_rr_rdlen(*record);
	struct gw_str text = { out->bytes + *used, 0 };

	while (at < end && *at < end - at && *at + *used <= sizeof out->bytes) {
		memcpy(out->bytes + *used, at + 1, *at);
		*used += *at;
		text.len += *at;
		at += *at + 1;
	}
	if (out->answer.records.count < AUTHORITY_RECORDS)
		out->records[out->answer.records.count++] = text;
}

static void take_answers(ns_msg *message, const char *name, struct authority_answer *out)
{
	size_t used = 0;
	ns_rr record;
	int i;

	for (i = 0; i < ns_msg_count(*message, ns_s_an); i++) {
		if (ns_parserr(message, ns_s_an, i, &record) != 0)
			break;
		if (strcasecmp(ns_rr_name(record), name) != 0)
			continue;
		if (ns_rr_type(record) == ns_t_txt)
			take_strings(&record, out, &used);
		out->is_alias |= ns_rr_type(record) == ns_t_cname;
	}
}

static void read_answer(const unsigned char *bytes, int len, const char *name,
			struct authority_answer *out)
{
	ns_msg message;

	if (len <= 0 || ns_initparse(bytes, len, &message) != 0) {
		fail(out, "does not answer");
		return;
	}
	take_answers(&message, name, out);
	if (ns_msg_getflag(message, ns_f_rcode) == ns_r_nxdomain)
		out->answer.status = GW_DNS_NO_NAME;
	else if (out->answer.records.count)
		out->answer.status = GW_DNS_FOUND;
	else
		out->answer.status = GW_DNS_NONE;
	if (!ns_msg_getflag(message, ns_f_aa))
		fail(out, "is not authoritative");
}

void authority_ask(const char *address, uint16_t port, const char *name,
		   struct authority_answer *out)
{
	struct name_server server;
	struct __res_state state = { 0 };
	unsigned char question[NS_PACKETSZ], bytes[NS_MAXMSG];
	int len = -1, got;

	*out = (struct authority_answer){ .answer = { .size = sizeof out->answer } };
	out->answer.records.items = out->records;
	if (name_server_read(&server, address, port) && res_ninit(&state) == 0) {
		state.options &= ~(unsigned long)RES_RECURSE;
		len = res_nmkquery(&state, ns_o_query, name, ns_c_in, ns_t_txt, NULL, 0, NULL,
				   question, sizeof question);
		res_nclose(&state);
	}
	if (len < 0) {
		fail(out, "cannot be asked");
		return;
	}
	got = exchange(&server, question, (size_t)len, bytes, sizeof bytes, WAIT_MS);
	out->no_route = got == EXCHANGE_NO_ROUTE;
	if (out->no_route)
		fail(out, server.any.sa_family == AF_INET6 ? "not asked: this machine has no IPv6"
							   : "not asked: no way leads there");
	else
		read_answer(bytes, got, name, out);
}
