/* SPDX-License-Identifier: MIT */
#ifndef SYS_ADDRS_H
#define SYS_ADDRS_H

/*
 * The addresses behind a host name, for commands: a resolver may be waited
 * for, so nothing that serves others calls this. A numeric address and
 * "localhost" are answered without one.
 */

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

#define ADDRS_MAX 8     /* a name has two, or four; more are not tried */

struct addrs {
	char text[ADDRS_MAX][46];       /* numeric, as sys/net takes them */
	size_t n;
};

/* ERR_UNREACHABLE when the name leads nowhere. */
int addrs_find(struct addrs *, const char *host, struct err *);

/*
 * A connection to the first of them that answers, within the time: a
 * non-blocking descriptor. That address stands first afterwards. Nobody
 * there is ERR_UNREACHABLE, with what the last one said.
 */
int addrs_connect(struct addrs *, uint16_t port, int timeout_ms, struct err *);

#endif
