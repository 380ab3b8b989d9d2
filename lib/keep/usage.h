/* SPDX-License-Identifier: MIT */
#ifndef KEEP_USAGE_H
#define KEEP_USAGE_H

/*
 * What a module's whole run uses, by one walk of /proc for all of them, made
 * when somebody asks and at most every USAGE_FRESH_MS. Whose a process is
 * follows from the evidence of keep/sweep.
 *
 * CPU time is that of the processes that live and of those they have waited
 * for; it never goes back within a run. cpu_permille is taken over the time
 * since an earlier look, USAGE_SPAN_MIN_MS to USAGE_SPAN_MAX_MS ago, else
 * since the start.
 */

#include "hub/facts.h"

struct mod;
struct sup;

struct usage {
	bool known;             /* somebody has looked, in this run */
	struct usage_facts now;
	int64_t base_ms;        /* the look that the next span begins at */
	uint64_t base_cpu_ms;
	uint64_t was_ms;        /* CPU time at the look before */
};

/* descriptors: counts these as well, a directory for each process. */
void usage_look(struct sup *, bool descriptors);

/* NULL: it does not run, or /proc does not tell. */
const struct usage_facts *usage_of(const struct mod *);

#endif
