/* SPDX-License-Identifier: MIT */
#ifndef SYS_LOOP_BACKEND_H
#define SYS_LOOP_BACKEND_H

/*
 * What loop.c asks of the kernel's way to wait; make picks one
 * (loop_epoll.c, loop_poll.c). Private to sys/loop*.c.
 *
 * backend_open() allocates all there will be. backend_add() and _remove()
 * are called with w->fd set, _mask() after w->events changed. backend_wait()
 * stores at most max reports, those of busy descriptors not always first,
 * and returns their number, or -1 with errno.
 */

#include "sys/loop.h"

struct loop_backend *backend_open(struct err *);
void backend_close(struct loop_backend *);

int  backend_add(struct loop_backend *, struct watch *, struct err *);
void backend_mask(struct loop_backend *, struct watch *);
void backend_remove(struct loop_backend *, struct watch *);
int  backend_wait(struct loop_backend *, struct loop_event *, int max,
		  int timeout_ms);

#endif
