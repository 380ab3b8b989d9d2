/* SPDX-License-Identifier: MIT */
#ifndef KEEP_OUT_H
#define KEEP_OUT_H

/*
 * The keeper's own stdout: "[short] text" lines, never waited for.
 *
 * What stdout does not take is kept in a fixed buffer and written when it
 * does; what does not fit there is dropped, counted, and said in a line of
 * its own once there is room. A reader that went away (EPIPE) ends it for
 * good. The flags of the descriptor are not touched: it may be shared.
 */

#include "base/str.h"
#include "sys/loop.h"

#define OUT_SIZE (128 * 1024)   /* two of the longest lines */

struct out {
	struct loop *loop;
	struct watch watch;
	struct timer retry;
	struct later flush;
	int64_t pause_ms;       /* until it is tried again */
	int fd;                 /* -1: nobody reads any more */
	size_t start, end;
	uint64_t dropped;       /* since the last line that said so */
	uint64_t dropped_total;
	char bytes[OUT_SIZE];
};

void out_init(struct out *, struct loop *, int fd);
void out_line(struct out *, struct str who, struct str text);
void out_flush(struct out *);   /* what it takes at once; for the end */

#endif
