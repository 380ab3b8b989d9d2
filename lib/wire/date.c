/* SPDX-License-Identifier: MIT */
/*
 * The calendar is counted in eras of 400 years, which all have the same
 * number of days, and in years that begin in March, so that the day a leap
 * year adds is the last of its year.
 */
#include "wire/date.h"

#include "base/fmt.h"

#include <string.h>

#define DAY_S    INT64_C(86400)
#define SECOND   INT64_C(1000000000)    /* in nanoseconds */
#define FIRST_S  INT64_C(-62167219200)  /* 0000-01-01T00:00:00 */
#define LAST_S   INT64_C(253402300799)  /* 9999-12-31T23:59:59 */
#define ERA_DAYS 146097
#define TO_EPOCH 719468                 /* from 0000-03-01 to 1970-01-01 */

struct civil {
	unsigned year, month, day;      /* from 1 */
	unsigned hour, minute, second;
	unsigned weekday;               /* from Sunday, 0 */
};

/* Rounds down, where '/' rounds towards zero. */
static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

static struct civil civil_of(int64_t unix_s)
{
	int64_t days = floor_div(unix_s, DAY_S);
	unsigned s = (unsigned)(unix_s - days * DAY_S);
	int64_t since = days + TO_EPOCH, era = floor_div(since, ERA_DAYS);
	unsigned doe = (unsigned)(since - era * ERA_DAYS);
	unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	unsigned mp = (5 * doy + 2) / 153;      /* 0 is March */
	unsigned month = mp < 10 ? mp + 3 : mp - 9;

	return (struct civil){
		.year = (unsigned)(era * 400 + yoe + (month <= 2)),
		.month = month,
		.day = doy - (153 * mp + 2) / 5 + 1,
		.hour = s / 3600,
		.minute = s / 60 % 60,
		.second = s % 60,
		/* 1970-01-01 was a Thursday; 7000000 keeps it positive. */
		.weekday = (unsigned)((days + 7000000 + 4) % 7),
	};
}

static int64_t days_of(unsigned year, unsigned month, unsigned day)
{
	int64_t y = (int64_t)year - (month <= 2), era = floor_div(y, 400);
	int64_t yoe = y - era * 400;
	unsigned mp = month > 2 ? month - 3 : month + 9;
	int64_t doy = (153 * mp + 2) / 5 + day - 1;

	return era * ERA_DAYS + yoe * 365 + yoe / 4 - yoe / 100 + doy -
	       TO_EPOCH;
}

static unsigned month_days(unsigned year, unsigned month)
{
	static const unsigned char days[] = {
		31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31
	};
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return days[month - 1] + (month == 2 && leap);
}

/* Writing */

static char *put(char *to, unsigned v, unsigned width)
{
	for (unsigned i = width; i--; v /= 10)
		to[i] = (char)('0' + v % 10);
	return to + width;
}

static char *put_time(char *to, const struct civil *c)
{
	to = put(to, c->hour, 2);
	*to++ = ':';
	to = put(to, c->minute, 2);
	*to++ = ':';
	return put(to, c->second, 2);
}

static void put_rfc3339(char *to, int64_t unix_s, unsigned fraction,
			unsigned width)
{
	struct civil c = civil_of(unix_s);

	to = put(to, c.year, 4);
	*to++ = '-';
	to = put(to, c.month, 2);
	*to++ = '-';
	to = put(to, c.day, 2);
	*to++ = 'T';
	to = put_time(to, &c);
	*to++ = '.';
	to = put(to, fraction, width);
	*to++ = 'Z';
	*to = '\0';
}

static int64_t clamp(int64_t unix_ms)
{
	if (unix_ms < FIRST_S * 1000)
		return FIRST_S * 1000;
	if (unix_ms > LAST_S * 1000 + 999)
		return LAST_S * 1000 + 999;
	return unix_ms;
}

void date_iso(int64_t unix_ms, char out[DATE_ISO_SIZE])
{
	int64_t ms = clamp(unix_ms), s = floor_div(ms, 1000);

	put_rfc3339(out, s, (unsigned)(ms - s * 1000), 3);
}

void date_cri(int64_t unix_ns, char out[DATE_CRI_SIZE])
{
	int64_t s = floor_div(unix_ns, SECOND);
	int64_t ns = unix_ns % SECOND;

	put_rfc3339(out, s, (unsigned)(ns < 0 ? ns + SECOND : ns), 9);
}

