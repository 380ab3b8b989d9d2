/* SPDX-License-Identifier: MIT */
#ifndef LOG_ROTATE_H
#define LOG_ROTATE_H

/*
 * The log file of one source, below the home, with its rotations and their
 * indexes (log/logidx):
 *
 *	<short>/logs/<short>.log        0600, CRI lines; the newest
 *	<short>/logs/<short>.log.1      and so on to .4, the oldest
 *	<short>/logs/<short>.log.idx    its index; <short>.log.1.idx ...
 *
 * Directories are opened one by one and no symbolic link is followed. A file
 * that has one of these names and is not ours is renamed and never removed:
 * <name>.before-pc, or .before-pc.2 and so on where that is taken.
 *
 * Who writes holds a lock (sys/file file_lock) that keeps others of the kind
 * away. What is written is not synced.
 */

#include "base/err.h"
#include "hub/limits.h"
#include "hub/state.h"
#include "log/logidx.h"

#include <sys/types.h>

#define LOG_NAME_SIZE (SHORT_SIZE + 16)         /* <short>.log.4.idx */
#define LOG_PATH_SIZE (SHORT_SIZE + 8 + LOG_NAME_SIZE)

struct logfile {
	char name[LOG_NAME_SIZE];       /* <short>.log */
	char path[LOG_PATH_SIZE];       /* from the home */
	int fd, idx;                    /* -1: closed */
	dev_t dev;
	ino_t ino;
	uint64_t size;
	struct log_end end;             /* as it was when it was opened, but
					 * entries and marked */
};

/* Of a batch of lines: where its parts stand in the index. */
struct logmark {
	struct logidx_entry entry;      /* offset from the batch's start */
	bool must;                      /* not just because it is time */
};

/* A short name, "hub" or "front". */
bool logfile_source_ok(struct str);

void logfile_init(struct logfile *, struct str source);

/*
 * Opens or makes the file, after which end says where it ends. What is not
 * ours is set aside; a line that was cut by a kill or a full disk is removed.
 * When the file is empty its last rotation says where the log ends.
 */
int  logfile_open(struct logfile *, int homefd, struct err *);
void logfile_close(struct logfile *);

/* Whether the open file is still the one at its path, and as we left it. */
bool logfile_stands(const struct logfile *, int homefd);

/*
 * Appends whole lines, all or none; rotates before when they do not fit. The
 * first mark is about the first of them, and must be there. On failure the
 * file is closed, and the next logfile_open() finds what it holds.
 */
int logfile_write(struct logfile *, int homefd, struct str lines,
		  const struct logmark *, size_t nmarks, struct err *);

/* The names of file number n (0: the newest) and of its index. */
void logfile_names(const char *log, int n, char name[LOG_NAME_SIZE],
		   char idx[LOG_NAME_SIZE]);
/* The directory of a source's logs, from the home. */
void logfile_dir(struct str source, char dir[SHORT_SIZE + 8]);

#endif
