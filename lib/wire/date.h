/* SPDX-License-Identifier: MIT */
#ifndef WIRE_DATE_H
#define WIRE_DATE_H

/*
 * Times as text. Pure arithmetic on the proleptic Gregorian calendar: no
 * locale, no time zone file, no leap seconds. Milliseconds and nanoseconds
 * count from 1970-01-01T00:00:00Z and may be negative; years 0000 to 9999,
 * and what lies outside is written as the first or last moment of those.
 */

#include "base/str.h"

#define DATE_ISO_SIZE  25       /* 2026-06-02T05:21:33.123Z and NUL */
#define DATE_CRI_SIZE  31       /* 2026-06-02T05:21:33.123456789Z and NUL */
#define DATE_HTTP_SIZE 30       /* Tue, 02 Jun 2026 05:21:33 GMT and NUL */

/* Exactly as JavaScript's Date.toISOString(). */
void date_iso(int64_t unix_ms, char out[DATE_ISO_SIZE]);
void date_cri(int64_t unix_ns, char out[DATE_CRI_SIZE]);
/* IMF-fixdate, RFC 9110 5.6.7; the second that has begun. */
void date_http(int64_t unix_ms, char out[DATE_HTTP_SIZE]);

/*
 * RFC 3339 with 0 to 9 fraction digits and Z or a numeric offset; the result
 * in nanoseconds. False for anything else, impossible dates included, and for
 * what nanoseconds cannot hold (before September 1677, after April 2262).
 */
bool date_parse(struct str, int64_t *unix_ns);

/* "45s", "12m", "2h 13m", "4d 6h": how long something has been, rounded down;
 * "0s" for what has not begun. */
#define DATE_SPAN_SIZE 24
void date_span(int64_t ms, char out[DATE_SPAN_SIZE]);

#endif
