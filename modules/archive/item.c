#include "item.h"

#include "store.h"

#include <stdlib.h>

#include <openssl/evp.h>

#define PIECE ((size_t)65536)
#define SPAN ((size_t)256) /* octets that are compared at once */
#define LIKE_LEAST ((uint64_t)2048)
#define LIKE_MOST ((uint64_t)8 * 1024 * 1024) /* of a message that is held in memory for it */

/* --- the octets --- */

static long read_arrived(void *arg, uint64_t at, void *out, size_t len)
{
	struct item *item = arg;

	return gw->read(item->message, at, out, len);
}

static long read_left(void *arg, uint64_t at, void *out, size_t len)
{
	struct item *item = arg;

	return gw->delivery_read(item->delivery, at, out, len);
}

static uint64_t between_size(const struct item *item)
{
	return item->left_size - item->delta.front - item->delta.back;
}

typedef long reader(void *arg, uint64_t at, void *out, size_t len);

/* All of what arrived; NULL: it cannot be read, or no memory. */
static unsigned char *copy_arrived(struct item *item)
{
	size_t size = (size_t)item->arrived_size;
	unsigned char *octets = malloc(size + 1);

	if (octets && (!size || read_arrived(item, 0, octets, size) == (long)size))
		return octets;
	free(octets);
	return NULL;
}

size_t item_weight(const struct item *item)
{
	size_t weight = sizeof *item + 1024, i;

	for (i = 0; item->made && i < item->count; i++)
		weight += item->records[i].bytes ? item->records[i].bytes->len : 0;
	return weight;
}

static bool digest(struct item *item, reader *read, uint64_t size, char out[65])
{
	unsigned char piece[PIECE], hash[HASH_SIZE];
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool good = context && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1;
	uint64_t at = 0;

	while (good && at < size) {
		size_t want = size - at < PIECE ? (size_t)(size - at) : PIECE;

		good = read(item, at, piece, want) == (long)want &&
		       EVP_DigestUpdate(context, piece, want) == 1;
		at += want;
	}
	good = good && EVP_DigestFinal_ex(context, hash, NULL) == 1;
	EVP_MD_CTX_free(context);
	if (good)
		hex_write(out, hash);
	return good;
}

/* --- how what left differs --- */

/* Where two of a length differ first, from the front or from the back. */
static size_t same_octets(const unsigned char *one, const unsigned char *two, size_t len, bool back)
{
	size_t done = 0, i;

	for (; done < len; done += SPAN) {
		size_t span = len - done < SPAN ? len - done : SPAN;
		size_t from = back ? len - done - span : done;

		if (memcmp(one + from, two + from, span) == 0)
			continue;
		for (i = 0; i < span - 1; i++)
			if (back ? one[len - 1 - done - i] != two[len - 1 - done - i]
				 : one[done + i] != two[done + i])
				break;
		return done + i;
	}
	return len;
}

/* How many octets are the same from both fronts, or from both backs. -1: cannot be read. */
static int64_t same(struct item *item, bool back, uint64_t most)
{
	unsigned char one[PIECE], two[PIECE];
	uint64_t done = 0;

	while (done < most) {
		size_t equal, want = most - done < PIECE ? (size_t)(most - done) : PIECE;
		uint64_t first = back ? item->arrived_size - done - want : done;
		uint64_t second = back ? item->left_size - done - want : done;

		if (read_arrived(item, first, one, want) != (long)want ||
		    read_left(item, second, two, want) != (long)want)
			return -1;
		equal = same_octets(one, two, want, back);
		done += equal;
		if (equal < want)
			return (int64_t)done;
	}
	return (int64_t)most;
}

static bool compare(struct item *item)
{
	struct delta *delta = &item->delta;
	uint64_t least = item->arrived_size < item->left_size ? item->arrived_size
							      : item->left_size;
	int64_t back = same(item, true, least);
	int64_t front = back < 0 ? -1 : same(item, false, least - (uint64_t)back);

	if (front < 0)
		return false;
	delta->front = (uint64_t)front;
	delta->back = (uint64_t)back;
	delta->like = item->arrived_size <= LIKE_MOST && between_size(item) >= LIKE_LEAST;
	return true;
}

/* --- descriptions --- */

static void write_rcpts(struct gw_json *json, struct gw_message *message,
			struct gw_delivery *delivery)
{
	struct gw_rcpt *rcpt;
	size_t nth = 0;

