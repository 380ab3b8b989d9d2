/* SPDX-License-Identifier: MIT */
#include "log/number.h"

/* The last number that the record stands for. */
static uint64_t last_of(const struct logpipe_rec *r)
{
	uint64_t more = r->kind == LOGPIPE_GAP && r->count ? r->count - 1 : 0;

	return more > UINT64_MAX - 1 - r->seq ? UINT64_MAX - 1 : r->seq + more;
}

/* The first number that is not there, as far as the log tells. */
static uint64_t first_missing(const struct log_end *end,
			      const struct logpipe_rec *r)
{
	uint64_t to = last_of(r);

	if (!end->known || r->boot < end->boot)
		return r->seq;
	if (r->boot > end->boot)
		return 1;
	return end->seq < to ? end->seq + 1 : r->seq;
}

enum log_step log_number(const struct log_end *end,
			 const struct logpipe_rec *r, struct log_gap *gap)
{
	uint64_t to = last_of(r), from = first_missing(end, r);
	bool same = end->known && r->boot == end->boot;

	*gap = (struct log_gap){ .boot = r->boot, .from = from };
	if (!r->seq || r->seq == UINT64_MAX ||
	    (r->kind == LOGPIPE_GAP && !r->count))
		return LOG_OLD;
	if (same && to <= end->seq && r->unix_ns <= end->unix_ns)
		return LOG_OLD;
	if (from <= to)
		gap->count = to - from + (r->kind == LOGPIPE_GAP);
	return same && r->kind == LOGPIPE_LINE && !gap->count &&
	       to > end->seq ? LOG_NEXT : LOG_NEW;
}
