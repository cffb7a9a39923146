#include "authority.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netinet/in.h>
#include <resolv.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define WAIT_S 1 /* and twice that for the second try */
#define TRIES 2

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

static bool point_at(struct __res_state *state, const char *address, uint16_t port)
{
	struct sockaddr_in *server = &state->nsaddr_list[0];

	memset(server, 0, sizeof *server);
	server->sin_family = AF_INET;
	server->sin_port = htons(port);
	state->nscount = 1;
	state->retrans = WAIT_S;
	state->retry = TRIES;
	state->options &= ~(unsigned long)(RES_RECURSE | RES_DNSRCH | RES_DEFNAMES);
	return inet_pton(AF_INET, address, &server->sin_addr) == 1;
}

void authority_ask(const char *address, uint16_t port, const char *name,
		   struct authority_answer *out)
{
	struct __res_state state = { 0 };
	unsigned char question[NS_PACKETSZ], bytes[NS_MAXMSG];
	int len;

	*out = (struct authority_answer){ .answer = { .size = sizeof out->answer } };
	out->answer.records.items = out->records;
	if (res_ninit(&state) != 0) {
		fail(out, "cannot be asked");
		return;
	}
	len = point_at(&state, address, port)
		      ? res_nmkquery(&state, ns_o_query, name, ns_c_in, ns_t_txt, NULL, 0, NULL,
				     question, sizeof question)
		      : -1;
	if (len < 0)
		fail(out, "cannot be asked");
	else
		read_answer(bytes, res_nsend(&state, question, len, bytes, sizeof bytes), name,
			    out);
	res_nclose(&state);
}
