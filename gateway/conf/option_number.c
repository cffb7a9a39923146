#include "conf/option_private.h"

#include "conf/conf_private.h"

#include <stdio.h>
#include <stdlib.h>

static bool is_number(const struct option_job *job)
{
	return job->setting && (config_setting_type(job->setting) == CONFIG_TYPE_INT ||
				config_setting_type(job->setting) == CONFIG_TYPE_INT64);
}

static int64_t number_of(const struct option_job *job)
{
	if (config_setting_type(job->setting) == CONFIG_TYPE_INT)
		return config_setting_get_int(job->setting);
	return config_setting_get_int64(job->setting);
}

/* The largest unit that leaves no rest, as a person would have written it. */
static const char *print_number(const struct option_job *job, int64_t value, char text[32])
{
	static const struct {
		const char *name;
		int64_t factor;
	} sizes[] = { { "G", 1 << 30 }, { "M", 1 << 20 }, { "K", 1 << 10 }, { "", 1 } }, times[] = {
		{ "d", 86400000 }, { "h", 3600000 }, { "m", 60000 }, { "s", 1000 }, { "ms", 1 }
	};
	int i = 0;

	if (job->option->type == GW_OPTION_INT || value == 0) {
		snprintf(text, 32, "%lld", (long long)value);
	} else if (job->option->type == GW_OPTION_SIZE) {
		while (value % sizes[i].factor)
			i++;
		snprintf(text, 32, "%lld%s", (long long)(value / sizes[i].factor), sizes[i].name);
	} else {
		while (value % times[i].factor)
			i++;
		snprintf(text, 32, "%lld%s", (long long)(value / times[i].factor), times[i].name);
	}
	return text;
}

static void assign_in_range(const struct option_job *job, int64_t value)
{
	const struct gw_option *option = job->option;
	bool bounded = (option->min || option->max) && option->max >= option->min;
	char is[32], min[32], max[32];

	*(int64_t *)job->member = value;
	if (!job->setting || (value >= option->min && (!bounded || value <= option->max)) ||
	    conf_is_cut(job->setting))
		return;
	print_number(job, value, is);
	print_number(job, option->min, min);
	print_number(job, option->max, max);
	if (bounded)
		option_error(job, "\"%s\" is %s, but must be from %s to %s", option->key, is, min,
			     max);
	else
		option_error(job, "\"%s\" is %s, but must be at least %s", option->key, is, min);
}

/* A number may have one word beside it ("unlimited"), which is -1. */
static bool is_word(const struct option_job *job)
{
	const char *text = option_text(job), *word = job->option->words;

	return text && word && strcmp(text, word) == 0;
}

void option_assign_int(const struct option_job *job)
{
	if (is_number(job))
		assign_in_range(job, number_of(job));
	else if (is_word(job))
		*(int64_t *)job->member = -1;
	else if (!job->setting)
		assign_in_range(job, strtoll(option_text(job), NULL, 10));
	else if (job->option->words)
		option_error(job, "\"%s\" must be a number or \"%s\"", job->option->key,
			     job->option->words);
	else
		option_wrong_type(job);
}

/* A few octets where megabytes are usual: mail that is larger would be all mail. */
static void look_for_unit(const struct option_job *job, int64_t value)
{
	const char *usual = job->option->fallback;
	char unit = usual && *usual ? usual[strlen(usual) - 1] : '0';

	if (job->setting && value > 0 && value < 1024 && unit > '9')
		option_warning(job, "\"%s\" is %lld octets; is \"%lld%c\" meant?", job->option->key,
			       (long long)value, (long long)value, unit);
}

void option_assign_size(const struct option_job *job)
{
	const char *text = option_text(job);
	int64_t value = 0;

	if (is_number(job))
		value = number_of(job);
	else if (!text ||
		 (option_parse_size(gw_str(text), &value) != 0 && (job->setting || *text))) {
		option_wrong_type(job);
		return;
	}
	assign_in_range(job, value);
	if (value >= job->option->min)
		look_for_unit(job, value);
}

void option_assign_duration(const struct option_job *job)
{
	const char *text = option_text(job);
	int64_t value = 0;

	if (is_number(job) && !__builtin_mul_overflow(number_of(job), 1000, &value))
		assign_in_range(job, value);
	else if (text &&
		 (option_parse_duration(gw_str(text), &value) == 0 || (!job->setting && !*text)))
		assign_in_range(job, value);
	else
		option_wrong_type(job);
}
