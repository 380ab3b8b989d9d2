/* SPDX-License-Identifier: MIT */
#ifndef HUB_EXITS_H
#define HUB_EXITS_H

/*
 * How the runs of a module ended: <home>/hub/exits/<short>, the last
 * EXITS_KEPT of them, with the last lines before each.
 *
 * The file is EXITS_KEPT slots of EXIT_SLOT bytes; the exit numbered N stands
 * in slot N modulo EXITS_KEPT. A slot, little end first:
 *
 *	 0  u32  "PCX1": the version of all that follows
 *	 4  u32  CRC-32 (IEEE 802.3) of the bytes from 8 to the length
 *	 8  u16  length of what is used, these fields included
 *	10  u8   cause
 *	11  u8   what is known: 1 a code, 2 a signal
 *	12  u16  the code, or the signal
 *	14  u16  lines
 *	16  u64  number of the exit, from 1; only grows
 *	24  u64  pid; 0: there was no process
 *	32  i64  when, ms since 1970
 *	40  i64  start of the run, the same; 0: there was none
 *	48  u64  how long it ran, ms
 *	56  the lines, oldest first: u16 length, bytes
 *
 * Each exit is one write and never synced: what must outlive the keeper is in
 * the page cache then. A slot that is torn or alien counts as empty.
 */

#include "base/arena.h"
#include "wire/json.h"

#include <sys/types.h>

#define EXITS_KEPT 50
#define EXIT_LINES 20
#define EXIT_SLOT  4096         /* 20 lines of 200 bytes */

#define EXIT_CAUSES(X) \
	X(EXIT, "exit") X(SIGNAL, "signal") X(STOP, "stop") \
	X(UNHEALTHY, "unhealthy") X(WATCHDOG, "watchdog") \
	X(OUT_OF_MEMORY, "out_of_memory") X(SQUATTED, "squatted") \
	X(EXEC_FAILED, "exec_failed") X(KEEPER_KILLED, "keeper_killed")

enum exit_cause {
	CAUSE_NONE,             /* not known yet */
#define X(id, name) CAUSE_##id,
	EXIT_CAUSES(X)
#undef X
	CAUSE_N
};

struct exit_rec {
	uint64_t number;
	enum exit_cause cause;
	int code, signal;       /* -1: it ended without one */
	pid_t pid;              /* 0: there was no process */
	int64_t at_unix_ms, started_unix_ms, uptime_ms;
	size_t nlines;
	struct str lines[EXIT_LINES];   /* oldest first */
};

const char *exit_cause_name(enum exit_cause);

/*
 * Fills the slot; how many bytes of it are used. Lines that do not fit
 * together are cut, the longest first, none below 197 bytes, at the end of a
 * character, and end in "...".
 */
size_t exit_encode(const struct exit_rec *, char slot[EXIT_SLOT]);
/* False: there is no exit in it. The lines point into the slot, which may be
 * shorter than EXIT_SLOT. */
bool exit_decode(struct exit_rec *, struct str slot);

/* {"at","pid","started_at","uptime_ms","code","signal","cause","lines"} */
void exit_write(struct jsonw *, const struct exit_rec *);
/* What that wrote; texts are the tree's. False: it is no exit. */
bool exit_read(const struct json *, struct exit_rec *);
/* The members of it, into an object that has others. */
void exit_write_members(struct jsonw *, const struct exit_rec *);

struct exits {
	size_t n;
	struct exit_rec all[EXITS_KEPT];        /* newest first */
};

/* Everything is in the arena. A missing file is no exits; -1: it cannot be
 * read. */
int exits_read(int homefd, const char *short_name, struct arena *,
	       struct exits *, struct err *);

/*
 * Numbers the exit and writes it. *last is the number of the one before, 0
 * when it has to be looked up; it is kept up to date. Directories that are
 * missing are made, 0700, the file 0600.
 */
int exits_append(int homefd, const char *short_name, struct exit_rec *,
		 uint64_t *last, struct err *);

#endif
