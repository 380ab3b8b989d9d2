/* SPDX-License-Identifier: MIT */
#ifndef BASE_LE_H
#define BASE_LE_H

/*
 * Numbers as our files and pipes have them: unsigned, in so many bytes (1 to
 * 8), the least significant first. And the CRC-32 of ISO 3309 (as in zlib,
 * PNG) that tells a torn record from a whole one.
 */

#include "base/str.h"

#include <stdint.h>

void     le_put(char *p, uint64_t n, size_t bytes);
uint64_t le_get(const char *p, size_t bytes);
uint32_t crc32(struct str);

#endif
