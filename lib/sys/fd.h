/* SPDX-License-Identifier: MIT */
#ifndef SYS_FD_H
#define SYS_FD_H

/*
 * The table of descriptors a long-lived process holds: what each is for and
 * whose it is, entered when it is made and struck when it is closed. What the
 * kernel lists and this table does not is a leak, and a later keeper that
 * re-executes itself finds its sockets and pipes here.
 *
 * One table a process, as the kernel's own. owner is the number of a module,
 * or 0. fd_own() takes -1 and returns it, so it can wrap the making call; an
 * fd beyond the table is closed and refused with EMFILE.
 */

#include <stddef.h>

#define FD_TABLE_MAX 16384      /* 1,000 modules need 4,000 */

/* enum and names from one list. */
#define FD_KINDS(X) \
	X(FREE, "free") X(STDIO, "stdio") X(LOOP, "loop") X(WAKE, "wake") \
	X(LOCK, "lock") X(DIR, "dir") X(LISTEN, "listen") X(CONN, "conn") \
	X(OUT, "stdout") X(ERR, "stderr") X(EXEC, "exec") X(READY, "ready") \
	X(PROBE, "probe") X(STATE, "state") X(WATCH, "watch") \
	X(LOGPIPE, "log pipe") X(CREW, "crew") \
	X(OOM, "oom") X(NOTIFY, "notify") X(HEALTH, "health") \
	X(MANAGER, "manager") X(OTHER, "other")

enum fd_kind {
#define X(id, name) FD_##id,
	FD_KINDS(X)
#undef X
	FD_NKIND
};

int  fd_own(int fd, enum fd_kind, unsigned owner);
void fd_close(int *fd);         /* -1 is fine; sets it to -1; keeps errno */
size_t fd_count(enum fd_kind);  /* FD_FREE: all that are in the table */
enum fd_kind fd_kind_of(int fd);
unsigned fd_owner_of(int fd);   /* 0 also where there is none */
const char *fd_kind_name(enum fd_kind);

#endif
