#include "s3_fetch.h"

#include "s3_part.h"

#include <stdio.h>

#define PIECE ((uint64_t)1024 * 1024) /* what an answer copies is the time of a worker */

/* Another request, made later, changes nothing: the object is gone, or shorter than it was. All
 * else may be the way there: a token that has run out (400), the page of a proxy, whatever its
 * status. */
static bool is_final(const struct s3_answer *answer)
{
	return s3_answer_is_none(answer) || answer->status == 416 || answer->status == 206;
}

static bool fail(struct s3_fetch *fetch, const char *why, bool later)
{
	snprintf(fetch->remote.why, sizeof fetch->remote.why, "%s", why);
	fetch->remote.later = later;
	return false;
}

/* Of what is near; 0: none of it is. */
static size_t take_near(const struct s3_fetch *fetch, const struct stub *stub, uint64_t from,
			void *out, size_t len)
{
	gsize size = 0;
	const unsigned char *octets = fetch->near ? g_bytes_get_data(fetch->near, &size) : NULL;

	if (!octets || strcmp(fetch->name, stub->name) != 0 || from < fetch->from ||
	    from >= fetch->from + size)
		return 0;
	if (len > size - (from - fetch->from))
		len = size - (from - fetch->from);
	memcpy(out, octets + (from - fetch->from), len);
	return len;
}

static bool ask(struct s3_fetch *fetch, const struct stub *stub, const struct stub_span *in,
		uint64_t from, uint64_t len)
{
	struct s3_span span = { .from = in->from, .end = in->end };
	struct s3_request request = { .method = "GET", .from = from - in->from, .len = len };
	struct s3_answer answer;
	char key[S3_KEY];
	bool good;

	memcpy(span.name, stub->name, sizeof span.name);
	s3_key_write(key, "data", &span);
	request.key = key;
	request.answer_max = (uint32_t)len + 1024;
	good = s3_ask(fetch->target, &request, &answer);
	if (!good)
		fail(fetch, answer.why[0] ? answer.why : "there was no answer", !is_final(&answer));
	else if (!answer.body || g_bytes_get_size(answer.body) != len)
		good = fail(fetch, "the bucket gives another number of octets than were asked for",
			    !is_final(&answer));
	g_clear_pointer(&fetch->near, g_bytes_unref);
	if (good) {
		fetch->near = g_bytes_ref(answer.body);
		fetch->from = from;
		memcpy(fetch->name, stub->name, sizeof fetch->name);
	}
	s3_answer_finish(&answer);
	return good;
}

static bool fetch_more(struct s3_fetch *fetch, const struct stub *stub, uint64_t from, size_t len)
{
	uint64_t want = MIN(MAX(len, fetch->ahead), PIECE);
	struct stub_span span;
	char text[200];

	if (strcmp(stub->target, fetch->target->name) != 0) {
		snprintf(text, sizeof text, "its octets are in another bucket: %.150s",
			 stub->target);
		return fail(fetch, text, true);
	}
	if (!stub_span(stub, from, &span))
		return fail(fetch, "its stub is damaged", false);
	return ask(fetch, stub, &span, from, MIN(want, span.end - from));
}

static bool read_octets(struct remote *remote, const struct stub *stub, uint64_t from, void *out,
			size_t len)
{
	struct s3_fetch *fetch = (struct s3_fetch *)remote;
	unsigned char *at = out;
	size_t got;

	while (len) {
		got = take_near(fetch, stub, from, at, len);
		if (!got && !fetch_more(fetch, stub, from, len))
			return false;
		at += got;
		from += got;
		len -= got;
	}
	return true;
}

void s3_fetch_init(struct s3_fetch *fetch, struct s3_target *target, uint64_t ahead)
{
	*fetch = (struct s3_fetch){ .remote = { .read = read_octets },
				    .target = target,
				    .ahead = ahead };
}

void s3_fetch_finish(struct s3_fetch *fetch)
{
	g_clear_pointer(&fetch->near, g_bytes_unref);
}
