#include "supervisor/hang.h"

#include "base/id.h"
#include "base/log.h"

#include <stdio.h>

void hangs_clear(struct hangs *hangs)
{
	memset(hangs, 0, sizeof(*hangs));
}

static unsigned look(struct hangs *hangs, size_t nth, const struct place *place)
{
	bool turned = hangs->beats[nth] != place->beat;
	hangs->beats[nth] = place->beat;
	hangs->still[nth] = turned ? 0 : hangs->still[nth] + 1;
	return hangs->still[nth];
}

bool hangs_look(struct hangs *hangs, const struct places *places, struct hang *longest)
{
	*longest = (struct hang){ 0 };
	for (size_t i = 0; i < PLACES_MOST; i++) {
		struct place place;
		if (!places_thread(places, i, &place))
			continue;
		unsigned seconds = look(hangs, i, &place);
		if (seconds > longest->seconds)
			*longest = (struct hang){ place.worker - 1, seconds, place };
	}
	return longest->seconds >= 2;
}

void hang_describe(const struct hang *hang, char *text, size_t size)
{
	char who[32], id[ID_TEXT], message[64] = "";
	snprintf(who, sizeof(who), hang->worker == HANG_MAIN ? "the main thread" : "worker %u",
		 hang->worker);
	if (hang->place.inside && hang->place.id)
		snprintf(message, sizeof(message), ", message %s", id_format(hang->place.id, id));
	if (hang->place.inside)
		snprintf(text, size, "%s does not turn for %u s: module %s, hook %s%s", who,
			 hang->seconds, hang->place.instance, place_hook(&hang->place), message);
	else
		snprintf(text, size, "%s does not turn for %u s, in no module", who, hang->seconds);
}

void hang_log(const struct hang *hang, enum event_id event)
{
	struct log_line *line = log_open(event);
	if (hang->worker == HANG_MAIN)
		log_text(line, KEY_THREAD, "main");
	else
		log_int(line, KEY_WORKER, hang->worker);
	log_int(line, KEY_HUNG_S, hang->seconds);
	if (hang->place.inside) {
		log_text(line, KEY_BY, hang->place.instance);
		log_text(line, KEY_HOOK, place_hook(&hang->place));
	}
	if (hang->place.inside && hang->place.id)
		log_id(line, hang->place.id);
	log_close(line);
}
