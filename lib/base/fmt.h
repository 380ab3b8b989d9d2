/* SPDX-License-Identifier: MIT */
#ifndef BASE_FMT_H
#define BASE_FMT_H

/*
 * snprintf(3), as far as this code needs it.
 *
 * The C library's brings floating point and FILE with it, which weigh more
 * than all of base; this one has no locale, allocates nothing, leaves errno
 * alone and may run between fork() and exec().
 *
 * Known are the flags - and 0, a width and a precision (digits or *), the
 * lengths l, ll and z, and the conversions d u o x c s and %. Anything else
 * is BUG(). A NULL string prints as (null), as it does in libc.
 */

#include <stdarg.h>
#include <stddef.h>

/*
 * Writes at most size bytes, the last of them NUL if there is any; out may be
 * NULL when size is 0. Returns the length the whole has, so that size or more
 * means that the end was cut; -1 and EOVERFLOW if an int does not hold it.
 */
int fmt(char *out, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
int fmt_va(char *out, size_t size, const char *format, va_list)
	__attribute__((format(printf, 3, 0)));

#endif
