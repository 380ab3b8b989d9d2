/* SPDX-License-Identifier: MIT */
#ifndef SYS_PORTS_H
#define SYS_PORTS_H

/*
 * Who listens on TCP here. One sock_diag(7) dump (IPv4 and IPv6) answers for
 * all ports; where netlink is refused, /proc/net/tcp and tcp6 do; where there
 * is neither, ports_read() fails and the caller may try to connect.
 */

#include "base/err.h"
#include "base/str.h"

#include <sys/types.h>

#define PORTS_MAX 131072        /* every port twice */

struct port_holder {
	uint16_t port;
	bool ipv6;
	uint8_t addr[16];       /* IPv4 in the first four */
	uid_t uid;
	uint64_t inode;         /* of the socket; never 0 */
};

struct ports {
	struct port_holder *all;        /* sorted by port */
	size_t n, size;
};

void ports_init(struct ports *);
void ports_release(struct ports *);
int  ports_read(struct ports *, struct err *);  /* keeps its memory */

/*
 * First holder of a port that a client on 127.0.0.1 would reach (bound to
 * 127.0.0.1, ::ffff:127.0.0.1, 0.0.0.0 or ::, in this order), or NULL; then
 * the next. Whether :: takes IPv4 as well is not known: it may be v6-only.
 */
const struct port_holder *ports_first(const struct ports *, uint16_t port);
const struct port_holder *ports_next(const struct ports *,
				     const struct port_holder *);

/*
 * Whether a server could bind 127.0.0.1:port now, found by binding it for a
 * moment: a few microseconds, and no view that may be old. False says only
 * that it could not; a dump says who has it.
 */
bool ports_is_free(uint16_t port);

/*
 * Whether somebody takes connections on 127.0.0.1:port, by making one: the
 * way where no view can be had. Loopback decides at once; what stays undecided
 * is a listener whose queue is full. Never waits. -1: could not be tried.
 */
int ports_answers(uint16_t port);

/* Whether a process has the socket open: 1, 0, or -1 not ours to read. */
int ports_holds(pid_t, uint64_t inode);

/* Some process that has the socket open, by a walk of /proc; 0 unknown. */
pid_t ports_owner(uint64_t inode);

#endif
