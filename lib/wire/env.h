/* SPDX-License-Identifier: MIT */
#ifndef WIRE_ENV_H
#define WIRE_ENV_H

/*
 * .env files, read as the reference hub reads them: a line counts when '='
 * is at index 1 or later; the key is the text before it, unchanged; the value
 * is the rest, verbatim, less one pair of equal quotes (" or ') around it and
 * a '\r' at its end. No escapes, no expansion, no continuation. Later
 * duplicates win. Keys that cannot be environment names (a space, '#',
 * control characters) are passed over, as are values with NUL.
 */

#include "base/str.h"

/*
 * Takes lines off *text until one holds a pair; false at the end. *line (when
 * not NULL) counts the lines taken, starting from the caller's value.
 */
bool env_next(struct str *text, unsigned *line, struct str *key,
	      struct str *value);

#endif
