/* SPDX-License-Identifier: MIT */
#ifndef BASE_NUM_H
#define BASE_NUM_H

/*
 * Numbers in text that the kernel has written: blanks are skipped, digits are
 * taken until something else comes, which *end (when not NULL) points to. No
 * digits are 0; too many give the largest number. What people wrote is for
 * str_to_u64(), which refuses.
 */

#include <stdint.h>

uint64_t num_dec(const char *text, const char **end);
uint64_t num_hex(const char *text, const char **end);

#endif
