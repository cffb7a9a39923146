#include "loop/dns_records.h"

#include "base/arena.h"
#include "base/list.h"
#include "loop/dns_private.h"

#include <arpa/nameser.h>
#include <stdlib.h>
#include <unbound-event.h>

#define DEADLINE_MS 10000
#define DEADLINE_MOST_MS 60000
#define ASKED_MOST 256

/* What libunbound has been asked: it cannot be told to forget, so this lives until it has answered.
 */
struct dns_asked {
	LIST_ENTRY(dns_asked) link;
	struct dns *dns;
	struct dns_query *query; /* NULL: nobody waits any more */
};

struct dns_query {
	TAILQ_ENTRY(dns_query) link; /* while it waits for its turn */
	struct dns *dns;
	struct dns_asked *asked; /* NULL: it waits, or has its answer */
	bool waits, fresh;
	struct timer timer; /* its deadline, then the turn in which it ends */
	struct arena arena; /* of the answer */
	struct gw_dns_answer answer;
	void (*ended)(const struct gw_dns_answer *answer, void *arg);
	void *arg;
	int type;
	char name[DNS_NAME_TEXT];
};

static void turn(struct dns *dns);

/* --- the end of a query --- */

static void leave(struct dns_query *query)
{
	if (query->waits)
		TAILQ_REMOVE(&query->dns->waiting, query, link);
	if (query->asked)
		query->asked->query = NULL;
	query->waits = false;
	query->asked = NULL;
	timer_clear(&query->timer);
}

void dns_records_cancel(struct dns_query *query)
{
	leave(query);
	arena_finish(&query->arena);
	free(query);
}

static struct dns_query *query_of(struct timer *timer)
{
	return list_of(timer, struct dns_query, timer);
}

/* Who is told may ask again, and destroy nothing of this one. */
static void end(struct timer *timer)
{
	struct dns_query *query = query_of(timer);

	leave(query);
	query->ended(&query->answer, query->arg);
	arena_finish(&query->arena);
	free(query);
}

static void out_of_time(struct timer *timer)
{
	struct dns_query *query = query_of(timer);

	query->answer.error = query->waits ? gw_str("too many questions are asked of the DNS")
					   : gw_str("the name servers did not answer in time");
	end(timer);
}

static void end_soon(struct dns_query *query)
{
	leave(query);
	timer_set(query->dns->worker, &query->timer, 0, end);
}

/* --- from a packet to an answer --- */

struct taker {
	struct dns_query *query;
	struct gw_str *records;
	unsigned preferences[GW_DNS_RECORDS_MAX]; /* of MX */
	size_t count;
};

/* The lowest preference first; equals as they came. */
static void take(void *arg, unsigned preference, struct gw_str text)
{
	struct taker *taker = arg;
	struct gw_str copy = taker->count < GW_DNS_RECORDS_MAX
				     ? arena_str(&taker->query->arena, text)
				     : (struct gw_str){ NULL, 0 };
	size_t at = taker->count;

	if (!copy.ptr)
		return;
	for (; at > 0 && taker->preferences[at - 1] > preference; at--) {
		taker->records[at] = taker->records[at - 1];
		taker->preferences[at] = taker->preferences[at - 1];
	}
	taker->records[at] = copy;
	taker->preferences[at] = preference;
	taker->count++;
}

static void fail(struct gw_dns_answer *answer, const char *why)
{
	answer->status = GW_DNS_FAILED;
	answer->secure = false;
	answer->ttl = 0;
	answer->error = gw_str(why);
}

static void read_packet(struct dns_query *query, const void *packet, int len, bool secure)
{
	static const enum gw_dns_status status[] = { [PACKET_FOUND] = GW_DNS_FOUND,
						     [PACKET_NONE] = GW_DNS_NONE,
						     [PACKET_NO_NAME] = GW_DNS_NO_NAME,
						     [PACKET_FAILED] = GW_DNS_FAILED };
	struct gw_dns_answer *answer = &query->answer;
	struct taker taker = { .query = query };

	answer->ttl = INT32_MAX;
	answer->secure = secure;
	taker.records = arena_alloc(&query->arena, GW_DNS_RECORDS_MAX * sizeof(*taker.records));
	if (!taker.records) {
		fail(answer, "out of memory");
		return;
	}
	answer->status = status[packet_texts(packet, len, query->type, &answer->ttl, take, &taker)];
	answer->records = (struct gw_list){ taker.records, taker.count };
	if (answer->status == GW_DNS_FAILED)
		fail(answer, "the name servers do not know it now");
	else if (query->arena.failed)
		fail(answer, "out of memory");
}

