/* SPDX-License-Identifier: MIT */
#ifndef KEEP_STREAM_H
#define KEEP_STREAM_H

/*
 * A module's stdout and stderr: pipe -> lines -> ring and keeper's stdout.
 *
 * The pipes are read on for as long as anything of the run may hold them and
 * are closed when all of it is gone. End of file says nothing about the
 * process: it only ends the watching.
 */

#include "keep/sup.h"

void stream_init(struct mod *, char *tails);    /* 2 * LINE_MAX_BYTES */
/* New pipes; far[] are the child's ends of stdout and stderr. */
int  stream_open(struct mod *, int far[2], struct err *);
void stream_drain(struct mod *);        /* what is in the pipes now */
void stream_close(struct mod *);        /* drains, ends the last line */

#endif
