/* SPDX-License-Identifier: MIT */
#include "wire/date.h"

#include <string.h>
#include <time.h>

#include "tap.h"

#define S INT64_C(1000000000)

static const struct { int64_t ms; const char *iso, *http; } written[] = {
	{ 0, "1970-01-01T00:00:00.000Z", "Thu, 01 Jan 1970 00:00:00 GMT" },
	{ -1, "1969-12-31T23:59:59.999Z", "Wed, 31 Dec 1969 23:59:59 GMT" },
	{ 784111777000, "1994-11-06T08:49:37.000Z",
	  "Sun, 06 Nov 1994 08:49:37 GMT" },
	{ 1780377693123, "2026-06-02T05:21:33.123Z",
	  "Tue, 02 Jun 2026 05:21:33 GMT" },
	{ 951782400000, "2000-02-29T00:00:00.000Z",
	  "Tue, 29 Feb 2000 00:00:00 GMT" },
	{ 951868800000, "2000-03-01T00:00:00.000Z",
	  "Wed, 01 Mar 2000 00:00:00 GMT" },
	{ -2203891200000, "1900-03-01T00:00:00.000Z",
	  "Thu, 01 Mar 1900 00:00:00 GMT" },
	{ -2203891200001, "1900-02-28T23:59:59.999Z",
	  "Wed, 28 Feb 1900 23:59:59 GMT" },
	{ 2147483648000, "2038-01-19T03:14:08.000Z",
	  "Tue, 19 Jan 2038 03:14:08 GMT" },
	{ 4102444799999, "2099-12-31T23:59:59.999Z",
	  "Thu, 31 Dec 2099 23:59:59 GMT" },
	{ -62167219200000, "0000-01-01T00:00:00.000Z",
	  "Sat, 01 Jan 0000 00:00:00 GMT" },
	{ -62167219200001, "0000-01-01T00:00:00.000Z",
	  "Sat, 01 Jan 0000 00:00:00 GMT" },
	{ 253402300799999, "9999-12-31T23:59:59.999Z",
	  "Fri, 31 Dec 9999 23:59:59 GMT" },
	{ 253402300800000, "9999-12-31T23:59:59.999Z",
	  "Fri, 31 Dec 9999 23:59:59 GMT" },
	{ INT64_MIN, "0000-01-01T00:00:00.000Z",
	  "Sat, 01 Jan 0000 00:00:00 GMT" },
	{ INT64_MAX, "9999-12-31T23:59:59.999Z",
	  "Fri, 31 Dec 9999 23:59:59 GMT" },
};

static const struct { int64_t ns; const char *cri; } logged[] = {
	{ 0, "1970-01-01T00:00:00.000000000Z" },
	{ -1, "1969-12-31T23:59:59.999999999Z" },
	{ 1780377693123456789, "2026-06-02T05:21:33.123456789Z" },
	{ INT64_MIN, "1677-09-21T00:12:43.145224192Z" },
	{ INT64_MAX, "2262-04-11T23:47:16.854775807Z" },
};

static const struct { const char *in; int64_t ns; } read[] = {
	{ "1970-01-01T00:00:00Z", 0 },
	{ "1970-01-01t00:00:00z", 0 },
	{ "1970-01-01T00:00:00+00:00", 0 },
	{ "1970-01-01T00:00:00-00:00", 0 },
	{ "1970-01-01T00:00:00.000000001Z", 1 },
	{ "1970-01-01T00:00:00.5Z", S / 2 },
	{ "1970-01-01T00:00:00.25Z", S / 4 },
	{ "1970-01-01T00:00:00.123456Z", 123456000 },
	{ "1969-12-31T23:59:59.999999999Z", -1 },
	{ "1970-01-01T01:00:00+01:00", 0 },
	{ "1969-12-31T18:30:00-05:30", 0 },
	{ "1970-01-01T23:59:00+23:59", 0 },
	{ "1994-11-06T08:49:37Z", 784111777 * S },
	{ "2026-06-02T05:21:33.123Z", 1780377693123 * (S / 1000) },
	{ "2026-06-02T07:21:33.123+02:00", 1780377693123 * (S / 1000) },
	{ "2000-02-29T00:00:00Z", 951782400 * S },
	{ "2024-02-29T12:00:00Z", 1709208000 * S },
	{ "1677-09-21T00:12:43.145224192Z", INT64_MIN },
	{ "2262-04-11T23:47:16.854775807Z", INT64_MAX },
};

