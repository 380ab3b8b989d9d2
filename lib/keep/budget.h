/* SPDX-License-Identifier: MIT */
#ifndef KEEP_BUDGET_H
#define KEEP_BUDGET_H

/*
 * How many crashes a module may have before it is left alone, and for how
 * long. Pure: the clock and the dice are the caller's.
 *
 * In a window of 60 s the first crash is followed by a new run at once, the
 * second after 500 ms, the third ends it (CRASH_MAX, as the reference). From
 * then on there is one run per slow retry: after 60 s, 120 s ... 15 min, each
 * moved by up to 20 % so that a fleet does not march in step. 60 s alive, or
 * a manual start, clear everything. No timer says that the 60 s are over:
 * who counts, or crashes, says how long the run has been alive.
 */

#include "hub/limits.h"

#include <stdbool.h>
#include <stdint.h>

struct budget {
	int64_t stamp[CRASH_MAX];       /* monotonic ms, oldest first */
	unsigned n;
	bool spent;
	int64_t slow_ms;                /* of the last slow retry */
};

void budget_clear(struct budget *);

/*
 * A crash at now, of a run that was alive for alive_ms. True: run again after *delay_ms. False: the budget is
 * spent, look again after *delay_ms. dice is any 32 random bits.
 */
bool budget_crash(struct budget *, int64_t now, int64_t alive_ms,
		  uint32_t dice, int64_t *delay_ms);

/* The delay of the next slow retry when it was not a crash (a missing
 * program): does not grow. */
int64_t budget_slow(const struct budget *, uint32_t dice);

/* Crashes in the window ending now; CRASH_MAX or more while spent. alive_ms:
 * of the run there is, 0 without one. */
unsigned budget_count(const struct budget *, int64_t now, int64_t alive_ms);

#endif
