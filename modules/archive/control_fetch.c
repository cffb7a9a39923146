#include "control_fetch.h"

#include "words.h"

#include <pthread.h>
#include <stdio.h>

#define AFTER_MS 100
#define LEFT_MS 60000 /* nobody has asked for it since */
#define KEPT_MS 5000  /* it is there, and nobody asked for it since */

struct fetch {
	pthread_t thread;
	atomic_bool stop, done;
	char *key, *folder;
	struct fetch_want want;
	struct s3_fetching fetching;
	struct reader reader;
	int64_t asked;
	struct fetched fetched;
};

static const char *const opened_words[] = {
	[OPENED] = "",
	[OPENED_DESTROYED] = "its key was destroyed: it is gone for good",
	[OPENED_DAMAGED] =
		"it cannot be opened: it is damaged (archive verify --s3), or its key is not in key_file",
};

bool fetch_is_needed(struct archive *archive, const struct fetch_want *want)
{
	return reader_is_away(&archive->reader, &want->arrived) ||
	       (want->has_left && reader_is_away(&archive->reader, &want->left));
}

static void read_mail(struct fetch *fetch)
{
	const struct fetch_want *want = &fetch->want;
	struct fetched *fetched = &fetch->fetched;

	if (want->meta)
		fetched->meta = reader_meta(&fetch->reader, &want->arrived, &fetched->record,
					    &fetched->opened);
	else if (want->has_left)
		fetched->opened = reader_left(&fetch->reader, &want->arrived, &want->left,
					      &fetched->octets);
	else
		fetched->opened = reader_arrived(&fetch->reader, &want->arrived, UINT64_MAX,
						 &fetched->octets);
	fetched->why = fetch->reader.why[0] ? fetch->reader.why : opened_words[fetched->opened];
}

static void *run(void *arg)
{
	struct fetch *fetch = arg;

	read_mail(fetch);
	fetch->done = true;
	return NULL;
}

static void free_fetch(struct fetch *fetch)
{
	reader_finish(&fetch->reader);
	s3_fetching_end(&fetch->fetching);
	gw->json_free(fetch->fetched.meta);
	bulk_finish(&fetch->fetched.octets);
	g_free(fetch->folder);
	g_free(fetch->key);
	g_free(fetch);
}

void fetch_end(struct archive *archive)
{
	if (!archive->fetch)
		return;
	archive->fetch->stop = true;
	pthread_join(archive->fetch->thread, NULL);
	free_fetch(archive->fetch);
	archive->fetch = NULL;
}

static void begin(struct gw_call *call, struct archive *archive, const struct fetch_want *want)
{
	struct fetch *fetch = g_new0(struct fetch, 1);

	fetch->want = *want;
	fetch->want.key = fetch->key = g_strdup(want->key);
	fetch->folder = g_strdup(store_folder(archive->store));
	fetch->asked = gw->now(call);
	reader_init(&fetch->reader, fetch->folder, store_keys(archive->store));
	fetch->reader.remote = s3_fetching_begin(&fetch->fetching, archive->s3, &fetch->stop,
						 FETCH_ONE);
	bulk_init(&fetch->fetched.octets, fetch->folder);
	if (words_thread(&fetch->thread, run, fetch) == 0)
		archive->fetch = fetch;
	else
		free_fetch(fetch);
}

static bool is_left(const struct fetch *fetch, int64_t now)
{
	return now - fetch->asked > (fetch->done ? KEPT_MS : LEFT_MS);
}

static void answer_again(struct gw_call *call, struct gw_list words)
{
	struct gw_json *json = gw->json_create();
	size_t i;

	gw->json_begin(json, NULL, GW_JSON_OBJECT);
	gw->json_begin(json, "again", GW_JSON_ARRAY);
	gw->json_string(json, NULL, gw_str("archive"));
	for (i = 0; i < words.count; i++)
		gw->json_string(json, NULL, words.items[i]);
	gw->json_end(json);
	gw->json_number(json, "after", AFTER_MS);
	gw->answer_json(call, json);
}

struct fetched *fetch_ask(struct gw_call *call, struct archive *archive,
			  const struct fetch_want *want, struct gw_list words)
{
	struct fetch *fetch = archive->fetch;

	if (fetch && strcmp(fetch->key, want->key) != 0 && is_left(fetch, gw->now(call)))
		fetch_end(archive);
	if (!archive->fetch)
		begin(call, archive, want);
	fetch = archive->fetch;
	if (fetch && strcmp(fetch->key, want->key) == 0) {
		fetch->asked = gw->now(call);
		if (fetch->done)
			return &fetch->fetched;
	}
	answer_again(call, words);
	return NULL;
}
