/* SPDX-License-Identifier: MIT */
#include "base/num.h"

static unsigned digit(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10 : 16;
}

static uint64_t take(const char *text, const char **end, unsigned base)
{
	uint64_t n = 0;
	unsigned d;

	while (*text == ' ')
		text++;
	for (; (d = digit(*text)) < base; text++)
		n = n > (UINT64_MAX - d) / base ? UINT64_MAX : n * base + d;
	if (end)
		*end = text;
	return n;
}

uint64_t num_dec(const char *text, const char **end)
{
	return take(text, end, 10);
}

uint64_t num_hex(const char *text, const char **end)
{
	return take(text, end, 16);
}
