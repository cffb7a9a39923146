/* sources_spf.c - the networks that a domain's SPF lists: asked for, kept as long as they may be,
 * and remembered for the next process. */
#include "../common/due.h"
#include "asking.h"
#include "sources.h"

#include <stdio.h>
#include <stdlib.h>

#define SECOND ((int64_t)1000)
#define KEEP_LEAST (60 * SECOND)
#define KEEP_MOST (6 * 3600 * SECOND)
#define AGAIN (60 * SECOND)         /* the DNS does not answer */
#define AGAIN_BROKEN (600 * SECOND) /* it answers, and that is no list */
#define RECORD_MOST 65000

/* --- over a restart --- */

static void key_of(const struct source *source, char *key, size_t size)
{
	snprintf(key, size, "networks:%.200s", source->name.ptr);
}

/* A list that is too long to be remembered is asked for anew. */
static void save(struct gw_call *call, const struct source *source)
{
	char *text = malloc(RECORD_MOST + NETWORK_TEXT + 1), key[256];
	size_t len = 0, i;

	if (!text)
		return;
	for (i = 0; i < source->count && len < RECORD_MOST; i++) {
		len += network_print(&source->list[i], text + len);
		text[len++] = '\n';
	}
	key_of(source, key, sizeof key);
	if (len < RECORD_MOST)
		gw->record_put(call, gw_str(key), gw_str_n(text, len));
	else
		gw->record_drop(call, gw_str(key));
	free(text);
}

static struct network *read_networks(struct gw_str text, size_t *count)
{
	struct network *list = malloc((text.len / 4 + 1) * sizeof *list);

	*count = 0;
	while (list && text.len) {
		size_t end = gw_str_find(text, '\n');

		if (!network_parse(&list[*count], gw_str_n(text.ptr, end)))
			++*count;
		text = gw_str_from(text, end < text.len ? end + 1 : end);
	}
	return list;
}

void source_load(struct gw_call *call, struct source *source)
{
	char key[256], *text = malloc(RECORD_MOST);
	struct network *list;
	size_t count;
	long size;

	if (!text)
		return;
	key_of(source, key, sizeof key);
	size = gw->record_get(call, gw_str(key), text, RECORD_MOST);
	list = size >= 0 && size < RECORD_MOST ? read_networks(gw_str_n(text, (size_t)size), &count)
					       : NULL;
	if (list)
		source_take(source, list, count, NULL, 0);
	free(text);
}

/* --- asking --- */

static int64_t within(int64_t ms)
{
	return ms < KEEP_LEAST ? KEEP_LEAST : ms > KEEP_MOST ? KEEP_MOST : ms;
}

bool source_is_due(const struct source *source, int64_t now)
{
	return is_due(source->due, now, KEEP_MOST);
}

static void came(struct gw_call *call, struct spf *spf, void *arg)
{
	struct source *source = arg;
	enum spf_result result = spf_result(spf);
	size_t count = 0;
	struct network *list = result == SPF_PASS ? spf_take_networks(spf, &count) : NULL;
	const char *flaw = networks_flaw(list, count);
	int64_t now = gw->now(call);

	source->asked = false;
	if (result == SPF_PASS && !flaw) {
		source_take(source, list, count, NULL, now);
		source->due = now + within(spf_ttl(spf) * SECOND);
		save(call, source);
		return;
	}
	if (!flaw)
		flaw = result == SPF_NONE && !spf_why(spf)[0] ? "it has no SPF" : spf_why(spf);
	source_take(source, list, count, flaw, now);
	source->due = now + (result == SPF_TEMPERROR ? AGAIN : AGAIN_BROKEN);
}

void source_ask(struct gw_call *call, struct source *source)
{
	char domain[GW_DOMAIN_MAX + 1];
	long size = gw->domain_ascii(call, source->name, domain);
	struct spf *spf = size < 0 ? NULL : spf_list(gw_str_n(domain, (size_t)size));

	source->due = gw->now(call) + AGAIN;
	source->asked = spf && asking_begin(call, spf, came, source);
}
