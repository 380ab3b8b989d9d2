/* SPDX-License-Identifier: MIT */
#ifndef LOG_NUMBER_H
#define LOG_NUMBER_H

/*
 * What a record from the keeper is to a log that ends at a certain line: the
 * next, one that is there already, or one behind others that are missing.
 */

#include "hub/logpipe.h"
#include "log/logidx.h"

enum log_step {
	LOG_OLD,        /* already written: it stayed in the pipe when a
			 * writer was killed */
	LOG_NEXT,       /* the number behind the last one */
	LOG_NEW,        /* any other: the index must say which */
};

struct log_gap {
	uint64_t boot, from, count;     /* count 0: none */
};

/*
 * For a line the gap, if any, is what is missing before it; for a gap record
 * what it says, less what is there and more what it did not know of.
 *
 * A keeper that lost its count of keepers may begin again with a BOOT that
 * was there, so a number that was there counts as old only if the record is
 * not younger than the last line.
 */
enum log_step log_number(const struct log_end *, const struct logpipe_rec *,
			 struct log_gap *);

#endif
