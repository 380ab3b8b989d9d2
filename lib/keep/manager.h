/* SPDX-License-Identifier: MIT */
#ifndef KEEP_MANAGER_H
#define KEEP_MANAGER_H

/*
 * The keeper as a service of somebody else's: what it tells the service
 * manager that started it, by sd_notify(3) on the NOTIFY_SOCKET of its own
 * environment (which no module inherits).
 *
 *	READY=1         hub.sock answers; and again after a reload
 *	STATUS=		"12 modules, 1 failing", on change, once a second
 *	RELOADING=1     with MONOTONIC_USEC, on SIGHUP
 *	STOPPING=1      told to stop
 *	WATCHDOG=1	twice in WATCHDOG_USEC, if WATCHDOG_PID is us or unset
 *
 * Nothing is waited for. What the socket does not take is lost, but READY=1,
 * without which a service never comes up: it is sent again a second later.
 */

#include "sys/loop.h"

#define MANAGER_STATUS_SIZE 64

struct manager {
	struct loop *loop;
	const char *socket;     /* NULL: nobody wants to know */
	int fd;
	bool told_ready, ready_due;
	char status[MANAGER_STATUS_SIZE], next[MANAGER_STATUS_SIZE];
	int64_t status_ms;      /* when status was sent */
	struct timer later;     /* what waits for its second */
	int64_t watchdog_ms;    /* 0: not asked for */
	struct timer watchdog;
};

/* The environment must live as long. */
void manager_init(struct manager *, struct loop *, char *const *environ);
void manager_release(struct manager *);

void manager_ready(struct manager *);
void manager_reloading(struct manager *);
void manager_stopping(struct manager *);
void manager_status(struct manager *, size_t modules, size_t failing);

#endif
