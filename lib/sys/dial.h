/* SPDX-License-Identifier: MIT */
#ifndef SYS_DIAL_H
#define SYS_DIAL_H

/*
 * Connections for a process that is to lock itself in (sys/jail).
 *
 * What a kernel lets a process be denied is "no connect() at all", not "none
 * but to loopback". So before the jail a small child is forked that does
 * nothing but open what is asked of it from a list that cannot be widened,
 * and hands the descriptor over: a connection to one AF_UNIX socket, to
 * a port on 127.0.0.1 or ::1, or a file to be read whose name ends in one
 * given suffix and is no symbolic link. It has a jail of its own (an
 * allow-list of system calls), and ends with its parent. It never waits for a peer: connections are
 * non-blocking, so a call here takes microseconds; where a disk makes it wait
 * for a file, the caller gives up after a second, and until that answer has
 * come whoever asks is refused at once: one slow disk costs one second.
 *
 *	struct dial_conf conf = { .sock_dir = fd, .sock_name = "hub.sock",
 *		.suffix = "/.parachute/module.json" };
 *	dial_open(&d, &conf, &e);      forks
 *	jail_worker(...);
 *	fd = dial_unix(&d, &e);
 */

#include "base/err.h"
#include "base/str.h"

#include <sys/types.h>

struct dial {
	int fd;                 /* to the child; -1: there is none any more */
	pid_t pid;
	uint32_t serial;        /* of the last question */
	bool late;              /* it was given up, and is not answered yet */
};

struct dial_conf {
	int sock_dir;           /* where the socket is; its fd is the caller's */
	const char *sock_name;
	const char *suffix;     /* of files that may be read */
};

int  dial_open(struct dial *, const struct dial_conf *, struct err *);
void dial_close(struct dial *);         /* the child ends by itself */

/* Descriptors: non-blocking, close-on-exec, the caller's. The connection may
 * still be under way. ERR_UNREACHABLE when nobody listens, or when the child
 * is gone: then d->fd is -1, and it will not come back. */
int dial_unix(struct dial *, struct err *);
/* 127.0.0.1, or ::1 where nobody listens there. */
int dial_port(struct dial *, uint16_t port, struct err *);
/* A regular file, to read; dir (absolute, without "..") and the suffix make
 * its name. */
int dial_file(struct dial *, struct str dir, struct err *);

#endif
