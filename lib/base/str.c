/* SPDX-License-Identifier: MIT */
#include "base/str.h"

#include <string.h>

struct str str_of(const char *cstr)
{
	return (struct str){ cstr, cstr ? strlen(cstr) : 0 };
}

/* By eights: memcmp() of a small C library takes byte after byte, and a bearer
 * token of a thousand is compared with each request. */
bool str_eq(struct str a, struct str b)
{
	uint64_t x, y;
	size_t i = 0;

	if (a.n != b.n)
		return false;
	for (; a.n - i >= sizeof x; i += sizeof x) {
		memcpy(&x, &a.p[i], sizeof x);
		memcpy(&y, &b.p[i], sizeof y);
		if (x != y)
			return false;
	}
	while (i < a.n && a.p[i] == b.p[i])
		i++;
	return i == a.n;
}

bool str_is(struct str s, const char *cstr)
{
	if (!cstr)
		return !s.n;
	for (size_t i = 0; i < s.n; i++)
		if (!cstr[i] || cstr[i] != s.p[i])
			return false;
	return !cstr[s.n];
}

static unsigned char lower(char c)
{
	unsigned char u = (unsigned char)c;

	return u >= 'A' && u <= 'Z' ? (unsigned char)(u + 32) : u;
}

bool str_eq_nocase(struct str a, struct str b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (lower(a.p[i]) != lower(b.p[i]))
			return false;
	return true;
}

bool str_starts(struct str s, struct str prefix)
{
	return s.n >= prefix.n && str_eq(str_take(s, prefix.n), prefix);
}

bool str_ends(struct str s, struct str suffix)
{
	return s.n >= suffix.n &&
	       str_eq(str_skip(s, s.n - suffix.n), suffix);
}

int str_cmp(struct str a, struct str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int d = n ? memcmp(a.p, b.p, n) : 0;

	if (d)
		return d;
	return a.n < b.n ? -1 : a.n > b.n;
}

struct str str_take(struct str s, size_t n)
{
	return (struct str){ s.p, n < s.n ? n : s.n };
}

struct str str_skip(struct str s, size_t n)
{
	if (n > s.n)
		n = s.n;
	return (struct str){ n ? s.p + n : s.p, s.n - n };
}

struct str str_span(struct str s, bool (*is)(unsigned char))
{
	size_t n = 0;

	while (n < s.n && is((unsigned char)s.p[n]))
		n++;
	return str_take(s, n);
}

bool str_cut(struct str s, char c, struct str *head, struct str *rest)
{
	ptrdiff_t at = str_find(s, c);

	if (at < 0) {
		*head = s;
		*rest = str_skip(s, s.n);
		return false;
	}
	*head = str_take(s, (size_t)at);
	*rest = str_skip(s, (size_t)at + 1);
	return true;
}

ptrdiff_t str_find(struct str s, char c)
{
	const char *at = s.n ? memchr(s.p, c, s.n) : NULL;

	return at ? at - s.p : -1;
}

struct str str_trim(struct str s, const char *set)
{
	while (s.n && s.p[0] && strchr(set, s.p[0]))
		s = str_skip(s, 1);
	while (s.n && s.p[s.n - 1] && strchr(set, s.p[s.n - 1]))
		s.n--;
	return s;
}

bool str_to_c(struct str s, char *out, size_t size)
{
	if (s.n >= size || str_find(s, '\0') >= 0)
		return false;
	if (s.n)
		memcpy(out, s.p, s.n);
	out[s.n] = '\0';
	return true;
}

bool str_to_u64(struct str s, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;

	if (!s.n)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		unsigned d = (unsigned)(unsigned char)s.p[i] - '0';

		if (d > 9 || v > (max - d) / 10 || d > max)
			return false;
		v = v * 10 + d;
	}
	if (v > max)
		return false;
	*out = v;
	return true;
}

void wipe(void *p, size_t n)
{
	volatile unsigned char *v = p;

	while (n--)
		*v++ = 0;
}

uint64_t str_sum(struct str s)
{
	uint64_t sum = 0xcbf29ce484222325u;

	for (size_t i = 0; i < s.n; i++)
		sum = (sum ^ (unsigned char)s.p[i]) * 0x100000001b3u;
	return sum;
}
