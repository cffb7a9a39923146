#include "text.h"

#include <time.h>

static bool is_tail(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

void text_keep(char *out, size_t size, struct gw_str text)
{
	size_t len = text.len < size ? text.len : size - 1, i;

	while (len > 0 && len < text.len && is_tail(text.ptr[len]))
		len--;
	for (i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];
		out[i] = (c < ' ' && c != '\n') || c == 0x7f ? '?' : (char)c;
	}
	out[len] = '\0';
}

void text_swap(char *text, char from, char to)
{
	for (; (text = strchr(text, from)); text++)
		*text = to;
}

const char *text_time(int64_t ms, char out[TEXT_TIME])
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm;

	if (!gmtime_r(&seconds, &tm) || strftime(out, TEXT_TIME, "%Y-%m-%d %H:%M:%S UTC", &tm) == 0)
		*out = '\0';
	return out;
}

const char *text_until(const struct gw_call *call, struct gw_str zone, int64_t until,
		       char out[TEXT_UNTIL])
{
	struct gw_day day = { .size = sizeof day };

	if (gw->day(call, zone, until, &day) == 0 && day.begins == until)
		snprintf(out, TEXT_UNTIL, "00:00 %.*s", GW_STR_ARGS(zone));
	else
		text_time(until, out);
	return out;
}
