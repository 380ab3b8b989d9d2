/* SPDX-License-Identifier: MIT */
#ifndef SYS_JAIL_H
#define SYS_JAIL_H

/*
 * A process locks itself in, for good. What it holds open it goes on using;
 * from then on it starts nothing, makes nothing, connects to nothing, and
 * opens for reading only what lies beneath one directory.
 *
 * It takes several locks, of which none is needed for the others: no new
 * privileges; no capabilities, also as root; landlock (which files, no TCP,
 * no signals to others); a seccomp filter (which system calls, see the table
 * in jail_seccomp.c). What a host lacks is left out and said.
 *
 *	store_open(...);                        a database, and its log
 *	dial_open(&d, ...);                     forks
 *	struct jail_conf conf = { .home = fd };
 *	jail_worker(&conf, report, sizeof report);
 *
 * What does not go on inside, of what one might want: sendmsg() (send() and
 * writev() do), to change O_NONBLOCK, to open any file for writing. SQLite
 * keeps its temporary tables in memory (PRAGMA temp_store).
 */

#include <stddef.h>

#define JAIL_REPORT_SIZE 160

enum jail_lock {
	JAIL_PRIVS = 1,         /* no_new_privs */
	JAIL_CAPS  = 2,
	JAIL_FILES = 4,         /* landlock */
	JAIL_CALLS = 8,         /* seccomp */
};

struct jail_conf {
	int home;               /* what is beneath may be read */
	unsigned without;       /* tests: locks that this host lacks */
};

/*
 * The locks that hold, as a set of JAIL_ bits; the same as one line in
 * report: "holds: ..." and, where there is anything, "; lacks: ...".
 */
unsigned jail_worker(const struct jail_conf *, char *report, size_t size);

/* The jail of the child of sys/dial, tighter: a list of what it may call. */
void jail_dialer(void);

#endif
