/* SPDX-License-Identifier: MIT */
#ifndef KEEP_LOGD_H
#define KEEP_LOGD_H

/*
 * The log writer: pc-logd as one of the crew, at the end of the logger's pipe.
 * It says "SHORT ok" or "SHORT error TEXT" of a source's file on its stdout,
 * when that changes; what it has to say otherwise is a line of the hub's log.
 *
 * It gets no signal when the keeper dies, since it must write what is in the
 * pipe; the end of that ends it.
 */

#include "keep/crew.h"
#include "keep/logger.h"

#define LOGD_PATIENCE_MS 2000 /* for the last lines, at the keeper's end */

struct logd {
	struct logger logger;
	struct crew_member member;
	struct logs *logs;
	char home[4096];
	char *argv[4];
};

/* Where there is no pipe or no program lines go to the rings only; said. */
void logd_start(struct logd *, struct crew *, struct logs *,
		  const char *home);
/* No more lines. True once all are written, or nobody will write them; else
 * a turn of the loop brings it nearer. */
bool logd_ended(struct logd *);
void logd_release(struct logd *);

#endif
