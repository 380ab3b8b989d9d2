/* SPDX-License-Identifier: MIT */
#ifndef SYS_NET_H
#define SYS_NET_H

/* Sockets: non-blocking, close-on-exec. Numeric addresses only: no DNS. */

#include "base/err.h"

#include <stdint.h>

/*
 * Listens on a numeric IPv4 or IPv6 address. Port 0 takes a free one; *port
 * gets what it became. In use is ERR_EXISTS. IPv6 sockets are v6-only.
 */
int net_listen_tcp(const char *addr, uint16_t *port, struct err *);

/*
 * Listens on a socket file `name` in dirfd, mode 0600, by its short name
 * (/proc/self/fd where there is one, else fchdir there and back), so that the
 * directory may be deeper than sun_path is long. An old socket of that name
 * is removed; the caller holds the lock that makes this right.
 */
int net_listen_unix(int dirfd, const char *name, struct err *);

/* Connects, at once or not at all. Nobody there: ERR_UNREACHABLE. */
int net_connect_unix(int dirfd, const char *name, struct err *);

/* Begins to connect to a numeric address; writable when decided. */
int net_connect_tcp(const char *addr, uint16_t port, struct err *);
int net_error(int fd);          /* SO_ERROR: 0 or an errno */

#endif