	gw->json_begin(json, "rcpts", GW_JSON_ARRAY);
	while ((rcpt = delivery ? gw->delivery_rcpt(delivery, nth)
				: gw->message_rcpt(message, nth)) != NULL) {
		gw->json_string(json, NULL, gw->rcpt_fact(rcpt, GW_RCPT_ADDRESS));
		nth++;
	}
	gw->json_end(json);
}

static void describe_arrived(struct gw_json *json, struct gw_message *message, int64_t until)
{
	static const struct {
		const char *key;
		enum gw_message_fact fact;
	} facts[] = { { "sender", GW_MESSAGE_SENDER }, { "client", GW_MESSAGE_CLIENT },
		      { "login", GW_MESSAGE_LOGIN },   { "type", GW_MESSAGE_TYPE },
		      { "peer", GW_MESSAGE_PEER },     { "helo", GW_MESSAGE_HELO },
		      { "envid", GW_MESSAGE_ENVID },   { "tls", GW_MESSAGE_TLS } };
	size_t i;

	for (i = 0; i < sizeof facts / sizeof facts[0]; i++)
		gw->json_string(json, facts[i].key, gw->message_fact(message, facts[i].fact));
	gw->json_number(json, "received", gw->message_number(message, GW_MESSAGE_RECEIVED_AT));
	if (gw->message_number(message, GW_MESSAGE_OWN) == 1)
		gw->json_bool(json, "own", true);
	if (until)
		gw->json_number(json, "until", until);
	write_rcpts(json, message, NULL);
}

static void describe_left(struct gw_json *json, struct gw_message *message,
			  struct gw_delivery *delivery)
{
	gw->json_string(json, "relay", gw->delivery_fact(delivery, GW_DELIVERY_RELAY));
	gw->json_string(json, "return_path", gw->delivery_fact(delivery, GW_DELIVERY_RETURN_PATH));
	gw->json_number(json, "attempt", gw->message_number(message, GW_MESSAGE_ATTEMPTS) + 1);
	write_rcpts(json, message, delivery);
}

static struct part *add_part(struct item *item, enum record_kind kind, struct gw_message *message)
{
	struct part *part = &item->parts[item->count++];

	part->kind = kind;
	part->has_body = true;
	part->meta = gw->json_create();
	gw->json_begin(part->meta, NULL, GW_JSON_OBJECT);
	gw->json_string(part->meta, "id", gw->message_fact(message, GW_MESSAGE_ID));
	return part;
}

struct item *item_mail(struct gw_call *call, struct gw_message *message,
		       struct gw_delivery *delivery, bool arrived, int64_t until)
{
	struct item *item = calloc(1, sizeof *item);

	if (!item)
		return NULL;
	item->time = gw->now(call);
	item->message = message;
	item->delivery = delivery;
	item->arrived_size = (uint64_t)gw->message_number(message, GW_MESSAGE_SIZE);
	if (arrived)
		describe_arrived(add_part(item, RECORD_ARRIVED, message)->meta, message, until);
	if (!delivery)
		return item;
	item->left_size = (uint64_t)gw->delivery_number(delivery, GW_DELIVERY_SIZE);
	describe_left(add_part(item, RECORD_LEFT, message)->meta, message, delivery);
	return item;
}

struct item *item_plain(enum record_kind kind, int64_t time, struct gw_json *meta)
{
	struct item *item = calloc(1, sizeof *item);

	if (!item) {
		gw->json_destroy(meta);
		return NULL;
	}
	item->time = time;
	item->count = 1;
	item->parts[0] = (struct part){ .kind = kind, .meta = meta };
	return item;
}

void item_free(void *arg)
{
	struct item *item = arg;
	size_t i;

	if (item->after)
		item_free(item->after);
	for (i = 0; i < item->count; i++)
		gw->json_destroy(item->parts[i].meta);
	for (i = 0; i < item->count && item->made; i++)
		bulk_finish(&item->records[i]);
	free(item);
}

/* --- records --- */

/* Where a part's record goes: to the batch, or into a file of its own. */
typedef void sink(void *arg, struct item *item, size_t nth, struct gw_str meta,
		  const struct source *body);

static bool end_arrived(struct item *item, struct gw_json *meta)
{
	if (!digest(item, read_arrived, item->arrived_size, item->sha256))
		return false;
	gw->json_string(meta, "sha256", gw_str(item->sha256));
	gw->json_number(meta, "size", (int64_t)item->arrived_size);
	return true;
}

/* Of what left as it came it is known already, where it was archived now. */
static bool digest_left(struct item *item, char sha256[65])
{
	if (item->left_size != item->arrived_size || !item->sha256[0] ||
	    item->delta.front + item->delta.back < item->left_size)
		return digest(item, read_left, item->left_size, sha256);
	memcpy(sha256, item->sha256, sizeof item->sha256);
	return true;
}

