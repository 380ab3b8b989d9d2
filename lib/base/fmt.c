/* SPDX-License-Identifier: MIT */
#include "base/fmt.h"

#include "base/err.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>

/*
 * Small rather than strict: the compiler has checked every format by the time
 * this reads it, so flags, numbers and lengths are taken in any order.
 */
struct out {
	char *p;
	size_t size, n;         /* n goes on counting when p is full */
	va_list ap;
	bool left, zero;
	unsigned longs;         /* how many l; z is as wide as one */
	long width, precision;  /* precision -1: none given */
};

static void put(struct out *o, const char *text, size_t n)
{
	size_t room = o->n < o->size ? o->size - o->n : 0;

	if (room)
		memcpy(o->p + o->n, text, n < room ? n : room);
	o->n += n;
}

static void pad(struct out *o, char c, long n)
{
	for (; n > 0 && o->n < o->size; n--)
		o->p[o->n++] = c;
	o->n += n > 0 ? (size_t)n : 0;
}

/* A sign, zeros and a text, in a field as wide as asked for. */
static void field(struct out *o, bool minus, long zeros, const char *text,
		  size_t n)
{
	long gap = o->width;

	if (gap < 0) {
		o->left = true;
		gap = -gap;
	}
	gap -= (long)n + zeros + minus;
	if (!o->left)
		pad(o, ' ', gap);
	pad(o, '-', minus);
	pad(o, '0', zeros);
	put(o, text, n);
	if (o->left)
		pad(o, ' ', gap);
}

/* The next argument; without l the bits of an int, widened. */
static unsigned long long next(struct out *o)
{
	if (!o->longs)
		return (unsigned long long)va_arg(o->ap, int);
	if (o->longs == 1 || sizeof(long) == sizeof(long long))
		return va_arg(o->ap, unsigned long);
	return va_arg(o->ap, unsigned long long);
}

static void integer(struct out *o, unsigned long long v, char conversion)
{
	char digits[3 * sizeof v], *end = digits + sizeof digits, *p = end;
	bool minus = conversion == 'd' && (long long)v < 0;
	long zeros = o->precision;
	unsigned base = 10;

	if (conversion == 'x')
		base = 16;
	else if (conversion == 'o')
		base = 8;
	else if (conversion != 'd' && conversion != 'u')
		BUG("a conversion unknown to fmt()");
	if (minus)
		v = 0 - v;
	if (!o->longs)
		v = (unsigned)v;
	for (; v; v /= base)
		*--p = "0123456789abcdef"[v % base];
	if (zeros < 0) {
		zeros = o->zero && !o->left ? o->width - minus : 1;
		zeros = zeros < 1 ? 1 : zeros;
	}
	zeros -= end - p;
	field(o, minus, zeros < 0 ? 0 : zeros, p, (size_t)(end - p));
}

/* Takes what stands between '%' and the conversion, which it returns. */
static char prepare(struct out *o, const char **f)
{
	long *n = &o->width;

	o->left = o->zero = false;
	o->longs = 0;
	o->width = 0;
	o->precision = -1;
	for (;; ++*f) {
		if (**f == '-') {
			o->left = true;
		} else if (**f == 'l' || **f == 'z') {
			o->longs++;
		} else if (**f == '*') {
			*n = va_arg(o->ap, int);
		} else if (**f == '.') {
			n = &o->precision;
			*n = 0;
		} else if (**f >= '0' && **f <= '9') {
			if (n == &o->width && !*n && **f == '0')
				o->zero = true;
			*n = *n * 10 + **f - '0';
		} else {
			return *(*f)++;
		}
	}
}

/* Returns what follows the conversion. */
static const char *convert(struct out *o, const char *f)
{
	char conversion = prepare(o, &f), c;
	unsigned long long v;
	const char *text;

	if (conversion == '%') {
		put(o, "%", 1);
	} else if (conversion == 's') {
		text = va_arg(o->ap, const char *);
		if (!text)
			text = "(null)";
		field(o, false, 0, text, strnlen(text, (size_t)o->precision));
	} else {
		v = next(o);
		c = (char)v;
		if (conversion == 'c')
			field(o, false, 0, &c, 1);
		else
			integer(o, v, conversion);
	}
	return f;
}

int fmt_va(char *out, size_t size, const char *format, va_list ap)
{
	struct out o = { .p = out, .size = size };

	va_copy(o.ap, ap);
	while (*format) {
		size_t n = strcspn(format, "%");

		put(&o, format, n);
		format += n;
		if (*format)
			format = convert(&o, format + 1);
	}
	va_end(o.ap);
	if (size)
		out[o.n < size ? o.n : size - 1] = '\0';
	if (o.n <= INT_MAX)
		return (int)o.n;
	errno = EOVERFLOW;
	return -1;
}

int fmt(char *out, size_t size, const char *format, ...)
{
	va_list ap;
	int n;

	va_start(ap, format);
	n = fmt_va(out, size, format, ap);
	va_end(ap);
	return n;
}