static void forget(struct dns_asked *asked)
{
	LIST_REMOVE(asked, link);
	asked->dns->asked_count--;
	free(asked);
}

static void came(void *arg, int rcode, void *packet, int len, int security, char *why, int limited)
{
	struct dns_asked *asked = arg;
	struct dns_query *query = asked->query;
	struct dns *dns = asked->dns;

	if (query && security == 1)
		fail(&query->answer, "its DNSSEC signatures do not prove it");
	else if (query)
		read_packet(query, rcode == ns_r_noerror || rcode == ns_r_nxdomain ? packet : NULL,
			    len, security == 2);
	if (query)
		end_soon(query);
	forget(asked);
	turn(dns);
}

/* --- its turn --- */

static void ask(struct dns_query *query)
{
	struct dns *dns = query->dns;
	struct dns_asked *asked = malloc(sizeof(*asked));

	TAILQ_REMOVE(&dns->waiting, query, link);
	query->waits = false;
	if (!asked) {
		fail(&query->answer, "out of memory");
		end_soon(query);
		return;
	}
	*asked = (struct dns_asked){ .dns = dns, .query = query };
	query->asked = asked;
	LIST_INSERT_HEAD(&dns->asked, asked, link);
	dns->asked_count++;
	struct dns_follower *servers = &dns->servers;
	struct ub_ctx *context = query->fresh ? dns_follow_fresh(servers) : dns_follow(servers);
	if (ub_resolve_event(context, query->name, query->type, ns_c_in, asked, came, NULL) != 0)
		came(asked, ns_r_servfail, NULL, 0, 0, NULL, 0);
}

static unsigned asked_most(const struct dns *dns)
{
	return dns->asked_most < ASKED_MOST ? dns->asked_most : ASKED_MOST;
}

/* An answer that libunbound has already comes from inside, and makes room: there is one loop for
 * all. */
static void turn(struct dns *dns)
{
	if (dns->asking)
		return;
	dns->asking = true;
	while (!TAILQ_EMPTY(&dns->waiting) && dns->asked_count < asked_most(dns))
		ask(TAILQ_FIRST(&dns->waiting));
	dns->asking = false;
}

void dns_records_init(struct dns *dns)
{
	TAILQ_INIT(&dns->waiting);
	LIST_INIT(&dns->asked);
	dns->asked_most = dns_context_ports() / 4;
}

void dns_records_end(struct dns *dns)
{
	while (!LIST_EMPTY(&dns->asked))
		forget(LIST_FIRST(&dns->asked));
}

/* --- asking --- */

static bool has_type(uint32_t type)
{
	static const uint32_t types[] = { GW_DNS_A,   GW_DNS_AAAA, GW_DNS_MX,
					  GW_DNS_TXT, GW_DNS_PTR,  GW_DNS_TLSA,
					  GW_DNS_NS,  GW_DNS_SOA,  GW_DNS_CNAME };
	size_t i;

	for (i = 0; i < sizeof types / sizeof *types && types[i] != type; i++)
		;
	return i < sizeof types / sizeof *types;
}

const char *dns_records_wrong(const struct gw_dns_question *question)
{
	if (!has_type(question->type))
		return "no question of that type is asked";
	return question->deadline_ms > DEADLINE_MOST_MS ? "an answer is waited for a minute at most"
							: NULL;
}

static void begin(struct dns_query *query, const struct gw_dns_question *question)
{
	struct dns *dns = query->dns;
	int64_t deadline = question->deadline_ms ? question->deadline_ms : DEADLINE_MS;

	if (!dns_name_any(question->name, query->name)) {
		query->answer.status = GW_DNS_NO_NAME;
		end_soon(query);
		return;
	}
	query->waits = true;
	TAILQ_INSERT_TAIL(&dns->waiting, query, link);
	timer_set(dns->worker, &query->timer, deadline, out_of_time);
	turn(dns);
}

struct dns_query *dns_records_ask(struct dns *dns, const struct gw_dns_question *question,
				  void (*ended)(const struct gw_dns_answer *answer, void *arg),
				  void *arg)
{
	struct dns_query *query = malloc(sizeof(*query));

	if (!query)
		return NULL;
	*query = (struct dns_query){ .dns = dns, .ended = ended, .arg = arg };
	query->type = (int)question->type;
	query->fresh = question->fresh != 0;
	query->answer.size = sizeof(query->answer);
	query->answer.status = GW_DNS_FAILED;
	query->answer.error = gw_str("");
	arena_init(&query->arena, 0);
	begin(query, question);
	return query;
}