void date_http(int64_t unix_ms, char out[DATE_HTTP_SIZE])
{
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct civil c = civil_of(floor_div(clamp(unix_ms), 1000));
	char *to = out;

	memcpy(to, days + 3 * c.weekday, 3);
	memcpy(to + 3, ", ", 2);
	to = put(to + 5, c.day, 2);
	*to++ = ' ';
	memcpy(to, months + 3 * (c.month - 1), 3);
	to[3] = ' ';
	to = put(to + 4, c.year, 4);
	*to++ = ' ';
	to = put_time(to, &c);
	memcpy(to, " GMT", 5);
}

void date_span(int64_t ms, char out[DATE_SPAN_SIZE])
{
	int64_t s = ms < 0 ? 0 : ms / 1000;
	long long m = s / 60, h = m / 60, d = h / 24;

	if (d)
		fmt(out, DATE_SPAN_SIZE, "%lldd %lldh", d, h % 24);
	else if (h)
		fmt(out, DATE_SPAN_SIZE, "%lldh %lldm", h, m % 60);
	else if (m)
		fmt(out, DATE_SPAN_SIZE, "%lldm", m);
	else
		fmt(out, DATE_SPAN_SIZE, "%llds", (long long)s);
}

/* Reading, RFC 3339 5.6. Each takes what it read off the front. */

static bool is_digit(unsigned char c)
{
	return c >= '0' && c <= '9';
}

static bool take_c(struct str *s, char c)
{
	if (!s->n || s->p[0] != c)
		return false;
	*s = str_skip(*s, 1);
	return true;
}

static bool take(struct str *s, size_t width, unsigned min, unsigned max,
		 unsigned *out)
{
	uint64_t v;

	if (s->n < width || !str_to_u64(str_take(*s, width), max, &v) ||
	    v < min)
		return false;
	*s = str_skip(*s, width);
	*out = (unsigned)v;
	return true;
}

static bool take_fraction(struct str *s, int64_t *ns)
{
	struct str digits;
	int64_t unit = SECOND;

	*ns = 0;
	if (!take_c(s, '.'))
		return true;
	digits = str_span(*s, is_digit);
	if (!digits.n || digits.n > 9)
		return false;
	*s = str_skip(*s, digits.n);
	for (size_t i = 0; i < digits.n; i++)
		*ns += (digits.p[i] - '0') * (unit /= 10);
	return true;
}

static bool take_zone(struct str *s, int64_t *east_s)
{
	bool west = take_c(s, '-');
	unsigned hour, minute;

	*east_s = 0;
	if (!west && (take_c(s, 'Z') || take_c(s, 'z')))
		return true;
	if (!west && !take_c(s, '+'))
		return false;
	if (!take(s, 2, 0, 23, &hour) || !take_c(s, ':') ||
	    !take(s, 2, 0, 59, &minute))
		return false;
	*east_s = (int64_t)(hour * 60 + minute) * (west ? -60 : 60);
	return true;
}

static bool to_ns(int64_t s, int64_t ns, int64_t *out)
{
	int64_t whole;

	if (s < INT64_MIN / SECOND - 1 || s > INT64_MAX / SECOND)
		return false;
	/* Towards zero, so that the first second there is does not overflow. */
	if (s < 0) {
		s++;
		ns -= SECOND;
	}
	whole = s * SECOND;
	if (ns < 0 ? whole < INT64_MIN - ns : whole > INT64_MAX - ns)
		return false;
	*out = whole + ns;
	return true;
}

bool date_parse(struct str s, int64_t *unix_ns)
{
	struct civil c;
	int64_t ns, east_s, unix_s;

	if (!take(&s, 4, 0, 9999, &c.year) || !take_c(&s, '-') ||
	    !take(&s, 2, 1, 12, &c.month) || !take_c(&s, '-') ||
	    !take(&s, 2, 1, month_days(c.year, c.month), &c.day) ||
	    !(take_c(&s, 'T') || take_c(&s, 't')) ||
	    !take(&s, 2, 0, 23, &c.hour) || !take_c(&s, ':') ||
	    !take(&s, 2, 0, 59, &c.minute) || !take_c(&s, ':') ||
	    !take(&s, 2, 0, 59, &c.second) ||
	    !take_fraction(&s, &ns) || !take_zone(&s, &east_s) || s.n)
		return false;
	unix_s = days_of(c.year, c.month, c.day) * DAY_S + c.hour * 3600 +
		 c.minute * 60 + c.second - east_s;
	return to_ns(unix_s, ns, unix_ns);
}
