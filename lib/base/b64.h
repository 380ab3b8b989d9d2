/* SPDX-License-Identifier: MIT */
#ifndef BASE_B64_H
#define BASE_B64_H

/*
 * Base64 (RFC 4648): the URL alphabet without padding, as tokens have it, and
 * the standard one with padding, as PEM has it.
 *
 * Reading takes only what writing makes: no white space, no padding too much
 * or too little, no bit set behind the last byte. So a value has one text,
 * and two texts that differ are two values.
 */

#include "base/str.h"

/* What n bytes take as text, and a NUL. */
#define B64U_SIZE(n) (((n) * 4 + 2) / 3 + 1)
#define B64_SIZE(n)  (((n) + 2) / 3 * 4 + 1)

/* Writes text and NUL and returns its length; 0 and an empty text when that
 * is more than size (or in is empty). */
size_t b64u_write(struct str in, char *out, size_t size);
size_t b64_write(struct str in, char *out, size_t size);

/* False when it is no such text, or makes more than size bytes. */
bool b64u_read(struct str text, void *out, size_t size, size_t *n);
bool b64_read(struct str text, void *out, size_t size, size_t *n);

#endif
