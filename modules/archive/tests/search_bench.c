/* search_bench.c - fills an archive with mail through the module's own store and indexer, without
 * SMTP, and measures what searches in it take.
 *
 *   search_bench FOLDER [-n MAILS] [-l OCTETS] [-d DAYS] [-q ROUNDS]
 *
 * -n 0 only searches in what is there. Senders, recipients and words are as uneven as those of a
 * company: few write most, and most words are rare. */
#include "archive.h"
#include "index.h"
#include "words.h"

#include <gateway/testkit.h>

#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define FIRST INT64_C(1767225600000) /* 2026-01-01 */
#define DAY INT64_C(86400000)
#define VOCABULARY 40000
#define SENDERS 2000
#define CUSTOMERS 200000

static struct {
	const char *folder;
	long mails, length, days, rounds;
} what = { .mails = 100000, .length = 1000, .days = 180, .rounds = 300 };

/* --- a company --- */

static uint64_t seed = 20261128;

static uint32_t draw(uint32_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 16) % below;
}

/* The first are drawn most. */
static uint32_t draw_uneven(uint32_t below)
{
	double at = draw(1 << 24) / (double)(1 << 24);

	return (uint32_t)(pow(below, at)) - 1;
}

static void word_of(char out[24], uint32_t number)
{
	static const char *const parts[] = { "ba", "co", "di",  "fu", "ga", "ho",  "ju",
					     "ka", "le", "mi",  "no", "pe", "qua", "ri",
					     "so", "tu", "ver", "wo", "xa", "zen" };
	size_t len = 0;

	number += 400;
	for (; number; number /= 20)
		len += (size_t)snprintf(out + len, 24 - len, "%s", parts[number % 20]);
}

static void add_words(GString *text, unsigned count)
{
	char word[24];
	unsigned i;

	for (i = 0; i < count; i++) {
		word_of(word, draw_uneven(VOCABULARY));
		g_string_append_printf(text, "%s%s", word,
				       i + 1 == count ? ""
				       : i % 11 == 10 ? "\r\n"
						      : " ");
	}
}

static void sender_of(char out[64], uint32_t number)
{
	snprintf(out, 64, "person%u@d%u.example.com", number, number % 20);
}

static void customer_of(char out[64], uint32_t number)
{
	snprintf(out, 64, "c%u@firm%u.example", number, number % 5000);
}

static int64_t time_of(long nth)
{
	return FIRST + (int64_t)((double)nth * (double)(what.days * DAY) / (double)what.mails);
}

/* --- one mail --- */

static struct gw_json *description(const char *id, const char *key, const char *value)
{
	struct gw_json *json = gw->json_create();

	gw->json_begin(json, NULL, GW_JSON_OBJECT);
	gw->json_string(json, "id", gw_str(id));
	gw->json_string(json, key, gw_str(value));
	return json;
}

static void add_rcpt(struct gw_json *json, const char *rcpt)
{
	gw->json_begin(json, "rcpts", GW_JSON_ARRAY);
	gw->json_string(json, NULL, gw_str(rcpt));
	gw->json_end(json);
}

static GString *mail_of(long nth, const char *sender, const char *rcpt)
{
	GString *mail = g_string_new(NULL);

	g_string_append_printf(
		mail,
		"From: %s\r\nTo: %s\r\nMessage-ID: <m%ld@host.example.com>\r\nSubject: ", sender,
		rcpt, nth);
	add_words(mail, 4);
	g_string_append_printf(mail,
			       " case%ld\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n",
			       nth % 50000);
	while (mail->len < (size_t)what.length) {
		add_words(mail, 50);
		g_string_append(mail, "\r\n");
	}
	return mail;
}

/* The mail as it arrived; it leaves with one field more in front. */
static long read_mail(void *arg, uint64_t at, void *out, size_t len)
{
	memcpy(out, (const char *)arg + at, len);
	return (long)len;
}

