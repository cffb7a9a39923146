#include "life.h"

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

static void record_name(const struct key *key, char out[GW_DOMAIN_MAX * 2])
{
	snprintf(out, GW_DOMAIN_MAX * 2, "served/%.100s._domainkey.%s", key->selector, key->domain);
}

static int known_before(struct gw_call *call, const struct key *key)
{
	char name[GW_DOMAIN_MAX * 2], value[2];

	record_name(key, name);
	if (gw->record_get(call, gw_str(name), value, sizeof value) != 1 || value[0] < '1' ||
	    value[0] > '0' + SERVED_SEVERAL)
		return SERVED_UNKNOWN;
	return value[0] - '0';
}

static void keep(struct gw_call *call, const struct key *key, enum served served)
{
	char name[GW_DOMAIN_MAX * 2], value[2] = { (char)('0' + served), '\0' };

	record_name(key, name);
	gw->record_put(call, gw_str(name), gw_str(value));
}

bool lives_init(struct gw_call *call, struct lives *lives, const struct signer *signer)
{
	lives->items = calloc(signer->key_count + 1, sizeof *lives->items);
	if (!lives->items)
		return false;
	for (size_t i = 0; i < signer->key_count; i++) {
		atomic_init(&lives->items[i].served, known_before(call, &signer->keys[i]));
		lives->items[i].from = signer->keys[i].from;
		lives->items[i].until = signer->keys[i].until;
	}
	return true;
}

void lives_finish(struct lives *lives)
{
	free(lives->items);
	lives->items = NULL;
}

/* --- a record --- */

static struct gw_str cut(struct gw_str *rest, char at)
{
	size_t len = gw_str_find(*rest, at);
	struct gw_str part = gw_str_n(rest->ptr, len);

	*rest = gw_str_from(*rest, len < rest->len ? len + 1 : len);
	return part;
}

/* The value of a tag; ptr NULL: it is not there (RFC 6376 section 3.2). */
static struct gw_str tag(struct gw_str record, const char *name)
{
	while (record.len) {
		struct gw_str part = cut(&record, ';'), key = gw_str_trim(cut(&part, '='));

		if (gw_str_eq(key, gw_str(name)))
			return gw_str_trim(part);
	}
	return (struct gw_str){ NULL, 0 };
}

/* Whether they are the same but for blanks, which base64 may be folded with. */
static bool same_but_blanks(struct gw_str a, struct gw_str b)
{
	size_t i = 0, j = 0;

	for (;; i++, j++) {
		while (i < a.len && gw_is_space(a.ptr[i]))
			i++;
		while (j < b.len && gw_is_space(b.ptr[j]))
			j++;
		if (i == a.len || j == b.len)
			return i == a.len && j == b.len;
		if (a.ptr[i] != b.ptr[j])
			return false;
	}
}

/* Whether a list "a:b" is missing, and so says any, or has the word or "*". */
static bool takes(struct gw_str list, const char *word)
{
	if (!list.ptr)
		return true;
	while (list.len) {
		struct gw_str part = gw_str_trim(cut(&list, ':'));

		if (gw_str_ieq(part, gw_str(word)) || gw_str_eq(part, gw_str("*")))
			return true;
	}
	return false;
}

static bool is_for_mail(const struct key *key, struct gw_str record)
{
	struct gw_str version = tag(record, "v"), kind = tag(record, "k");
	const char *wanted = key->algorithm == KEY_RSA ? "rsa" : "ed25519";

	if (version.ptr && !gw_str_eq(version, gw_str("DKIM1")))
		return false;
	if (!gw_str_ieq(kind.ptr ? kind : gw_str("rsa"), gw_str(wanted)))
		return false;
	return takes(tag(record, "h"), "sha256") && takes(tag(record, "s"), "email");
}

enum served life_served(const struct key *key, const struct gw_dns_answer *answer)
{
	struct text own = { 0 };
	struct gw_str record, theirs;
	bool same;

	if (answer->status != GW_DNS_FOUND || answer->records.count == 0)
		return SERVED_NOTHING;
	if (answer->records.count > 1)
		return SERVED_SEVERAL;
	record = answer->records.items[0];
	theirs = tag(record, "p");
	if (theirs.ptr && theirs.len == 0)
		return SERVED_REVOKED;
	key_record(key, &own);
	same = !own.failed && theirs.ptr && is_for_mail(key, record) &&
	       same_but_blanks(theirs, tag(gw_str_n(own.ptr, own.len), "p"));
	text_finish(&own);
	return same ? SERVED_YES : SERVED_OTHER;
}

/* --- asking --- */

static void ask(struct gw_call *call, const struct key *key, size_t number)
{
	char name[GW_DOMAIN_MAX * 2];
	struct gw_dns_question question = { .size = sizeof question, .type = GW_DNS_TXT };

	snprintf(name, sizeof name, "%.100s._domainkey.%s", key->selector, key->domain);
	question.name = gw_str(name);
	/* No answer, no harm: it is due again. The number is all that the answer needs. */
	gw->dns_ask(call, &question, (void *)(number + 1));
}

