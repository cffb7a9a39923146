#include "life.h"

#include <gateway/hash.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define SOON_MS                                                                                    \
	60000 /* until a look that brought nothing, or not what is wanted, is made again           \
	       */

bool life_day(struct gw_str text, int64_t *ms)
{
	struct tm tm = { 0 };
	const char *end;
	time_t seconds;

	*ms = 0;
	if (text.len == 0)
		return true;
	end = text.len == 10 ? strptime(text.ptr, "%Y-%m-%d", &tm) : NULL;
	if (!end || *end)
		return false;
	seconds = timegm(&tm);
	*ms = (int64_t)seconds * 1000;
	return tm.tm_year >= 100 && gmtime_r(&seconds, &tm) && atoi(text.ptr + 8) == tm.tm_mday;
}

/* --- what is kept --- */

/* Kept with the record that was compared, so that another key under the same name begins anew. */
static uint64_t hash_of(const struct key *key)
{
	struct text own = { 0 };
	uint64_t hash;

	key_record(key, &own);
	hash = gw_str_hash(gw_str_n(own.ptr, own.len));
	text_finish(&own);
	return hash;
}

#define KEPT "served/"

static void kept_name(const struct key *key, char out[sizeof KEPT + KEY_NAME_MAX])
{
	memcpy(out, KEPT, sizeof KEPT);
	key_name(key, out + sizeof KEPT - 1);
}

static int known_before(struct gw_call *call, const struct key *key)
{
	char name[sizeof KEPT + KEY_NAME_MAX], value[40] = "";
	uint64_t hash;
	int record;

	kept_name(key, name);
	if (gw->record_get(call, gw_str(name), value, sizeof value - 1) <= 0 ||
	    sscanf(value, "%d %" SCNx64, &record, &hash) != 2 || hash != hash_of(key) ||
	    record < DKIM_RECORD_SAME || record >= DKIM_RECORDS)
		return DKIM_RECORD_UNKNOWN;
	return record;
}

static void keep(struct gw_call *call, const struct key *key, enum dkim_record record)
{
	char name[sizeof KEPT + KEY_NAME_MAX], value[40];

	kept_name(key, name);
	snprintf(value, sizeof value, "%d %" PRIx64, (int)record, hash_of(key));
	gw->record_put(call, gw_str(name), gw_str(value));
}

bool lives_init(struct gw_call *call, struct lives *lives, const struct signer *signer)
{
	lives->signer = signer;
	lives->items = calloc(signer->key_count + 1, sizeof *lives->items);
	for (size_t i = 0; lives->items && i < signer->key_count; i++)
		atomic_init(&lives->items[i].record, known_before(call, &signer->keys[i]));
	return lives->items != NULL;
}

void lives_finish(struct lives *lives)
{
	free(lives->items);
	lives->items = NULL;
}

enum dkim_record life_judge(const struct key *key, const struct gw_dns_answer *answer)
{
	struct text own = { 0 };
	enum dkim_record record = DKIM_RECORD_UNKNOWN;

	key_record(key, &own);
	if (!own.failed)
		record = dkim_record_judge(answer, gw_str_n(own.ptr, own.len));
	text_finish(&own);
	return record;
}

/* --- asking --- */

static void ask(struct gw_call *call, const struct key *key, size_t number)
{
	char name[KEY_NAME_MAX];
	/* Each worker has kept its own answer, of another time: afresh, so that two of them in turn
	 * do not say yes and no of one key. */
	struct gw_dns_question question = { .size = sizeof question,
					    .type = GW_DNS_TXT,
					    .fresh = 1 };

	key_name(key, name);
	question.name = gw_str(name);
	/* No answer, no harm: it is due again. The number is all that the answer needs. */
	gw->dns_ask(call, &question, (void *)(number + 1));
}

void lives_ask(struct gw_call *call, struct lives *lives)
{
	int64_t now = gw->now(call);

	for (size_t i = 0; i < lives->signer->key_count; i++) {
		int64_t due = atomic_load(&lives->items[i].due);

		/* A clock that was set back may not silence it. */
		if (due > now && due - now <= lives->check_ms + SOON_MS)
			continue;
		if (atomic_compare_exchange_strong(&lives->items[i].due, &due, now + SOON_MS))
			ask(call, &lives->signer->keys[i], i);
	}
}

void lives_hurry(struct lives *lives)
{
	for (size_t i = 0; i < lives->signer->key_count; i++)
		atomic_store(&lives->items[i].due, 0);
}

