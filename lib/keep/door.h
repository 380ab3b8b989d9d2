/* SPDX-License-Identifier: MIT */
#ifndef KEEP_DOOR_H
#define KEEP_DOOR_H

/*
 * The TCP port of the hub, held by the keeper before anything is started: a
 * second hub on it fails at once. Until there is a front door that takes the
 * sockets over, who connects is accepted and closed.
 */

#include "sys/loop.h"

struct door {
	struct loop *loop;
	struct watch watch;
	struct timer pause;
	int fd;
};

struct doors {
	struct door all[2];     /* 127.0.0.1 and ::1, or the one asked for */
};

void doors_init(struct doors *, struct loop *);

/* bind NULL: loopback, both families. *port 0 takes a free one and says
 * which. In use is ERR_EXISTS. */
int  doors_open(struct doors *, const char *bind, uint16_t *port,
		struct err *);
/* Whether who connects is accepted (and closed) here; else he waits for who
 * has the sockets too. On when they are opened. */
void doors_answer(struct doors *, bool);
void doors_close(struct doors *);

#endif
