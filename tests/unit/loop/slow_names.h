/* slow_names.h - a name server on 127.0.0.1 in a thread of its own: each answer comes after a
 * while, for names that begin with "dead" never.
 *
 * Names that begin with "none" do not exist. Every other name has one MX, "mx.NAME", with one IPv4
 * address and no IPv6 one; of those that begin with "mute" it is never told whether they have one,
 * those with "both" have one, and those with "brief" may be kept for a second. */
#ifndef TESTS_LOOP_SLOW_NAMES_H
#define TESTS_LOOP_SLOW_NAMES_H

#include "loop_test.h"

#include <arpa/nameser.h>
#include <poll.h>
#include <pthread.h>
#include <resolv.h>
#include <stdatomic.h>
#include <string.h>

#define SLOW_NAMES_ROOM 16384

struct slow_reply {
	int64_t due;
	struct sockaddr_in to;
	unsigned char bytes[600];
	size_t len;
};

struct slow_names {
	int fd;
	int64_t delay_ms;
	pthread_t thread;
	atomic_bool stop;
	/* asked; of them never answered; most answers owed at once */
	atomic_size_t questions, dead, most;
	struct slow_reply *ring;
	size_t first, count;
	char server[32];
};

/* Puts a record of the question's name behind it; its data must be in network order. */
UNUSED static size_t slow_names_record(unsigned char *at, unsigned type, uint32_t ttl,
				       const void *data, size_t len)
{
	unsigned char *to = at;

	NS_PUT16(0xc00c, to);
	NS_PUT16(type, to);
	NS_PUT16(ns_c_in, to);
	NS_PUT32(ttl, to);
	NS_PUT16(len, to);
	memcpy(to, data, len);
	return (size_t)(to - at) + len;
}

/* "mx" and a pointer to the question's name. */
static const unsigned char slow_names_mx[] = { 0, 10, 2, 'm', 'x', 0xc0, 12 };
static const unsigned char slow_names_soa[] = { 0, 0, 0,  0, 0, 1,  0,   0, 14, 16, 0,
						0, 2, 88, 0, 1, 81, 128, 0, 0,  0,  60 };

static bool slow_names_begins(const char *name, const char *with)
{
	return strncmp(name, with, strlen(with)) == 0;
}

static size_t slow_names_fill(unsigned char *bytes, size_t question_end, unsigned type,
			      const char *name)
{
	static const unsigned char four[] = { 127, 0, 0, 2 },
				   six[] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 };
	bool exists = !slow_names_begins(name, "none");
	bool found = exists && (type == ns_t_mx || type == ns_t_a ||
				(type == ns_t_aaaa && slow_names_begins(name, "both")));
	uint32_t ttl = slow_names_begins(name, "brief") ? 1 : 300;
	HEADER *header = (HEADER *)bytes;

	header->qr = 1;
	header->ra = 1;
	header->rcode = exists ? ns_r_noerror : ns_r_nxdomain;
	header->arcount = htons(0);
	header->ancount = htons(found);
	header->nscount = htons(!found);
	if (!found)
		return question_end + slow_names_record(bytes + question_end, ns_t_soa, ttl,
							slow_names_soa, sizeof(slow_names_soa));
	if (type == ns_t_mx)
		return question_end + slow_names_record(bytes + question_end, type, ttl,
							slow_names_mx, sizeof(slow_names_mx));
	if (type == ns_t_a)
		return question_end +
		       slow_names_record(bytes + question_end, type, ttl, four, sizeof(four));
	return question_end + slow_names_record(bytes + question_end, type, ttl, six, sizeof(six));
}

static bool slow_names_is_silent(const char *name, unsigned type)
{
	return slow_names_begins(name, "dead") ||
	       (slow_names_begins(name, "mute") && type == ns_t_aaaa);
}

static void slow_names_take(struct slow_names *names)
{
	struct slow_reply *reply = &names->ring[(names->first + names->count) % SLOW_NAMES_ROOM];
	socklen_t len = sizeof(reply->to);
	ssize_t got = recvfrom(names->fd, reply->bytes, 512, 0, (struct sockaddr *)&reply->to,
			       &len);
	char name[NS_MAXDNAME];
	int used = got < NS_HFIXEDSZ ? -1
				     : dn_expand(reply->bytes, reply->bytes + got,
						 reply->bytes + NS_HFIXEDSZ, name, sizeof(name));
	unsigned type;

	if (used < 0 || names->count == SLOW_NAMES_ROOM)
		return;
	atomic_fetch_add(&names->questions, 1);
	type = ns_get16(reply->bytes + NS_HFIXEDSZ + used);
	if (slow_names_is_silent(name, type)) {
		atomic_fetch_add(&names->dead, 1);
		return;
	}
	reply->due = clock_monotonic() + names->delay_ms;
	reply->len = slow_names_fill(reply->bytes, (size_t)(NS_HFIXEDSZ + used + NS_QFIXEDSZ), type,
				     name);
	if (++names->count > names->most)
		names->most = names->count;
}

static void slow_names_answer(struct slow_names *names)
{
	while (names->count && names->ring[names->first].due <= clock_monotonic()) {
		struct slow_reply *reply = &names->ring[names->first];
		sendto(names->fd, reply->bytes, reply->len, 0, (struct sockaddr *)&reply->to,
		       sizeof(reply->to));
		names->first = (names->first + 1) % SLOW_NAMES_ROOM;
		names->count--;
	}
}

static void *slow_names_main(void *arg)
{
	struct slow_names *names = arg;
	struct pollfd ready = { names->fd, POLLIN, 0 };

	while (!names->stop) {
		while (poll(&ready, 1, 1) > 0)
			slow_names_take(names);
		slow_names_answer(names);
	}
	return NULL;
}

UNUSED static void slow_names_begin(struct slow_names *names, int64_t delay_ms)
{
	struct sockaddr_in address = loopback(0);
	int room = 4 << 20;

	*names = (struct slow_names){ .fd = socket(AF_INET, SOCK_DGRAM, 0), .delay_ms = delay_ms };
	names->ring = calloc(SLOW_NAMES_ROOM, sizeof(*names->ring));
	assert_non_null(names->ring);
	setsockopt(names->fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	assert_int_equal(bind(names->fd, (struct sockaddr *)&address, sizeof(address)), 0);
	snprintf(names->server, sizeof(names->server), "127.0.0.1@%u", port_of(names->fd));
	assert_int_equal(pthread_create(&names->thread, NULL, slow_names_main, names), 0);
}

UNUSED static void slow_names_end(struct slow_names *names)
{
	names->stop = true;
	pthread_join(names->thread, NULL);
	close(names->fd);
	free(names->ring);
}

#endif
