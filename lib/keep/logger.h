/* SPDX-License-Identifier: MIT */
#ifndef KEEP_LOGGER_H
#define KEEP_LOGGER_H

/*
 * Hands lines to the log writer (pc-logd), through one pipe whose two ends
 * the keeper holds: what was handed over outlives the writer, and what is in
 * the pipe outlives the keeper.
 *
 * Lines become frames (hub/logpipe.h) in a stage of fixed size, which is
 * written at the end of each turn. While the pipe is full and the stage holds
 * more than LOGGER_LOW, sources of LOG_MODE_FILE wait: what they write stays in
 * their own pipes, so a flood slows its module. Every read leaves room for
 * the next (LOGGER_READ), so nothing waits in between.
 *
 *	flowing --pipe full for LOGPIPE_PATIENCE_MS--> stalled
 *	flowing <------the pipe takes some again------ stalled
 *
 * Stalled, or without a writer, lines go to the rings only and are counted;
 * a gap frame says which, once there is room again.
 */

#include "keep/source.h"
#include "sys/loop.h"

/* One reads no more at once from who writes lines: even if all of it are
 * empty lines, their frames find room in the stage. */
#define LOGGER_READ  16384
#define LOGGER_LOW   (128 * 1024)
#define LOGGER_STAGE (2 * 1024 * 1024)

/* Who waits until the pipe takes more; in the order in which they came. */
struct log_wait {
	struct list node;
	void (*go)(struct log_wait *);
};

struct logger {
	struct loop *loop;
	struct logs *logs;
	int in, out;            /* the writer's stdin; ours. -1 */
	char *stage;            /* LOGGER_STAGE; NULL: not open */
	size_t start, end;
	bool absent;            /* nobody reads the pipe */
	bool full;              /* it took less than there was */
	bool stalled;
	bool moved;             /* it took some since it was last looked at */
	struct watch watch;
	struct timer patience;
	struct later flush;
	struct list waiting;
	uint64_t lost;          /* lines, in this stall */
};

/* What is in the rings by now is handed over first. On -1 lines go to the
 * rings only. */
int  logger_open(struct logger *, struct loop *, struct logs *, struct err *);
/* Whether there is a program that reads the pipe; true until it is said. */
void logger_writer(struct logger *, bool there);
void logger_put(struct logger *, struct source *, const struct ring_line *);

/* Whether this source is not to be read now; then wait (twice is fine). */
bool logger_holds(const struct logger *, const struct source *);
void logger_wait(struct logger *, struct log_wait *);

const char *logger_fault(const struct logger *);        /* NULL: none */
bool logger_is_done(const struct logger *);     /* all of it is in the pipe */
/* No more lines: the writer finds the end. Its end of the pipe stays open. */
void logger_close(struct logger *);
void logger_release(struct logger *);

#endif