static void tell(struct gw_call *call, const struct key *key, enum dkim_record record)
{
	struct gw_event event = { .size = sizeof event, .name = gw_str("dkim-key") };
	char name[KEY_NAME_MAX], text[KEY_NAME_MAX + 100];

	key_name(key, name);
	snprintf(text, sizeof text, "%s %s", name, dkim_record_words(record));
	gw->log(call, record == DKIM_RECORD_SAME ? GW_LOG_INFO : GW_LOG_WARNING, "%s", text);
	event.text = gw_str(text);
	event.json = gw_str("{}");
	gw->emit(call, &event);
}

/* A name server that fails says nothing of the key: what was known stands. */
void life_answered(struct gw_call *call, struct lives *lives, size_t number,
		   const struct gw_dns_answer *answer)
{
	struct life *life = &lives->items[number];
	const struct key *key = &lives->signer->keys[number];
	int64_t now = gw->now(call), ttl = (int64_t)answer->ttl * 1000;
	enum dkim_record record;

	if (answer->status == GW_DNS_FAILED)
		return;
	record = life_judge(key, answer);
	if (record == DKIM_RECORD_UNKNOWN)
		return;
	if (record == DKIM_RECORD_SAME)
		atomic_store(
			&life->due,
			now + (ttl > SOON_MS && ttl < lives->check_ms ? ttl : lives->check_ms));
	atomic_store(&life->looked, now);
	if (atomic_exchange(&life->record, (int)record) == (int)record)
		return;
	keep(call, key, record);
	tell(call, key, record);
}

/* --- what follows --- */

void life_begins(struct lives *lives, size_t number, int64_t now)
{
	atomic_store(&lives->items[number].from, now);
}

void life_ends(struct lives *lives, size_t number, int64_t now)
{
	atomic_store(&lives->items[number].until, now);
}

int64_t life_from(const struct lives *lives, size_t number)
{
	int64_t from = atomic_load(&lives->items[number].from);

	return from ? from : lives->signer->keys[number].from;
}

static int64_t life_until(const struct lives *lives, size_t number)
{
	int64_t until = atomic_load(&lives->items[number].until);

	return until ? until : lives->signer->keys[number].until;
}

bool served_by_resolver(const struct lives *lives, size_t number)
{
	return atomic_load(&lives->items[number].record) == DKIM_RECORD_SAME;
}

enum stage life_stage(const struct lives *lives, size_t number, int64_t now)
{
	int64_t from = life_from(lives, number), until = life_until(lives, number);

	if (from && now < from)
		return atomic_load(&lives->items[number].record) == DKIM_RECORD_SAME
			       ? STAGE_VERIFIED
			       : STAGE_PREPUBLISHED;
	if (until && now >= until)
		return now < until + lives->keep_ms ? STAGE_RETIRING : STAGE_RETIRED;
	return STAGE_ACTIVE;
}

static bool may_sign(const struct lives *lives, size_t number)
{
	return !lives->published || atomic_load(&lives->items[number].record) == DKIM_RECORD_SAME;
}

static bool is_its_time(const struct lives *lives, size_t number, int64_t now)
{
	return life_stage(lives, number, now) == STAGE_ACTIVE;
}

/* Whether one of that algorithm, whose time it is, may sign. */
static bool has_heir(const struct lives *lives, size_t first, size_t count, int64_t now,
		     enum key_algorithm algorithm)
{
	for (size_t i = first; i < first + count; i++)
		if (lives->signer->keys[i].algorithm == algorithm && is_its_time(lives, i, now) &&
		    may_sign(lives, i))
			return true;
	return false;
}

static bool is_over(const struct lives *lives, size_t number, int64_t now)
{
	return life_stage(lives, number, now) >= STAGE_RETIRING;
}

size_t lives_signing(const struct lives *lives, size_t first, size_t count, int64_t now,
		     size_t out[KEYS_A_DOMAIN], bool *unknown)
{
	size_t signing = 0;

	*unknown = false;
	for (size_t i = first; i < first + count; i++) {
		bool wanted = is_its_time(lives, i, now) ||
			      (is_over(lives, i, now) &&
			       !has_heir(lives, first, count, now,
					 lives->signer->keys[i].algorithm));

		if (!wanted)
			continue;
		if (may_sign(lives, i))
			out[signing++] = i;
		else
			*unknown |= atomic_load(&lives->items[i].record) == DKIM_RECORD_UNKNOWN;
	}
	*unknown &= signing == 0;
	return signing;
}

const char *life_stage_word(enum stage stage)
{
	static const char *const words[] = { "prepublished", "verified", "active", "retiring",
					     "retired" };

	return words[stage];
}
