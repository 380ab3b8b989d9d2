/* SPDX-License-Identifier: MIT */
#ifndef FRONT_PROBE_H
#define FRONT_PROBE_H

/*
 * Who answers on our port of the loopback? Another's socket on exactly
 * 127.0.0.1:PORT shadows ours on all addresses, and modules fetch their keys
 * there. Asked at the start and then every PROBE_EVERY_MS: an answer that is
 * not this hub's is told to the keeper, and so is the first that is again. No
 * answer proves nothing.
 */

#include "base/buf.h"
#include "sys/httpc.h"

#define PROBE_EVERY_MS   300000
#define PROBE_TIMEOUT_MS 1500

struct front;

struct probe {
	struct front *front;
	struct timer timer;
	struct httpc http;
	struct buf body;
	int status;
	bool busy, hijacked, refused;
};

void probe_init(struct probe *, struct front *);
void probe_start(struct probe *);
void probe_release(struct probe *);

#endif
