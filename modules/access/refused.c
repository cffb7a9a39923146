#include "refused.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct refused table[REFUSED_MOST];
static size_t used;
static bool changed;
static int64_t saved_at;

static struct network network_around(struct network network)
{
	unsigned bit;

	network.bits = network_is_four(&network) ? 96 + 24 : 64;
	for (bit = network.bits; bit < 128; bit++)
		network.bytes[bit / 8] &= (unsigned char)~(0x80 >> bit % 8);
	return network;
}

/* Its place; a new one has the count of whom it replaces. */
static struct refused *place_of(const struct network *network, int64_t now)
{
	struct refused *least = &table[0];
	size_t i;

	for (i = 0; i < used; i++) {
		if (memcmp(&table[i].network, network, sizeof *network) == 0)
			return &table[i];
		if (table[i].count < least->count)
			least = &table[i];
	}
	if (used < REFUSED_MOST) {
		least = &table[used++];
		least->count = 0;
	}
	least->network = *network;
	least->domain[0] = '\0';
	least->first = now;
	return least;
}

static void copy(char *out, size_t size, struct gw_str text)
{
	snprintf(out, size, "%.*s", (int)(text.len < size ? text.len : size - 1), text.ptr);
}

void refused_add(struct gw_str peer, struct gw_str reason, struct gw_str domain, int64_t now)
{
	struct network network;
	struct refused *place;

	memset(&network, 0, sizeof network); /* compared octet by octet */
	if (!network_of_peer(&network, peer))
		return;
	network = network_around(network);
	pthread_mutex_lock(&lock);
	place = place_of(&network, now);
	place->count++;
	changed = true;
	place->last = now;
	copy(place->peer, sizeof place->peer, peer);
	copy(place->reason, sizeof place->reason, reason);
	if (domain.len)
		copy(place->domain, sizeof place->domain, domain);
	pthread_mutex_unlock(&lock);
}

static int by_count(const void *a, const void *b)
{
	const struct refused *left = a, *right = b;

	if (left->count != right->count)
		return left->count < right->count ? 1 : -1;
	return left->last < right->last ? 1 : left->last > right->last ? -1 : 0;
}

size_t refused_list(struct refused list[REFUSED_MOST])
{
	size_t count;

	pthread_mutex_lock(&lock);
	count = used;
	memcpy(list, table, used * sizeof *list);
	pthread_mutex_unlock(&lock);
	qsort(list, count, sizeof *list, by_count);
	return count;
}

/* --- over a restart: a line each, "NETWORK COUNT FIRST LAST PEER DOMAIN REASON" --- */

#define RECORD "refused"
#define RECORD_MOST 65536
#define SAVED_APART 60000 /* ms */

/* False: it is none, and nothing is changed. */
static bool read_line(struct refused *refused, char *line)
{
	char network[NETWORK_TEXT];
	int reason = 0;

	memset(refused, 0, sizeof *refused);
	if (sscanf(line, "%63s %" SCNu64 " %" SCNd64 " %" SCNd64 " %47s %63s %n", network,
		   &refused->count, &refused->first, &refused->last, refused->peer, refused->domain,
		   &reason) < 6 ||
	    !reason || network_parse(&refused->network, gw_str(network)))
		return false;
	if (strcmp(refused->domain, "-") == 0)
		*refused->domain = '\0';
	copy(refused->reason, sizeof refused->reason, gw_str(line + reason));
	return true;
}

static void take_up(char *text)
{
	size_t count = 0;
	char *line;

	pthread_mutex_lock(&lock);
	while (!used && count < REFUSED_KEPT && (line = strsep(&text, "\n")))
		count += read_line(&table[count], line);
	used += count;
	pthread_mutex_unlock(&lock);
}

void refused_load(struct gw_call *call)
{
	char *text = calloc(1, RECORD_MOST + 1);
	long size = text ? gw->record_get(call, gw_str(RECORD), text, RECORD_MOST) : -1;

	if (size > 0 && size <= RECORD_MOST)
		take_up(text);
	free(text);
}

/* What others gave stays in its place: no blank in a word, no line end in a reason. */
static size_t write_line(char *out, size_t size, struct refused *refused)
{
	char network[NETWORK_TEXT], *c;
	int len;

	network_print(&refused->network, network);
	for (c = refused->domain; *c; c++)
		if (*c <= ' ')
			*c = '?';
	for (c = refused->reason; *c; c++)
		if ((unsigned char)*c < ' ')
			*c = ' ';
	len = snprintf(out, size, "%s %" PRIu64 " %" PRId64 " %" PRId64 " %s %s %s\n", network,
		       refused->count, refused->first, refused->last, refused->peer,
		       *refused->domain ? refused->domain : "-", refused->reason);
	return len > 0 && (size_t)len < size ? (size_t)len : 0;
}

static bool is_due(int64_t now)
{
	bool due;

	pthread_mutex_lock(&lock);
	due = changed && (now < saved_at || now - saved_at >= SAVED_APART);
	if (due) {
		changed = false;
		saved_at = now;
	}
	pthread_mutex_unlock(&lock);
	return due;
}

void refused_save(struct gw_call *call)
{
	struct refused *list;
	size_t count, len = 0, i;
	char *text;

	if (!is_due(gw->now(call)))
		return;
	list = calloc(REFUSED_MOST, sizeof *list);
	text = malloc(RECORD_MOST);
	count = list && text ? refused_list(list) : 0;
	for (i = 0; i < count && i < REFUSED_KEPT; i++)
		len += write_line(text + len, RECORD_MOST - len, &list[i]);
	if (len)
		gw->record_put(call, gw_str(RECORD), gw_str_n(text, len));
	free(text);
	free(list);
}
