/* SPDX-License-Identifier: MIT */
#include "base/b64.h"

static const char url[64] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnop"
			    "qrstuvwxyz0123456789-_";
static const char std[64] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnop"
			    "qrstuvwxyz0123456789+/";

/* Up to three bytes as up to four digits; how many they are. */
static size_t digits(const char alphabet[64], struct str in, char out[4])
{
	uint32_t v = 0;

	for (size_t i = 0; i < 3; i++)
		v = v << 8 | (i < in.n ? (unsigned char)in.p[i] : 0);
	for (size_t i = 0; i < 4; i++)
		out[i] = alphabet[v >> (18 - 6 * i) & 63];
	return in.n + 1;
}

size_t b64u_write(struct str in, char *out, size_t size)
{
	size_t n = 0;
	char four[4];

	if (!size || in.n > (size - 1) / 4 * 3 + (size - 1) % 4 * 3 / 4)
		in = STR_NULL;
	for (; in.n; in = str_skip(in, 3)) {
		size_t k = digits(url, str_take(in, 3), four);

		for (size_t i = 0; i < k; i++)
			out[n++] = four[i];
	}
	if (size)
		out[n] = '\0';
	return n;
}

size_t b64_write(struct str in, char *out, size_t size)
{
	size_t n = 0;
	char four[4];

	if (!size || in.n > (size - 1) / 4 * 3)
		in = STR_NULL;
	for (; in.n; in = str_skip(in, 3)) {
		size_t k = digits(std, str_take(in, 3), four);

		for (size_t i = 0; i < 4; i++)
			out[n++] = i < k ? four[i] : '=';
	}
	if (size)
		out[n] = '\0';
	return n;
}

/* 64 and more: no digit. */
static unsigned value(const char alphabet[64], char c)
{
	unsigned char u = (unsigned char)c;

	if (u >= 'A' && u <= 'Z')
		return u - 'A';
	if (u >= 'a' && u <= 'z')
		return u - 'a' + 26u;
	if (u >= '0' && u <= '9')
		return u - '0' + 52u;
	if (c == alphabet[62])
		return 62;
	return c == alphabet[63] ? 63 : 64;
}

/* Two to four digits as bytes; false when a bit is left over. */
static bool bytes(const char alphabet[64], struct str in, unsigned char out[3])
{
	uint32_t v = 0;

	for (size_t i = 0; i < 4; i++) {
		unsigned d = i < in.n ? value(alphabet, in.p[i]) : 0;

		if (d > 63)
			return false;
		v = v << 6 | d;
	}
	for (size_t i = 0; i < 3; i++) {
		out[i] = v >> (16 - 8 * i) & 0xff;
		if (i + 1 >= in.n && out[i])
			return false;
	}
	return true;
}

static bool read_all(const char alphabet[64], struct str text,
		     unsigned char *out, size_t size, size_t *n)
{
	unsigned char three[3];

	*n = 0;
	if (text.n % 4 == 1 || text.n / 4 * 3 + text.n % 4 * 3 / 4 > size)
		return false;
	for (; text.n; text = str_skip(text, 4)) {
		struct str four = str_take(text, 4);

		if (!bytes(alphabet, four, three))
			return false;
		for (size_t i = 0; i + 1 < four.n; i++)
			out[(*n)++] = three[i];
	}
	return true;
}

bool b64u_read(struct str text, void *out, size_t size, size_t *n)
{
	return read_all(url, text, out, size, n);
}

bool b64_read(struct str text, void *out, size_t size, size_t *n)
{
	*n = 0;
	if (text.n % 4)
		return false;
	for (int i = 0; i < 2 && text.n && text.p[text.n - 1] == '='; i++)
		text.n--;
	return read_all(std, text, out, size, n);
}
