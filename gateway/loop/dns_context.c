/* dns_context.c - a libunbound context as the options want it. */
#include "loop/dns_private.h"

#include "loop/listener.h"

#include <arpa/nameser.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unbound-event.h>
#include <unbound.h>
#include <unistd.h>

#define PORTS_MOST 2048
#define PORTS_LEAST 32
#define PORTS_SHARE 16 /* of the descriptors of this process, for each worker */

static bool is_port(struct gw_str text)
{
	char *end;
	long port = strtol(text.ptr, &end, 10);

	return text.len != 0 && text.len <= 5 && end == text.ptr + text.len && text.ptr[0] != '+' &&
	       port > 0 && port < 65536;
}

bool dns_is_server(struct gw_str text)
{
	size_t at = gw_str_find(text, '@');
	struct sockaddr_storage address;
	char host[64] = "";
	socklen_t len;

	if (gw_str_eq(text, gw_str(DNS_SYSTEM)))
		return true;
	if (at >= sizeof(host) || (at < text.len && !is_port(gw_str_from(text, at + 1))))
		return false;
	memcpy(host, text.ptr, at);
	return listener_address(gw_str_n(host, at), 53, &address, &len);
}

static int forward(struct ub_ctx *context, const struct gw_list *servers, struct problems *problems)
{
	size_t i;
	int error;

	for (i = 0; i < servers->count; i++) {
		error = ub_ctx_set_fwd(context, servers->items[i].ptr);
		if (error == 0)
			continue;
		problem_add(problems, true, NULL, 0, "the name server %s cannot be used: %s",
			    servers->items[i].ptr, ub_strerror(error));
		return -1;
	}
	/* The one next door may be the resolver of this machine; and one that was away is asked
	 * again as soon as it is back. */
	if (servers->count != 0 &&
	    (ub_ctx_set_option(context, "do-not-query-localhost:", "no") != 0 ||
	     ub_ctx_set_option(context, "infra-keep-probing:", "yes") != 0))
		return -1;
	return 0;
}

static int trust(struct ub_ctx *context, struct gw_str anchor, struct problems *problems)
{
	if (anchor.len == 0)
		return 0;
	if (access(anchor.ptr, R_OK) == 0 && ub_ctx_add_ta_file(context, anchor.ptr) == 0)
		return 0;
	problem_add(problems, true, anchor.ptr, 0, "the trust anchor cannot be read: %s",
		    strerror(errno));
	return -1;
}

unsigned dns_context_ports(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur / PORTS_SHARE > PORTS_MOST)
		return PORTS_MOST;
	return limit.rlim_cur / PORTS_SHARE < PORTS_LEAST
		       ? PORTS_LEAST
		       : (unsigned)(limit.rlim_cur / PORTS_SHARE);
}

/* The library's own bounds are those of a program that asks now and then: 16 questions at once, 2
 * where the answer is long. */
static int widen(struct ub_ctx *context, unsigned most)
{
	char ports[16];

	snprintf(ports, sizeof(ports), "%u", most);
	const char *const options[][2] = {
		{ "outgoing-range:", ports },          { "outgoing-num-tcp:", "32" },
		{ "num-queries-per-thread:", "8192" }, { "jostle-timeout:", "1000" },
		{ "msg-cache-size:", "4194304" },      { "rrset-cache-size:", "8388608" },
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (ub_ctx_set_option(context, options[i][0], options[i][1]) != 0)
			return -1;
	return 0;
}

static void ignore(void *arg, int rcode, void *packet, int len, int security, char *why,
		   int limited)
{
}

/* The first query completes the context; this one is answered without the network. */
static int begin(struct ub_ctx *context, struct problems *problems)
{
	int error = ub_resolve_event(context, "localhost.", ns_t_a, ns_c_in, NULL, ignore, NULL);

	if (error == 0)
		return 0;
	problem_add(problems, true, NULL, 0, "the DNS resolver cannot begin: %s",
		    ub_strerror(error));
	return -1;
}

static int configure(struct ub_ctx *context, const struct dns_options *options, unsigned ports,
		     struct problems *problems)
{
	ub_ctx_debugout(context, NULL); /* else it writes to standard error */
	if (widen(context, ports) < 0 || forward(context, &options->forward, problems) < 0 ||
	    trust(context, options->trust_anchor, problems) < 0)
		return -1;
	/* Last, since it ends what may be set. */
	if (options->local && ub_ctx_zone_remove(context, "test.") != 0)
		return -1;
	return begin(context, problems);
}

static struct ub_ctx *create(struct worker *worker, const struct dns_options *options,
			     unsigned ports, struct problems *problems)
{
	struct ub_ctx *context = ub_ctx_create_event(worker_event_base(worker));

	if (context && configure(context, options, ports, problems) == 0)
		return context;
	ub_ctx_delete(context);
	return NULL;
}

struct ub_ctx *dns_context_create(struct worker *worker, const struct dns_options *options,
				  struct problems *problems)
{
	struct ub_ctx *context = create(worker, options, dns_context_ports(), problems);

	if (!context && problems->errors == 0)
		problem_add(problems, true, NULL, 0, "the DNS resolver cannot be made");
	return context;
}

struct ub_ctx *dns_context_hosts(struct worker *worker, const struct dns_options *options)
{
	const struct dns_options own = { .forward = options->forward, .local = options->local };
	struct problems problems;
	struct ub_ctx *context;

	problems_init(&problems);
	context = create(worker, &own, PORTS_LEAST, &problems);
	problems_finish(&problems);
	return context;
}
