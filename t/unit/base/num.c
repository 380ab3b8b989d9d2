/* SPDX-License-Identifier: MIT */
#include "base/num.h"

#include "tap.h"

#include <string.h>

int main(void)
{
	const char *end;

	ok(num_dec("0", NULL) == 0 && num_dec("00012", NULL) == 12, "digits");
	ok(num_dec("4711 17", &end) == 4711 && !strcmp(end, " 17") &&
	   num_dec(end, &end) == 17 && !*end, "one after the other");
	ok(num_dec("18446744073709551615", NULL) == UINT64_MAX,
	   "the largest number");
	ok(num_dec("18446744073709551616", NULL) == UINT64_MAX &&
	   num_dec("99999999999999999999999", NULL) == UINT64_MAX,
	   "more than that stays it");
	ok(num_dec("", &end) == 0 && !*end && num_dec("-1", &end) == 0 &&
	   *end == '-' && num_dec("a1", &end) == 0 && *end == 'a',
	   "no digits: 0, and where they would be");
	ok(num_dec("12a", &end) == 12 && *end == 'a', "ends at a letter");
	ok(num_hex("0793", NULL) == 0x793 && num_hex("fF", NULL) == 255 &&
	   num_hex("12G", &end) == 0x12 && *end == 'G' &&
	   num_hex("@`g/:", &end) == 0 && *end == '@', "hexadecimal");
	ok(num_hex("ffffffffffffffff", NULL) == UINT64_MAX &&
	   num_hex("10000000000000000", NULL) == UINT64_MAX, "as large");
	return tap_done();
}