static const char *const refused[] = {
	"", "Z", "1970", "1970-01-01", "1970-01-01T00:00Z",
	"1970-01-01T00:00:00", "1970-01-01 00:00:00Z",
	"1970-01-01T00:00:00.Z", "1970-01-01T00:00:00.0000000000Z",
	"1970-01-01T00:00:00,5Z", "1970-01-01T00:00:00ZZ",
	"1970-01-01T00:00:00Z ", " 1970-01-01T00:00:00Z",
	"1970-01-01T00:00:00+0000", "1970-01-01T00:00:00+00",
	"1970-01-01T00:00:00+24:00", "1970-01-01T00:00:00+00:60",
	"1970-01-01T00:00:00+-1:00", "1970-01-01T00:00:00 +00:00",
	"1970-00-01T00:00:00Z", "1970-13-01T00:00:00Z",
	"1970-01-00T00:00:00Z", "1970-01-32T00:00:00Z",
	"1970-04-31T00:00:00Z", "1970-02-29T00:00:00Z",
	"1900-02-29T00:00:00Z", "2000-02-30T00:00:00Z",
	"2023-02-29T00:00:00Z", "1970-01-01T24:00:00Z",
	"1970-01-01T23:60:00Z", "1970-01-01T23:59:60Z",
	"2016-12-31T23:59:60Z", "1970-1-1T00:00:00Z", "70-01-01T00:00:00Z",
	"+1970-01-01T00:00:00Z", "-1970-01-01T00:00:00Z",
	"01970-01-01T00:00:00Z", "19x0-01-01T00:00:00Z",
	"1970-01-01T0x:00:00Z", "1970-01-01T+1:00:00Z",
	"1970/01/01T00:00:00Z", "1970-01-01T00.00.00Z",
	"1970-01-01T00:00:00UTC", "Thu, 01 Jan 1970 00:00:00 GMT",
	"1677-09-21T00:12:43.145224191Z", "2262-04-11T23:47:16.854775808Z",
	"0000-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z",
	"2262-04-11T23:47:16.854775807-00:01",
};

static const struct { int64_t ms; const char *want; } spans[] = {
	{ 0, "0s" }, { 999, "0s" }, { 1000, "1s" }, { 45000, "45s" },
	{ 59999, "59s" }, { 60000, "1m" }, { 719999, "11m" },
	{ 720000, "12m" }, { 3599999, "59m" }, { 3600000, "1h 0m" },
	{ 7980000, "2h 13m" }, { 86399999, "23h 59m" },
	{ 86400000, "1d 0h" }, { 367200000, "4d 6h" },
	{ 8640000000, "100d 0h" }, { -1, "0s" }, { INT64_MIN, "0s" },
	{ INT64_MAX, "106751991167d 7h" },
};

/* The C library counts days in another way. */
static void test_every_day(void)
{
	int wrong = 0, days = 0;

	for (int64_t s = -62167219200; s < 253402300800; s += 86400, days++) {
		time_t t = (time_t)(s + days % 86400);
		char want[DATE_HTTP_SIZE], got[DATE_HTTP_SIZE];
		struct tm tm;

		date_http((int64_t)t * 1000 + 7, got);
		if (!gmtime_r(&t, &tm))
			wrong++;
		strftime(want, sizeof want, "%a, %d %b ", &tm);
		if (strncmp(want, got, 12) != 0)
			wrong++;
		strftime(want, sizeof want, " %H:%M:%S GMT", &tm);
		if (strcmp(want, got + 16) != 0)
			wrong++;
		if (tm.tm_year + 1900 != (got[12] - '0') * 1000 +
		    (got[13] - '0') * 100 + (got[14] - '0') * 10 +
		    got[15] - '0')
			wrong++;
	}
	ok(!wrong && days == 3652425, "%d days agree with the C library",
	   days);
}

static void test_round_trip(void)
{
	uint64_t x = 0x9e3779b97f4a7c15;
	int wrong = 0;

	for (int i = 0; i < 100000; i++) {
		char text[DATE_CRI_SIZE];
		int64_t back = 0, ns;

		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		ns = (int64_t)x;
		date_cri(ns, text);
		if (!date_parse(guarded(0, str_of(text)), &back) || back != ns)
			wrong++;
	}
	ok(!wrong, "100000 random times are read back");
}

static void test_parse(void)
{
	static const char full[] = "2026-06-02T05:21:33.123456789+12:34";

	for (size_t i = 0; i < LEN(read); i++) {
		int64_t ns = 42;

		ok(date_parse(guarded(0, str_of(read[i].in)), &ns) &&
		   ns == read[i].ns, "reads %s", read[i].in);
	}
	for (size_t i = 0; i < LEN(refused); i++) {
		int64_t ns = 42;

		ok(!date_parse(guarded(0, str_of(refused[i])), &ns) &&
		   ns == 42, "refuses '%s'", refused[i]);
	}
	for (size_t n = 0; n < sizeof full; n++) {
		int64_t ns;

		ok(date_parse(guarded(0, str_take(str_of(full), n)), &ns) ==
		   (n == sizeof full - 1), "cut at %zu", n);
	}
	ok(!date_parse(STR("1970-01-01T00:00:00\0Z"), &(int64_t){ 0 }),
	   "refuses NUL");
}

int main(void)
{
	for (size_t i = 0; i < LEN(written); i++) {
		char iso[DATE_ISO_SIZE], http[DATE_HTTP_SIZE];

		date_iso(written[i].ms, iso);
		ok(strcmp(iso, written[i].iso) == 0, "ISO: %s", iso);
		date_http(written[i].ms, http);
		ok(strcmp(http, written[i].http) == 0, "HTTP: %s", http);
	}
	for (size_t i = 0; i < LEN(logged); i++) {
		char cri[DATE_CRI_SIZE];

		date_cri(logged[i].ns, cri);
		ok(strcmp(cri, logged[i].cri) == 0, "CRI: %s", cri);
	}
	for (size_t i = 0; i < LEN(spans); i++) {
		char span[DATE_SPAN_SIZE];

		date_span(spans[i].ms, span);
		ok(strcmp(span, spans[i].want) == 0, "span: %s", span);
	}
	test_parse();
	test_every_day();
	test_round_trip();
	return tap_done();
}
