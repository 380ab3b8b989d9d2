/* SPDX-License-Identifier: MIT */
#include "base/le.h"

void le_put(char *p, uint64_t n, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		p[i] = (char)(n >> 8 * i & 0xff);
}

uint64_t le_get(const char *p, size_t bytes)
{
	uint64_t n = 0;

	for (size_t i = bytes; i-- > 0; )
		n = n << 8 | (unsigned char)p[i];
	return n;
}

/* By the bit: what is summed is small, and a table is not. */
uint32_t crc32(struct str s)
{
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < s.n; i++) {
		crc ^= (unsigned char)s.p[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return ~crc;
}
