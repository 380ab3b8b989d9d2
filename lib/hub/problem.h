/* SPDX-License-Identifier: MIT */
#ifndef HUB_PROBLEM_H
#define HUB_PROBLEM_H

/*
 * What is wrong in a file that people or modules write, and where. Problems
 * never stop what is right: they are collected, shown by pc-status and by
 * GET /api/modules, and logged once.
 */

#include "base/arena.h"

struct problem {
	struct str file;        /* as a path from the home, or absolute */
	unsigned line, column;  /* 0: the file as a whole */
	bool note;              /* worth saying, nothing is skipped for it */
	struct str text;        /* what, and what to do about it */
};

/* Bounded (PROBLEMS_MAX); the last place says how many more there were. */
struct problems {
	struct problem *all;
	size_t n, dropped;
	char *more;             /* the text of the last place, once needed */
};

/* Texts are copied into the arena. Never fails: with no memory, it counts. */
void problem_add(struct problems *, struct arena *, const char *file,
		 unsigned line, unsigned column, const char *fmt, ...)
	__attribute__((format(printf, 6, 7)));
void problem_note(struct problems *, struct arena *, const char *file,
		  unsigned line, unsigned column, const char *fmt, ...)
	__attribute__((format(printf, 6, 7)));

/*
 * Anybody's text, fit for a terminal and a log: what is not a printable ASCII
 * character becomes \xNN, what is too long is cut and ends in "...".
 */
#define PROBLEM_SHOW 68         /* the longest short name, uncut */
const char *problem_show(char out[PROBLEM_SHOW], struct str);

#endif
