/* SPDX-License-Identifier: MIT */
#ifndef KEEP_RECORD_H
#define KEEP_RECORD_H

/*
 * What must survive the keeper, though not the host: hub/run/state.
 *
 * A file of slots of RECORD_SIZE bytes, each with a checksum, each written
 * with one pwrite and never synced: the page cache outlives a process, and
 * the boot id in the head voids all of it after a reboot. The head holds the
 * owner marks of this home; then one slot a module: its number, who runs, if
 * it was stopped by hand, and its crashes. The slot is written before the
 * child runs.
 *
 *	boot of a keeper    after a kill            after a clean stop, reboot
 *	numbers, marks      kept                    drawn anew
 *	wanted, budget      kept                    every row is started
 *
 * A slot that is torn, alien or of another version is an empty one.
 */

#include "hub/owner.h"
#include "hub/state.h"
#include "keep/budget.h"

#define RECORD_SIZE 256

enum record_kind { RECORD_NONE, RECORD_MODULE, RECORD_CREW };

struct record {
	enum record_kind kind;
	unsigned id;
	char name[SHORT_SIZE];
	bool stopped;           /* by hand, or done: not for a boot to start */
	bool left;              /* something of it outlived its ending */
	pid_t pid;              /* leader of a run; 0: none */
	uint64_t start;         /* its */
	int64_t started_unix_ms;
	struct budget budget;
	int64_t due_ms;         /* monotonic: when it is tried again; 0 */

	int slot;               /* of an old one */
	bool taken;             /* an old one that goes on under its slot */
};

struct records {
	int fd;                 /* -1: nothing can be kept */
	struct owner owner;
	bool killed;            /* the keeper before this one was */
	bool failed;            /* a write did, and it was said */
	unsigned last_id;
	struct record *old;     /* of that keeper; NULL: none */
	size_t nold;
	unsigned char used[RECORDS_MAX / 8];    /* slots that are taken */
};

/*
 * Reads what is there, takes over or draws the owner marks, and writes a head
 * that says "not ended". -1: the file cannot be made; that it cannot be
 * written (a full disk) is told, and no reason to keep modules down.
 */
int record_open(struct records *, int run_dir, struct err *);
/* clean: everything has ended; the file says so. */
void record_close(struct records *, bool clean);
/* Once their fate is decided; the slots of those not taken over are freed. */
void record_forget_old(struct records *);

/* What a keeper that was killed knew of one; NULL: nothing. */
struct record *record_old(struct records *, enum record_kind, struct str name);

/* A free slot; -1: none left. */
int record_slot(struct records *);
/* slot -1 is fine. A write that fails is said once, and survived. */
void record_put(struct records *, int slot, const struct record *);
void record_free(struct records *, int slot);

#endif
