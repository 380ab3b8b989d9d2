/* SPDX-License-Identifier: MIT */
/*
 * RFC 9112 7.1, a byte at a time outside the data. White space after a size
 * is taken only before a ';': what else a recipient might make of it is not
 * worth finding out.
 */
#include "wire/http.h"

#define SIZE_DIGITS 16          /* of 64 bits */
#define EXT_MAX     256
#define PIECE_MAX   (1 << 30)   /* the result is an int */

enum {
	SIZE,           /* digits of a size */
	EXT_SPACE,      /* white space that must lead to ';' */
	EXT,            /* from ';' to CR */
	SIZE_LF,
	DATA,
	DATA_CR,
	DATA_LF,
	LINE,           /* first byte of a trailer line */
	NAME,
	VALUE,
	VALUE_LF,
	END_LF,
	END,
	BAD,
	LONG,
};

void chunked_init(struct chunked *c)
{
	*c = (struct chunked){ .state = SIZE };
}

bool chunked_done(const struct chunked *c)
{
	return c->done;
}

uint64_t chunked_left(const struct chunked *c)
{
	return c->state == DATA ? c->left : 0;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static bool is_text(char c)
{
	unsigned char u = (unsigned char)c;

	return (u >= ' ' && u != 0x7f) || u == '\t';
}

static int size_byte(struct chunked *c, char b)
{
	int digit = hex(b);

	if (digit >= 0) {
		if (++c->digits > SIZE_DIGITS)
			return BAD;
		c->left = c->left << 4 | (unsigned)digit;
		return SIZE;
	}
	if (!c->digits)
		return BAD;
	c->extra = 0;
	if (b == '\r')
		return SIZE_LF;
	if (b == ';')
		return EXT;
	return b == ' ' || b == '\t' ? EXT_SPACE : BAD;
}

static int ext_byte(struct chunked *c, char b)
{
	if (++c->extra > EXT_MAX)
		return LONG;
	if (c->state == EXT_SPACE) {
		if (b == ';')
			return EXT;
		return b == ' ' || b == '\t' ? EXT_SPACE : BAD;
	}
	if (b == '\r')
		return SIZE_LF;
	return is_text(b) ? EXT : BAD;
}

static int trailer_byte(struct chunked *c, char b)
{
	bool token = http_is_token((struct str){ &b, 1 });

	if (++c->trailer > HTTP_HEAD_MAX)
		return LONG;
	switch (c->state) {
	case LINE:
		if (b == '\r')
			return END_LF;
		return token ? NAME : BAD;
	case NAME:
		if (b == ':')
			return VALUE;
		return token ? NAME : BAD;
	case VALUE:
		if (b == '\r')
			return VALUE_LF;
		return is_text(b) ? VALUE : BAD;
	case VALUE_LF:
		return b == '\n' ? LINE : BAD;
	default:
		return b == '\n' ? END : BAD;
	}
}

/* The state after a byte that is not data. */
static int step(struct chunked *c, char b)
{
	switch (c->state) {
	case SIZE:
		return size_byte(c, b);
	case EXT_SPACE:
	case EXT:
		return ext_byte(c, b);
	case SIZE_LF:
		if (b != '\n')
			return BAD;
		return c->left ? DATA : LINE;
	case DATA_CR:
		return b == '\r' ? DATA_LF : BAD;
	case DATA_LF:
		c->digits = 0;
		return b == '\n' ? SIZE : BAD;
	default:
		return trailer_byte(c, b);
	}
}

int chunked_feed(struct chunked *c, struct str in, struct str *data)
{
	struct str all = in = str_take(in, PIECE_MAX);

	*data = STR_NULL;
	while (in.n && c->state < END) {
		if (c->state == DATA) {
			*data = c->left < in.n ?
				str_take(in, (size_t)c->left) : in;
			c->left -= data->n;
			if (!c->left)
				c->state = DATA_CR;
			in = str_skip(in, data->n);
			break;
		}
		c->state = step(c, in.p[0]);
		in = str_skip(in, 1);
	}
	if (c->state == BAD || c->state == LONG)
		return c->state == BAD ? HTTP_BAD : HTTP_LONG;
	c->done = c->state == END;
	return (int)(all.n - in.n);
}
