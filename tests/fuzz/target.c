/* The target of a request to the API: what is read lies in the target's own room, is text, and
 * keeps its bounds; whatever it is, it makes a verb of bounded words, or none. */
#include "modules/http/route.h"
#include "fuzz.h"

static void check_text(const struct target *target, struct gw_str text)
{
	must_lie_in(text, gw_str_n(target->room, sizeof(target->room)));
	must(text.ptr[text.len] == '\0' && strlen(text.ptr) == text.len);
	for (size_t i = 0; i < text.len; i++)
		must((unsigned char)text.ptr[i] >= ' ' && text.ptr[i] != 0x7f);
}

static void check_words(const struct route_words *words)
{
	must(words->count > 0 && words->count <= ROUTE_WORDS && words->used <= sizeof(words->room));
	for (size_t i = 0; i < words->count; i++)
		must(!gw_str_has_nul(words->words[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct target target;
	static struct route_words words;
	static const struct gw_str clients[] = { GW_STR("a") };
	static const struct token_conf tokens[] = { { .scope = SCOPE_WRITE },
						    { .clients = { clients, 1 } } };
	struct gw_str text = gw_str_n(data, size);
	unsigned choice = take_byte(&text);
	const struct route *route;
	const char *why = NULL;
	if (target_read(&target, text))
		return 0;
	must(target.segment_count <= TARGET_SEGMENTS && target.used <= sizeof(target.room));
	for (size_t i = 0; i < target.segment_count; i++)
		check_text(&target, target.segments[i]);
	for (size_t i = 0; i < target.parameter_count; i++) {
		check_text(&target, target.parameters[i].name);
		check_text(&target, target.parameters[i].value);
	}
	if (route_find((enum route_method)(choice % METHOD_NONE), &target, &route) == ROUTE_FOUND) {
		if (route_words(route, &target, &tokens[choice / 16 % 2], &words, &why))
			must(why != NULL);
		else
			check_words(&words);
	}
	return 0;
}
