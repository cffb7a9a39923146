#include "date.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* What is still to be read. */
struct text {
	const char *at, *end;
};

/* Blanks, folds and comments; false: a comment that does not end. */
static bool skip(struct text *text)
{
	unsigned depth = 0;

	for (; text->at < text->end; text->at++) {
		if (*text->at == '(')
			depth++;
		else if (*text->at == ')' && depth)
			depth--;
		else if (*text->at == '\\' && depth && text->at + 1 < text->end)
			text->at++;
		else if (!depth && !gw_is_space(*text->at))
			break;
	}
	return !depth;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* A number of `least` to `most` digits. */
static bool number(struct text *text, size_t least, size_t most, int *value)
{
	size_t digits = 0;

	for (*value = 0; text->at < text->end && is_digit(*text->at) && digits < most; digits++)
		*value = *value * 10 + (*text->at++ - '0');
	return digits >= least && (text->at == text->end || !is_digit(*text->at));
}

static bool sign(struct text *text, const char *signs)
{
	if (text->at == text->end || !*signs || !strchr(signs, *text->at))
		return false;
	text->at++;
	return true;
}

/* A word of letters; empty where there is none. */
static struct gw_str word(struct text *text)
{
	struct gw_str word = { text->at, 0 };

	while (text->at < text->end && ((*text->at | 32) >= 'a' && (*text->at | 32) <= 'z'))
		text->at++;
	word.len = (size_t)(text->at - word.ptr);
	return word;
}

/* Where `name` stands among names of three letters, from 1 on; 0: nowhere. */
static int nth_of(const char *names, struct gw_str name)
{
	for (int i = 0; name.len == 3 && names[3 * i]; i++)
		if (gw_str_ieq((struct gw_str){ names + 3 * i, 3 }, name))
			return i + 1;
	return 0;
}

static bool weekday(struct text *text)
{
	struct gw_str name = word(text);

	if (name.len == 0)
		return true;
	return nth_of("MonTueWedThuFriSatSun", name) && skip(text) && sign(text, ",") && skip(text);
}

static int days_of(int month, int year)
{
	static const char days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

/* Section 4.3: what two and three digits mean. */
static int whole_year(int year, size_t digits)
{
	if (digits == 2)
		return year < 50 ? year + 2000 : year + 1900;
	return digits == 3 ? year + 1900 : year;
}

static bool day_month_year(struct text *text)
{
	int day, month, year;
	const char *begin;

	if (!number(text, 1, 2, &day) || !skip(text))
		return false;
	month = nth_of("JanFebMarAprMayJunJulAugSepOctNovDec", word(text));
	if (!month || !skip(text))
		return false;
	begin = text->at;
	if (!number(text, 2, 4, &year))
		return false;
	year = whole_year(year, (size_t)(text->at - begin));
	return year >= 1900 && day >= 1 && day <= days_of(month, year);
}

static bool time_of_day(struct text *text)
{
	int hour, minute, second = 0;

	if (!number(text, 2, 2, &hour) || !skip(text) || !sign(text, ":") || !skip(text) ||
	    !number(text, 2, 2, &minute) || !skip(text))
		return false;
	if (sign(text, ":") && (!skip(text) || !number(text, 2, 2, &second)))
		return false;
	return hour <= 23 && minute <= 59 && second <= 60;
}

/* "+0100", "GMT", or a military letter, which is -0000 whatever it was meant for. */
static bool zone(struct text *text)
{
	struct gw_str name;
	int offset;

	if (sign(text, "+-"))
		return number(text, 4, 4, &offset) && offset % 100 <= 59;
	name = word(text);
	return (name.len == 1 && (*name.ptr | 32) != 'j') || gw_str_ieq(name, gw_str("UT")) ||
	       nth_of("GMTUTCESTEDTCSTCDTMSTMDTPSTPDT", name);
}

bool date_is_right(struct gw_str value)
{
	struct text text = { value.ptr, value.ptr + value.len };

	return skip(&text) && weekday(&text) && day_month_year(&text) && skip(&text) &&
	       time_of_day(&text) && skip(&text) && zone(&text) && skip(&text) &&
	       text.at == text.end;
}

void date_write(char *out, int64_t ms)
{
	static const char days[] = "SunMonTueWedThuFriSat",
			  months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm;

	gmtime_r(&seconds, &tm);
	snprintf(out, DATE_SIZE, "%.3s, %02d %.3s %04d %02d:%02d:%02d +0000", days + 3 * tm.tm_wday,
		 tm.tm_mday % 100, months + 3 * tm.tm_mon, (tm.tm_year + 1900) % 10000,
		 tm.tm_hour % 100, tm.tm_min % 100, tm.tm_sec % 100);
}
