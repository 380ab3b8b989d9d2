/* SPDX-License-Identifier: MIT */
#ifndef T_UNIT_SYS_JAIL_TRIES_H
#define T_UNIT_SYS_JAIL_TRIES_H

/*
 * What somebody who has taken a worker over would try. Each try returns 0
 * when it got what it wanted, else -1 with errno. t/unit/sys/jail.c has each
 * made by a process of its own, once free and once from within the jail;
 * t/seam/taken.c by a worker of the front door.
 */

#include "sys/dial.h"
#include "sys/jail.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/types.h>
#include <unistd.h>

#define ALL (JAIL_PRIVS | JAIL_CAPS | JAIL_FILES | JAIL_CALLS)

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

/* What a worker holds, and more than it should: sockets of every kind. */
struct cell {
	struct dial dial;
	int home;               /* home/data, home/text, home/s */
	int data, shm;          /* open for writing */
	int text;               /* open for reading */
	int listener, accepted; /* TCP */
	int tcp, udp, local;    /* made before the jail, connected nowhere */
	int pair[2];
	uint16_t port;          /* of the listener */
	pid_t victim, parent;
	char outside[4096];     /* a file beside home; it may be written */
};

enum {
	ROOT = 256,             /* free, only root can */
	ANYHOW = 512,           /* not tried free: it harms the host, or hosts
				 * may refuse it by themselves */
	RUNTIME = 1024,         /* a sanitizer's runtime must be able to */
};

struct attempt {
	const char *name;
	int (*fn)(struct cell *);
	unsigned by;            /* the locks each of which refuses it */
};

static bool is_refusal(int outcome)
{
	return outcome == EPERM || outcome == EACCES || outcome == ENOSYS;
}

/* Of a call that makes a descriptor, which nobody wants to have. */
static int made(int fd)
{
	int err = errno;

	if (fd >= 0)
		close(fd);
	errno = err;
	return fd < 0 ? -1 : 0;
}

#endif
