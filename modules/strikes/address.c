/* address.c - one record for each address: day, count and the last refusal. Whoever has many
 * addresses finds no more than ADDRESSES places; those of earlier days are given away again. */
#include "address.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define ADDRESSES 256
#define OTHERS "[others]"
#define PREFIX "address."
#define RECORD_MAX (STAGE_MAX + WORDS_MAX + 80)

/* Read, count, write: of one worker at a time. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

bool address_name(struct gw_str text, char name[ADDRESS_MAX])
{
	char copy[INET6_ADDRSTRLEN];
	struct in6_addr ip;
	struct in_addr v4;

	if (text.len >= sizeof copy)
		return false;
	snprintf(copy, sizeof copy, "%.*s", GW_STR_ARGS(text));
	if (inet_pton(AF_INET, copy, &v4) == 1) {
		snprintf(name, ADDRESS_MAX, "[%s]", copy);
		return true;
	}
	if (inet_pton(AF_INET6, copy, &ip) != 1)
		return false;
	memset(ip.s6_addr + 8, 0, 8);
	snprintf(name, ADDRESS_MAX, "[%s/64]", inet_ntop(AF_INET6, &ip, copy, sizeof copy));
	return true;
}

/* --- records --- */

static struct gw_str key_of(char room[ADDRESS_MAX + 16], const char *name)
{
	snprintf(room, ADDRESS_MAX + 16, PREFIX "%s", name);
	return gw_str(room);
}

/* False: it is of another day, or none. */
static bool read_record(struct gw_str value, int64_t day, struct account *account)
{
	char text[RECORD_MAX];
	long long of = 0, count = 0;
	int refusal = 0;

	*account = (struct account){ .seen = 0 };
	snprintf(text, sizeof text, "%.*s", GW_STR_ARGS(value));
	if (sscanf(text, "%lld %lld %n", &of, &count, &refusal) < 2 || of != day)
		return false;
	account->refused = count;
	refusal_read(text + refusal, &account->last);
	return true;
}

static int64_t count_of(struct gw_call *call, struct gw_str key, int64_t day)
{
	char value[RECORD_MAX];
	struct account account;
	long len = gw->record_get(call, key, value, sizeof value);

	if (len < 0 || (size_t)len > sizeof value ||
	    !read_record(gw_str_n(value, (size_t)len), day, &account))
		return 0;
	return account.refused;
}

static int put(struct gw_call *call, struct gw_str key, int64_t day, int64_t count,
	       const struct refusal *refusal)
{
	char text[RECORD_MAX], last[STAGE_MAX + WORDS_MAX + 40];

	refusal_write(refusal, last, sizeof last);
	snprintf(text, sizeof text, "%lld %lld %s", (long long)day, (long long)count, last);
	return gw->record_put(call, key, gw_str(text));
}

/* --- places --- */

struct census {
	int64_t day;
	size_t count;
	char old[ADDRESS_MAX + 16]; /* the key of one of another day; empty: there is none */
};

static int count_place(void *arg, struct gw_str key, struct gw_str value)
{
	struct census *census = arg;
	struct account account;

	census->count++;
	if (!census->old[0] && !read_record(value, census->day, &account))
		snprintf(census->old, sizeof census->old, "%.*s", GW_STR_ARGS(key));
	return 0;
}

/* A place for an address that has none; false: all are taken today. */
static bool make_place(struct gw_call *call, int64_t day)
{
	struct census census = { .day = day };

	if (gw->record_each(call, gw_str(PREFIX), count_place, &census) != 0)
		return false;
	if (census.old[0])
		gw->record_drop(call, gw_str(census.old));
	return census.count < ADDRESSES || census.old[0];
}

static int64_t count_refusal(struct gw_call *call, char name[ADDRESS_MAX],
			     const struct refusal *refusal)
{
	char room[ADDRESS_MAX + 16];
	int64_t day = ledger_day(call);
	struct gw_str key = key_of(room, name);

	if (gw->record_get(call, key, NULL, 0) < 0 && !make_place(call, day)) {
		snprintf(name, ADDRESS_MAX, OTHERS);
		key = key_of(room, name);
	}
	int64_t count = count_of(call, key, day) + 1;
	return put(call, key, day, count, refusal) == 0 ? count : -1;
}

int64_t address_refusal(struct gw_call *call, char name[ADDRESS_MAX], const struct refusal *refusal)
{
	pthread_mutex_lock(&lock);
	int64_t count = count_refusal(call, name, refusal);
	pthread_mutex_unlock(&lock);
	return count;
}

/* --- the list --- */

struct walk {
	void (*each)(void *arg, struct gw_str name, const struct account *account);
	void *arg;
	int64_t day;
};

static int step(void *arg, struct gw_str key, struct gw_str value)
{
	const struct walk *walk = arg;
	struct account account;

	if (read_record(value, walk->day, &account))
		walk->each(walk->arg, gw_str_from(key, strlen(PREFIX)), &account);
	return 0;
}

int address_each(struct gw_call *call,
		 void (*each)(void *arg, struct gw_str name, const struct account *account),
		 void *arg)
{
	struct walk walk = { each, arg, ledger_day(call) };

	return gw->record_each(call, gw_str(PREFIX), step, &walk);
}
