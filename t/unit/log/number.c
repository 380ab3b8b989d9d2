/* SPDX-License-Identifier: MIT */
/* What a record is to a log: a table. */
#include "log/number.h"

#include "tap.h"

#define LINE LOGPIPE_LINE
#define GAP LOGPIPE_GAP

static const struct {
	const char *name;
	bool known;
	uint64_t boot, seq;             /* where the log ends, at time 100 */
	enum logpipe_kind kind;
	uint64_t r_boot, r_seq, r_count;
	int64_t time;
	enum log_step step;
	uint64_t from, count;           /* the gap; count 0: none */
} cases[] = {
	{ "first of all", false, 0, 0, LINE, 1, 1, 0, 1, LOG_NEW, 0, 0 },
	{ "first here", false, 0, 0, LINE, 3, 70, 0, 1, LOG_NEW, 0, 0 },
	{ "next", true, 3, 7, LINE, 3, 8, 0, 100, LOG_NEXT, 0, 0 },
	{ "next, clock set back", true, 3, 7, LINE, 3, 8, 0, 1, LOG_NEXT,
	  0, 0 },
	{ "the last again", true, 3, 7, LINE, 3, 7, 0, 100, LOG_OLD, 0, 0 },
	{ "an old one", true, 3, 7, LINE, 3, 1, 0, 9, LOG_OLD, 0, 0 },
	{ "its number again, but younger", true, 3, 7, LINE, 3, 7, 0, 101,
	  LOG_NEW, 0, 0 },
	{ "one left out", true, 3, 7, LINE, 3, 9, 0, 100, LOG_NEW, 8, 1 },
	{ "many left out", true, 3, 7, LINE, 3, 1000, 0, 100, LOG_NEW, 8,
	  992 },
	{ "another keeper", true, 3, 7, LINE, 4, 1, 0, 100, LOG_NEW, 0, 0 },
	{ "its first left out", true, 3, 7, LINE, 4, 3, 0, 100, LOG_NEW, 1,
	  2 },
	{ "a keeper that counts anew", true, 3, 7, LINE, 1, 5, 0, 100,
	  LOG_NEW, 0, 0 },
	{ "a gap", true, 3, 7, GAP, 3, 8, 5, 100, LOG_NEW, 8, 5 },
	{ "a gap, first of all", false, 0, 0, GAP, 3, 8, 5, 100, LOG_NEW, 8,
	  5 },
	{ "a gap that is there", true, 3, 12, GAP, 3, 8, 5, 100, LOG_OLD, 0,
	  0 },
	{ "a gap, half of it there", true, 3, 10, GAP, 3, 8, 5, 100, LOG_NEW,
	  11, 2 },
	{ "a gap behind others", true, 3, 5, GAP, 3, 8, 5, 100, LOG_NEW, 6,
	  7 },
	{ "a gap of another keeper", true, 3, 5, GAP, 4, 3, 5, 100, LOG_NEW,
	  1, 7 },
	{ "a gap of nothing", true, 3, 7, GAP, 3, 8, 0, 100, LOG_OLD, 0, 0 },
	{ "no number", true, 3, 7, LINE, 3, 0, 0, 100, LOG_OLD, 0, 0 },
	{ "the largest number", true, 3, 7, LINE, 3, UINT64_MAX, 0, 100,
	  LOG_OLD, 0, 0 },
	{ "a gap past all numbers", true, 3, 7, GAP, 3, 8, UINT64_MAX, 100,
	  LOG_NEW, 8, UINT64_MAX - 8 },
};

int main(void)
{
	for (size_t i = 0; i < LEN(cases); i++) {
		const struct log_end end = { .known = cases[i].known,
			.boot = cases[i].boot, .seq = cases[i].seq,
			.unix_ns = 100 };
		const struct logpipe_rec rec = { .kind = cases[i].kind,
			.boot = cases[i].r_boot, .seq = cases[i].r_seq,
			.count = cases[i].r_count, .unix_ns = cases[i].time };
		struct log_gap gap;

		ok(log_number(&end, &rec, &gap) == cases[i].step,
		   "%s", cases[i].name);
		if (cases[i].step == LOG_OLD)
			continue;
		ok(gap.count == cases[i].count && (!gap.count ||
		   (gap.from == cases[i].from && gap.boot == rec.boot)),
		   "  %llu from %llu missing", (unsigned long long)gap.count,
		   (unsigned long long)gap.from);
	}
	return tap_done();
}