static void make_record(struct store *store, struct item *item, size_t nth, const char *octets,
			size_t len)
{
	struct press *press = presses_take(store_presses(store), store_level(store));
	const struct source body = { .read = read_mail, .arg = (void *)octets, .len = len };

	bulk_init(&item->records[nth], store_folder(store));
	if (!record_make(&item->records[nth], store_keys(store), item->parts[nth].kind, item->time,
			 gw->json_text(item->parts[nth].meta), &body, press, item->hashes[nth]))
		abort();
	presses_give(store_presses(store), press);
}

static void make_records(struct store *store, struct item *item, GString *mail)
{
	static char field[] = "DKIM-Signature: v=1; a=rsa-sha256; d=example.com; s=bench\r\n";
	struct gw_json *left = item->parts[1].meta;

	gw->json_number(item->parts[0].meta, "size", (int64_t)mail->len);
	gw->json_number(left, "size", (int64_t)(mail->len + sizeof field - 1));
	gw->json_number(left, "front", 0);
	gw->json_number(left, "back", (int64_t)mail->len);
	gw->json_bool(left, "like", false);
	item->made = true;
	make_record(store, item, 0, mail->str, mail->len);
	make_record(store, item, 1, field, sizeof field - 1);
}

static struct item *item_of(struct store *store, long nth, const char *id, const char *rcpt)
{
	struct item *item = calloc(1, sizeof *item);
	char sender[64], name[24];
	GString *mail;
	struct gw_json *arrived, *left;

	sender_of(sender, draw_uneven(SENDERS));
	mail = mail_of(nth, sender, rcpt);
	arrived = description(id, "sender", sender);
	snprintf(name, sizeof name, "client%u", draw_uneven(20));
	gw->json_string(arrived, "client", gw_str(name));
	snprintf(name, sizeof name, "type%u", draw_uneven(5));
	gw->json_string(arrived, "type", gw_str(name));
	gw->json_string(arrived, "peer", gw_str("192.0.2.7"));
	add_rcpt(arrived, rcpt);
	left = description(id, "relay", draw(10) ? "out" : "other");
	gw->json_string(left, "return_path", gw_str(sender));
	add_rcpt(left, rcpt);
	item->time = time_of(nth);
	item->count = 2;
	item->parts[0] = (struct part){ RECORD_ARRIVED, arrived, true };
	item->parts[1] = (struct part){ RECORD_LEFT, left, true };
	make_records(store, item, mail);
	g_string_free(mail, TRUE);
	return item;
}

static void add_mail(struct store *store, long nth)
{
	char id[32], rcpt[64];
	struct gw_json *outcome;

	snprintf(id, sizeof id, "I%015ld", nth);
	customer_of(rcpt, draw_uneven(CUSTOMERS));
	store_add(store, item_of(store, nth, id, rcpt));
	outcome = description(id, "rcpt", rcpt);
	gw->json_string(outcome, "relay", gw_str("out"));
	gw->json_string(outcome, "status", gw_str("delivered"));
	gw->json_number(outcome, "code", 250);
	gw->json_string(outcome, "text", gw_str("2.0.0 Ok: queued as 4bVxyz1234"));
	store_add(store, item_plain(RECORD_OUTCOME, time_of(nth), outcome));
}

/* --- what it costs --- */

