#include "base/clock.h"

#define DAY_MS 86400000
#define LAST_MS 253402300799999 /* the end of the year 9999: later years do not fit the formats */

struct civil {
	unsigned year, month, day, weekday;
	unsigned hour, minute, second, ms;
};

/* Days since 1970-01-01 of a date. The year is taken to begin in March, so that the leap day is its
 * last. */
static int64_t days_of(unsigned year, unsigned month, unsigned day)
{
	unsigned y = month <= 2 ? year - 1 : year;
	unsigned from_march = (month + 9) % 12;

	return (int64_t)y * 365 + y / 4 - y / 100 + y / 400 + (from_march * 153 + 2) / 5 + day - 1 -
	       719468;
}

static void split_date(struct civil *c, uint64_t days)
{
	unsigned shifted = (unsigned)days + 719468; /* since 0000-03-01 */
	unsigned era = shifted / 146097, of_era = shifted % 146097;
	unsigned year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	unsigned of_year = of_era - (year * 365 + year / 4 - year / 100);
	unsigned from_march = (of_year * 5 + 2) / 153;

	c->day = of_year - (from_march * 153 + 2) / 5 + 1;
	c->month = from_march < 10 ? from_march + 3 : from_march - 9;
	c->year = era * 400 + year + (c->month <= 2);
	c->weekday = (unsigned)((days + 4) % 7); /* 1970 began on a Thursday */
}

static struct civil civil_of(int64_t wall_ms)
{
	struct civil c;
	uint64_t ms = wall_ms < 0 ? 0 : wall_ms > LAST_MS ? (uint64_t)LAST_MS : (uint64_t)wall_ms;
	unsigned of_day = (unsigned)(ms % DAY_MS);

	split_date(&c, ms / DAY_MS);
	c.ms = of_day % 1000;
	c.second = of_day / 1000 % 60;
	c.minute = of_day / 60000 % 60;
	c.hour = of_day / 3600000;
	return c;
}

static char *put_digits(char *at, unsigned value, int width, char then)
{
	for (int i = width - 1; i >= 0; i--, value /= 10)
		at[i] = (char)('0' + value % 10);
	at[width] = then;
	return at + width + 1;
}

static char *put_name(char *at, const char *names, unsigned number)
{
	memcpy(at, names + number * 3, 3);
	at[3] = ' ';
	return at + 4;
}

char *clock_rfc5322(int64_t wall_ms, char text[CLOCK_RFC5322])
{
	static const char days[] = "SunMonTueWedThuFriSat",
			  months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct civil c = civil_of(wall_ms);
	char *at = put_name(text, days, c.weekday);

	at[-1] = ',';
	*at++ = ' ';
	at = put_digits(at, c.day, 2, ' ');
	at = put_name(at, months, c.month - 1);
	at = put_digits(at, c.year, 4, ' ');
	at = put_digits(at, c.hour, 2, ':');
	at = put_digits(at, c.minute, 2, ':');
	at = put_digits(at, c.second, 2, ' ');
	memcpy(at, "+0000", sizeof("+0000"));
	return text;
}

char *clock_rfc3339(int64_t wall_ms, char text[CLOCK_RFC3339])
{
	struct civil c = civil_of(wall_ms);
	char *at = text;

	at = put_digits(at, c.year, 4, '-');
	at = put_digits(at, c.month, 2, '-');
	at = put_digits(at, c.day, 2, 'T');
	at = put_digits(at, c.hour, 2, ':');
	at = put_digits(at, c.minute, 2, ':');
	at = put_digits(at, c.second, 2, '.');
	at = put_digits(at, c.ms, 3, 'Z');
	*at = '\0';
	return text;
}

/* The number of `width` digits at `at` with `then` behind them, or more than `most`. */
static unsigned take_digits(const char *at, int width, char then, unsigned most)
{
	unsigned value = 0;

	for (int i = 0; i < width; i++) {
		if (at[i] < '0' || at[i] > '9')
			return most + 1;
		value = value * 10 + (unsigned)(at[i] - '0');
	}
	return at[width] == then ? value : most + 1;
}

static unsigned month_days(unsigned year, unsigned month)
{
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	if (month == 2)
		return leap ? 29 : 28;
	return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

int64_t clock_parse_rfc3339(struct gw_str text)
{
	struct civil c;

	if (text.len != CLOCK_RFC3339 - 1)
		return -1;
	c.year = take_digits(text.ptr, 4, '-', 9999);
	c.month = take_digits(text.ptr + 5, 2, '-', 12);
	c.day = take_digits(text.ptr + 8, 2, 'T', 31);
	c.hour = take_digits(text.ptr + 11, 2, ':', 23);
	c.minute = take_digits(text.ptr + 14, 2, ':', 59);
	c.second = take_digits(text.ptr + 17, 2, '.', 59);
	c.ms = take_digits(text.ptr + 20, 3, 'Z', 999);
	if (c.year < 1970 || c.year > 9999 || c.month < 1 || c.month > 12 || c.day < 1 ||
	    c.day > month_days(c.year, c.month))
		return -1;
	if (c.hour > 23 || c.minute > 59 || c.second > 59 || c.ms > 999)
		return -1;
	return days_of(c.year, c.month, c.day) * DAY_MS +
	       (int64_t)((c.hour * 60 + c.minute) * 60 + c.second) * 1000 + c.ms;
}
