/* SPDX-License-Identifier: MIT */
#ifndef KEEP_NOTIFY_H
#define KEEP_NOTIFY_H

/*
 * What a module says about itself: sd_notify(3), and NOTIFY_FD.
 *
 * One datagram socket serves all modules; its name stands in NOTIFY_SOCKET.
 * Whose a datagram is follows from the sender's pid, which the kernel
 * vouches for, and the evidence of keep/sweep; never from its text. One
 * that cannot be attributed (a stranger's; a sender already gone, or that
 * /proc cannot show), or is longer than 4 KiB, is ignored and counted.
 *
 *	READY=1                 it is ready
 *	STATUS=text             shown as status_text; cut at STATUS_TEXT_SIZE
 *	STOPPING=1 RELOADING=1  noted
 *	WATCHDOG_USEC=n         from now on it says WATCHDOG=1 that often; 0
 *	                        ends it. Silent for longer it is ended by
 *	                        SIGABRT, then SIGKILL, and that is a crash
 *	                        (systemd.service(5), WatchdogSec)
 *	WATCHDOG=1, =trigger    it lives; it wants to be ended so
 *
 * Everything else is ignored. EXTEND_TIMEOUT_USEC is, since a module that is
 * slow to start is waited for anyway and a stop has a fixed time. BARRIER=1
 * needs nothing: descriptors that come with a datagram are closed as it is
 * taken, and datagrams are taken in order.
 *
 * NOTIFY_FD is 3, the write end of a pipe of the run's own: a byte written
 * there means ready. The other end stays open as long as the run, so that
 * more bytes are no SIGPIPE. When descriptors are short there is none.
 */

#include "base/str.h"
#include "sys/loop.h"

#define STATUS_TEXT_SIZE 256

struct mod;
struct sup;

/* Of one run. */
struct notice {
	bool ready;             /* it said so */
	bool by_fd;             /* on NOTIFY_FD */
	bool stopping, reloading;
	char status[STATUS_TEXT_SIZE];  /* "": none */
	int64_t watchdog_ms;    /* 0: it did not ask for one */
	struct timer watchdog;
	int fd, far;            /* the pipe; far only until it is given away */
	struct watch watch;
};

struct notifier {
	int fd;                 /* -1: there is no such socket here */
	char name[48];          /* for NOTIFY_SOCKET */
	struct watch watch;
	uint64_t ignored;       /* datagrams of nobody we know */
};

/* One datagram; text points into it. */
struct notify_words {
	bool ready, stopping, reloading, alive, trigger;
	bool has_status, has_usec;
	struct str status;
	uint64_t usec;
};

void notify_parse(struct notify_words *, struct str datagram);

void notify_init(struct sup *);
void notify_release(struct sup *);
void notify_mod_init(struct mod *);

/* Around a run: before its environment is made, when it has been started or
 * could not be, when its leader is gone. */
void notify_prepare(struct mod *);
void notify_launched(struct mod *);
void notify_ended(struct mod *);

#endif
