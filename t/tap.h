/* SPDX-License-Identifier: MIT */
#ifndef T_TAP_H
#define T_TAP_H

/*
 * Test Anything Protocol, and input laid against a page nobody may touch.
 *
 *	ok(x == 1, "x is %d", x);
 *	return tap_done();
 *
 * guarded(s) copies s so that its last byte is the last readable one: one
 * byte of over-read is a fault. The copy lives until the next call with the
 * same slot (0..3).
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

bool tap_ok(bool good, const char *file, int line, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
#define ok(cond, ...) tap_ok((cond), __FILE__, __LINE__, __VA_ARGS__)

void tap_diag(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void tap_skip_all(const char *why) __attribute__((noreturn));
int tap_done(void);     /* prints the plan; the exit status of main */

struct str guarded(int slot, struct str);

#endif
