/* A file of conf.d: whatever stands in it, it is told what is wrong or its values are within what
 * the tables allow. */
#include "fuzz.h"
#include "folder.h"

#include "conf/option_private.h"
#include "module/settings.h"

/* libconfig forgets the buffer of a string that does not end. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libconfig";
}

/* Programs that a fragment names are not run here. */
int option_run(const char *command, int wait_ms, char *line, size_t size, char *why,
	       size_t why_size)
{
	snprintf(why, why_size, "cannot be run");
	return -1;
}

static void check_str(struct gw_str text)
{
	must(text.ptr != NULL || text.len == 0);
	must(text.len == 0 || text.ptr[text.len] == '\0');
}

static void check_number(const struct gw_option *option, int64_t value)
{
	must(value >= 0 || option->min < 0);
	if (option->min || option->max)
		must(value == 0 || (value >= option->min && value <= option->max));
}

static void check_table(const struct gw_option *options, const void *from);

static void check_groups(const struct gw_option *option, const struct gw_groups *groups)
{
	for (size_t i = 0; i < groups->count; i++)
		check_table(option->group, (const char *)groups->items + i * option->group_size);
}

static void check_list(const struct gw_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		check_str(list->items[i]);
}

static void check_member(const struct gw_option *option, const void *member)
{
	switch (option->type) {
	case GW_OPTION_STRING:
	case GW_OPTION_PATH:
	case GW_OPTION_SECRET:
		check_str(*(const struct gw_str *)member);
		break;
	case GW_OPTION_INT:
	case GW_OPTION_SIZE:
	case GW_OPTION_DURATION:
		check_number(option, *(const int64_t *)member);
		break;
	case GW_OPTION_WORD:
		must(*(const int64_t *)member >= 0 && *(const int64_t *)member < 8);
		break;
	case GW_OPTION_LIST:
		check_list(member);
		break;
	case GW_OPTION_GROUPS:
		check_groups(option, member);
		break;
	default:
		break;
	}
}

static void check_table(const struct gw_option *options, const void *from)
{
	for (; options->type != GW_OPTION_END; options++)
		check_member(options, (const char *)from + options->offset);
}

static void parse(const struct conf_fragment *fragment, const struct gw_option *options, void *into,
		  struct problems *problems)
{
	struct option_context context = { .config_dir = folder_path(),
					  .state_dir = "/nowhere",
					  .problems = problems };
	struct option_set set = { .owner = "gateway", .options = options, .into = into };
	struct arena arena;

	arena_init(&arena, 0);
	context.arena = &arena;
	size_t before = problems->errors,
	       errors = option_parse(&context, fragment->group, &set, 1, NULL);
	must(errors == problems->errors - before);
	if (errors == 0)
		check_table(options, into);
	arena_finish(&arena);
}

/* A module's group has options of its own; those of a relay do for it. */
static void parse_fragment(const struct conf_fragment *fragment, struct problems *problems)
{
	struct settings settings = { 0 };
	struct gw_relay relay = { 0 };

	must((fragment->kind == CONF_MODULE) == (fragment->module != NULL));
	if (fragment->kind == CONF_GATEWAY)
		parse(fragment, settings_options, &settings, problems);
	else
		parse(fragment, relay_options, &relay, problems);
}

static void say(const struct problems *problems)
{
	char text[200];
	size_t count = 0;

	for (const struct problem *problem = problems->first; problem;
	     problem = problem->next, count++)
		must(strlen(problem_format(problem, text, sizeof(text))) < sizeof(text));
	must(count == problems->errors + problems->warnings);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct problems problems;
	struct conf *conf;

	/* It might name any file of this machine. */
	if (memmem(data, size, "@include", 8) || memmem(data, size, "file:", 5))
		return 0;
	folder_write("10-fuzz.conf", data, size);
	problems_init(&problems);
	conf = conf_load(folder_path(), &problems);
	must(conf != NULL);
	must(conf_count(conf) <= 1);
	must(conf_count(conf) == 1 || problems.errors > 0);
	for (size_t i = 0; i < conf_count(conf); i++)
		parse_fragment(conf_at(conf, i), &problems);
	say(&problems);
	conf_destroy(conf);
	problems_finish(&problems);
	return 0;
}