static bool end_left(struct item *item, struct gw_json *meta)
{
	char sha256[65];

	if (!compare(item) || !digest_left(item, sha256))
		return false;
	gw->json_string(meta, "sha256", gw_str(sha256));
	gw->json_number(meta, "size", (int64_t)item->left_size);
	gw->json_number(meta, "front", (int64_t)item->delta.front);
	gw->json_number(meta, "back", (int64_t)item->delta.back);
	gw->json_bool(meta, "like", item->delta.like);
	return true;
}

static bool describe(struct item *item)
{
	bool good = true;
	size_t i;

	for (i = 0; i < item->count && good; i++)
		if (item->parts[i].kind == RECORD_ARRIVED)
			good = end_arrived(item, item->parts[i].meta);
		else if (item->parts[i].kind == RECORD_LEFT)
			good = end_left(item, item->parts[i].meta);
	return good;
}

static bool put_arrived(struct item *item, size_t nth, sink *to, void *arg)
{
	struct source body = { .read = read_arrived, .arg = item, .len = item->arrived_size };

	to(arg, item, nth, gw->json_text(item->parts[nth].meta), &body);
	return true;
}

static bool put_left(struct item *item, size_t nth, sink *to, void *arg)
{
	const struct delta *delta = &item->delta;
	struct source body = { .read = read_left, .arg = item, .from = delta->front };
	unsigned char *like = NULL;

	body.len = between_size(item);
	if (delta->like) {
		like = copy_arrived(item);
		if (!like)
			return false;
		body.like = gw_str_n(like, (size_t)item->arrived_size);
	}
	to(arg, item, nth, gw->json_text(item->parts[nth].meta), &body);
	free(like);
	return true;
}

/* False: it cannot be read. */
static bool put(struct item *item, sink *to, void *arg)
{
	bool good = true;
	size_t i;

	for (i = 0; i < item->count && good; i++) {
		if (!item->parts[i].has_body)
			to(arg, item, i, gw->json_text(item->parts[i].meta), NULL);
		else
			good = item->parts[i].kind == RECORD_ARRIVED ? put_arrived(item, i, to, arg)
								     : put_left(item, i, to, arg);
	}
	return good;
}

static void to_batch(void *arg, struct item *item, size_t nth, struct gw_str meta,
		     const struct source *body)
{
	if (meta.ptr)
		batch_add(arg, item->parts[nth].kind, item->time, meta, body);
	else
		item->broken = true;
}

static void to_file(void *arg, struct item *item, size_t nth, struct gw_str meta,
		    const struct source *body)
{
	const struct keys *keys = store_keys(item->store);

	if (!meta.ptr || !record_make(&item->records[nth], keys, item->parts[nth].kind, item->time,
				      meta, body, arg, item->hashes[nth]))
		item->broken = true;
}

/* In memory, without a folder. False: there is no room. */
static bool make_in(struct item *item, const char *folder, struct press *press)
{
	bool fits = true;
	size_t i;

	for (i = 0; i < item->count; i++) {
		if (item->made)
			bulk_finish(&item->records[i]);
		bulk_init(&item->records[i], folder);
	}
	item->made = true;
	item->broken = !put(item, to_file, press);
	for (i = 0; i < item->count; i++)
		fits &= !item->records[i].error;
	return fits;
}

/* A disk that is full takes small records for long when it has no room for a large one: that is
 * made elsewhere, and the writer learns how the disk is. */
static void make(struct item *item, struct press *press)
{
	struct store *store = item->store;
	const char *spill = store_spill_folder(store);

	if (!make_in(item, store_work_folder(store), press) &&
	    !(spill && make_in(item, spill, press)) &&
	    store_has_room(store, item->arrived_size + item->left_size))
		make_in(item, NULL, press);
}

void item_work(void *arg)
{
	struct item *item = arg;
	struct presses *presses = store_presses(item->store);
	struct press *press = presses_take(presses, store_level(item->store));

	item->broken = !press || !describe(item);
	if (!item->broken)
		make(item, press);
	presses_give(presses, press);
}

void item_write(struct item *item, struct batch *batch)
{
	size_t i;

	for (i = 0; i < item->count && item->made && !item->broken; i++)
		batch_add_made(batch, &item->records[i], item->hashes[i]);
	if (!item->made && !item->broken && !put(item, to_batch, batch))
		item->broken = true;
}