void lives_ask(struct gw_call *call, struct lives *lives, const struct signer *signer)
{
	int64_t now = gw->now(call);

	for (size_t i = 0; i < signer->key_count; i++) {
		int64_t due = atomic_load(&lives->items[i].due);

		/* A clock that was set back may not silence it. */
		if (due > now && due - now <= lives->check_ms + SOON_MS)
			continue;
		if (atomic_compare_exchange_strong(&lives->items[i].due, &due, now + SOON_MS))
			ask(call, &signer->keys[i], i);
	}
}

void lives_hurry(struct lives *lives, const struct signer *signer)
{
	for (size_t i = 0; i < signer->key_count; i++)
		atomic_store(&lives->items[i].due, 0);
}

static void tell(struct gw_call *call, const struct key *key, enum served served)
{
	struct gw_event event = { .size = sizeof event, .name = gw_str("dkim-key") };
	char text[GW_DOMAIN_MAX * 2 + 200];

	snprintf(text, sizeof text, "%.100s._domainkey.%s: %s", key->selector, key->domain,
		 life_served_words(served));
	gw->log(call, served == SERVED_YES ? GW_LOG_INFO : GW_LOG_WARNING, "%s", text);
	event.text = gw_str(text);
	event.json = gw_str("{}");
	gw->emit(call, &event);
}

/* A name server that fails says nothing of the key: what was known stands. */
void life_answered(struct gw_call *call, struct lives *lives, const struct signer *signer,
		   size_t number, const struct gw_dns_answer *answer)
{
	struct life *life = &lives->items[number];
	const struct key *key = &signer->keys[number];
	int64_t now = gw->now(call), ttl = (int64_t)answer->ttl * 1000;
	enum served served;

	if (answer->status == GW_DNS_FAILED)
		return;
	served = life_served(key, answer);
	if (served == SERVED_YES)
		atomic_store(
			&life->due,
			now + (ttl > SOON_MS && ttl < lives->check_ms ? ttl : lives->check_ms));
	atomic_store(&life->looked, now);
	if (atomic_exchange(&life->served, (int)served) == (int)served)
		return;
	keep(call, key, served);
	tell(call, key, served);
}

/* --- what follows --- */

enum stage life_stage(const struct lives *lives, size_t number, int64_t now)
{
	const struct life *life = &lives->items[number];

	if (life->from && now < life->from)
		return atomic_load(&life->served) == SERVED_YES ? STAGE_VERIFIED
								: STAGE_PREPUBLISHED;
	if (life->until && now >= life->until)
		return now < life->until + lives->keep_ms ? STAGE_RETIRING : STAGE_RETIRED;
	return STAGE_ACTIVE;
}

static bool may_sign(const struct lives *lives, size_t number)
{
	return !lives->published || atomic_load(&lives->items[number].served) == SERVED_YES;
}

static bool is_its_time(const struct lives *lives, size_t number, int64_t now)
{
	return life_stage(lives, number, now) == STAGE_ACTIVE;
}

/* Whether one of that algorithm, whose time it is, may sign. */
static bool has_heir(const struct lives *lives, const struct signer *signer, size_t first,
		     size_t count, int64_t now, enum key_algorithm algorithm)
{
	for (size_t i = first; i < first + count; i++)
		if (signer->keys[i].algorithm == algorithm && is_its_time(lives, i, now) &&
		    may_sign(lives, i))
			return true;
	return false;
}

static bool is_over(const struct lives *lives, size_t number, int64_t now)
{
	return life_stage(lives, number, now) >= STAGE_RETIRING;
}

size_t lives_signing(const struct lives *lives, const struct signer *signer, size_t first,
		     size_t count, int64_t now, size_t out[KEYS_A_DOMAIN], bool *unknown)
{
	size_t signing = 0;

	*unknown = false;
	for (size_t i = first; i < first + count; i++) {
		bool wanted = is_its_time(lives, i, now) ||
			      (is_over(lives, i, now) && !has_heir(lives, signer, first, count, now,
								   signer->keys[i].algorithm));

		if (!wanted)
			continue;
		if (may_sign(lives, i))
			out[signing++] = i;
		else
			*unknown |= atomic_load(&lives->items[i].served) == SERVED_UNKNOWN;
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

const char *life_served_words(enum served served)
{
	static const char *const words[] = {
		[SERVED_UNKNOWN] = "not asked yet",
		[SERVED_YES] = "DNS serves this key",
		[SERVED_NOTHING] = "DNS serves no record",
		[SERVED_OTHER] = "DNS serves another key, or one that is not for mail with SHA-256",
		[SERVED_REVOKED] = "DNS says that the key is revoked",
		[SERVED_SEVERAL] =
			"DNS serves several records, of which verifiers take any or none",
	};

	return words[served];
}
