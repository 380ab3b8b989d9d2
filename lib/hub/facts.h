/* SPDX-License-Identifier: MIT */
#ifndef HUB_FACTS_H
#define HUB_FACTS_H

/*
 * Facts about a running module, each by itself, and what it uses: one encoder
 * for the keeper, one decoder for who asks it.
 *
 *	"facts":{"alive":true,"listening":"yes","ready":true,
 *	 "ready_by":"port","healthy":null}
 *	"usage":{"cpu_ms":1200,"cpu_percent":0.4,"memory_bytes":9043968,
 *	 "processes":2}
 */

#include "hub/state.h"

enum ready_by { READY_BY_NONE, READY_BY_PORT, READY_BY_NOTIFY, READY_BY_FD };
enum healthy { HEALTH_UNKNOWN, HEALTH_OK, HEALTH_FAILING };

struct facts {
	bool alive;             /* a process of it runs */
	enum listening listening;
	bool ready;
	enum ready_by by;
	enum healthy healthy;
};

struct usage_facts {
	uint64_t cpu_ms;        /* of the run */
	unsigned cpu_permille;  /* of one processor, lately */
	uint64_t memory_bytes;  /* resident */
	unsigned processes;
	int descriptors;        /* -1: not counted */
};

const char *ready_by_name(enum ready_by);       /* "port", "notify", "fd" */

/* NULL writes null. */
void facts_write(struct jsonw *, const struct facts *);
void usage_write(struct jsonw *, const struct usage_facts *);
/* False when it is no such object. */
bool facts_read(const struct json *, struct facts *);
bool usage_facts_read(const struct json *, struct usage_facts *);

#endif