static double cpu_of(int who)
{
	struct rusage usage;

	getrusage(who, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static long memory_kib(void)
{
	long pages = 0;
	FILE *file = fopen("/proc/self/statm", "re");

	if (!file || fscanf(file, "%*d %ld", &pages) != 1)
		pages = 0;
	if (file)
		fclose(file);
	return pages * sysconf(_SC_PAGESIZE) / 1024;
}

static void fill(struct store *store)
{
	double began = now(), made = cpu_of(RUSAGE_THREAD), all = cpu_of(RUSAGE_SELF);
	long nth;

	for (nth = 0; nth < what.mails; nth++) {
		while (!store_has_room(store, (uint64_t)what.length * 2))
			usleep(1000);
		add_mail(store, nth);
	}
	store_flush(store);
	made = cpu_of(RUSAGE_THREAD) - made;
	printf("written: %.3f s CPU per 1,000 (making them: %.3f), %.1f s\n",
	       (cpu_of(RUSAGE_SELF) - all - made) * 1000 / (double)what.mails,
	       made * 1000 / (double)what.mails, now() - began);
}

static void make_index(struct store *store)
{
	atomic_bool stop = false;
	double began = now(), cpu = cpu_of(RUSAGE_SELF);
	struct indexer *indexer = indexer_start(store, NULL);

	while (!indexer_wait(indexer, &stop))
		usleep(1000);
	printf("indexed: %.3f s CPU per 1,000, %.1f s, %ld KiB resident\n",
	       (cpu_of(RUSAGE_SELF) - cpu) * 1000 / (double)(what.mails ? what.mails : 1),
	       now() - began, memory_kib());
	indexer_stop(indexer);
}

/* --- searches --- */

static char text_one[64], text_two[64];

static void by_sender(struct query *query)
{
	sender_of(text_one, draw_uneven(SENDERS));
	query->sender = text_one;
}

static void by_rare_sender(struct query *query)
{
	sender_of(text_one, SENDERS - 1 - draw(SENDERS / 2));
	query->sender = text_one;
}

static void by_recipient(struct query *query)
{
	customer_of(text_two, draw_uneven(CUSTOMERS));
	query->recipient = text_two;
}

static void by_domain(struct query *query)
{
	snprintf(text_one, sizeof text_one, "@d%u.example.com", draw(20));
	query->sender = text_one;
}

static void by_both(struct query *query)
{
	by_sender(query);
	by_recipient(query);
}

static void by_subject(struct query *query)
{
	snprintf(text_one, sizeof text_one, "case%u", draw(50000));
	query->subject = text_one;
}

static void by_common_word(struct query *query)
{
	word_of(text_one, draw(20));
	query->words = text_one;
}

static void by_rare_word(struct query *query)
{
	word_of(text_one, VOCABULARY / 2 + draw(VOCABULARY / 2));
	query->words = text_one;
}

static void by_two_words(struct query *query)
{
	char one[24], two[24];

	word_of(one, draw_uneven(VOCABULARY));
	word_of(two, draw_uneven(VOCABULARY));
	snprintf(text_one, sizeof text_one, "%s %s", one, two);
	query->words = text_one;
}

static void by_message_id(struct query *query)
{
	long mails = what.mails ? what.mails : 1000000;

	snprintf(text_one, sizeof text_one, "m%u@host.example.com", draw((uint32_t)mails));
	query->message_id = text_one;
}

static void by_id(struct query *query)
{
	long mails = what.mails ? what.mails : 1000000;

	snprintf(text_one, sizeof text_one, "I%015u", draw((uint32_t)mails));
	query->id = text_one;
}

static void in_a_day(struct query *query)
{
	query->since = FIRST + draw((uint32_t)what.days) * DAY;
	query->until = query->since + DAY;
}

static void in_months(struct query *query)
{
	query->since = FIRST + draw((uint32_t)what.days / 2 + 1) * DAY;
	query->until = query->since + 90 * DAY;
}

static void by_sender_in_months(struct query *query)
{
	by_sender(query);
	in_months(query);
}

static void by_word_in_a_day(struct query *query)
{
	by_common_word(query);
	in_a_day(query);
}

static void by_client_and_word(struct query *query)
{
	by_rare_word(query);
	query->client = "client19";
}

static void by_rare_client(struct query *query)
{
	query->client = "client19";
	query->type = "type4";
}

static void by_relay(struct query *query)
{
	query->relay = "other";
}

static void by_sender_and_word(struct query *query)
{
	sender_of(text_two, SENDERS - 1 - draw(SENDERS / 2));
	query->sender = text_two;
	by_common_word(query);
}

static void by_nothing(struct query *query)
{
	(void)query;
}

static void by_nobody(struct query *query)
{
	query->sender = "nobody@nowhere.example";
}

static const struct {
	const char *name;
	void (*ask)(struct query *query);
} kinds[] = {
	{ "sender", by_sender },
	{ "sender who writes little", by_rare_sender },
	{ "recipient", by_recipient },
	{ "sender's domain", by_domain },
	{ "sender and recipient", by_both },
	{ "word of the subject", by_subject },
	{ "common word", by_common_word },
	{ "rare word", by_rare_word },
	{ "two words", by_two_words },
	{ "message-id", by_message_id },
	{ "ID", by_id },
	{ "a day", in_a_day },
	{ "three months", in_months },
	{ "sender, three months", by_sender_in_months },
	{ "common word, a day", by_word_in_a_day },
	{ "rare word, client", by_client_and_word },
	{ "rare client and type", by_rare_client },
	{ "relay", by_relay },
	{ "rare sender, common word", by_sender_and_word },
	{ "everything", by_nothing },
	{ "nobody", by_nobody },
};

static void count_hit(void *arg, const struct hit *hit)
{
	(void)hit;
	++*(unsigned long *)arg;
}

static int compare(const void *one, const void *two)
{
	double a = *(const double *)one, b = *(const double *)two;

	return (a > b) - (a < b);
}

static void measure(struct index *index, size_t kind, double *took)
{
	unsigned long hits = 0;
	long round, failed = 0;

	for (round = 0; round < what.rounds; round++) {
		struct query query = { .limit = 100 };
		double began;

		kinds[kind].ask(&query);
		began = now();
		failed += !index_search(index, &query, count_hit, &hits);
		took[round] = (now() - began) * 1000;
	}
	qsort(took, (size_t)what.rounds, sizeof *took, compare);
	printf("| %-24s | %8.1f | %8.2f | %8.2f | %8.2f | %8ld |%s\n", kinds[kind].name,
	       (double)hits / (double)what.rounds, took[what.rounds / 2],
	       took[what.rounds * 99 / 100], took[what.rounds - 1], memory_kib(),
	       failed ? " FAILED" : "");
	fflush(stdout);
}

static void search(void)
{
	struct index *index = index_open(what.folder, false);
	double *took = calloc((size_t)what.rounds, sizeof *took);
	size_t kind;

	printf("| %-24s | %8s | %8s | %8s | %8s | %8s |\n", "search by", "hits", "p50 ms", "p99 ms",
	       "most ms", "KiB");
	puts("|--------------------------|---------:|---------:|---------:|---------:|---------:|");
	for (kind = 0; kind < sizeof kinds / sizeof kinds[0]; kind++)
		measure(index, kind, took);
	free(took);
	index_close(index);
}

/* --- */

static void parse(int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "n:l:d:q:")) != -1)
		switch (option) {
		case 'n':
			what.mails = atol(optarg);
			break;
		case 'l':
			what.length = atol(optarg);
			break;
		case 'd':
			what.days = atol(optarg);
			break;
		case 'q':
			what.rounds = atol(optarg);
			break;
		default:
			exit(64);
		}
	if (argc - optind != 1 || what.mails < 0 || what.days < 1 || what.rounds < 0) {
		fputs("usage: search_bench [-n MAILS] [-l OCTETS] [-d DAYS] [-q ROUNDS] FOLDER\n",
		      stderr);
		exit(64);
	}
	what.folder = argv[optind];
}

int main(int argc, char **argv)
{
	struct testkit *kit = testkit_create(gw_module_v1);
	struct store_settings settings = { .delay_ms = 100, .level = 1 };
	const char *why = NULL;
	char *key;
	struct store *store;

	parse(argc, argv);
	key = g_strdup_printf("%s.sign.key", what.folder);
	settings.folder = what.folder;
	settings.wrap_file = "";
	settings.sign_file = key;
	words_init();
	store = store_open(&settings, &why);
	if (!store) {
		fprintf(stderr, "search_bench: %s: %s\n", what.folder, why);
		return 1;
	}
	if (what.mails)
		fill(store);
	make_index(store);
	store_close(store);
	if (what.rounds)
		search();
	g_free(key);
	testkit_destroy(kit);
	return 0;
}
