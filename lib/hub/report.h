/* SPDX-License-Identifier: MIT */
#ifndef HUB_REPORT_H
#define HUB_REPORT_H

/*
 * What pc-status says: services.json, and what the hub makes of it.
 *
 * Rows stand in the order of services.json; behind them what the hub still
 * runs although its row is gone. Without a hub the rows are there all the
 * same, without state. Of a hub that is reached by URL there is only what it
 * says itself. A report changes nothing.
 */

#include "hub/client.h"
#include "hub/facts.h"
#include "hub/registry.h"

enum verdict { VERDICT_INACTIVE, VERDICT_PENDING, VERDICT_ACTIVE,
	       VERDICT_FAILING };

struct report_row {
	struct str short_name, version;
	const struct row *row;          /* NULL: the row is gone, or not seen
					 * from here (by URL) */
	const struct json *json;        /* of GET /api/modules; NULL: no hub */
	uint16_t port;
	bool supervised;                /* state and what follows are known */
	struct mod_state state;
	enum listening listening;
	unsigned restarts;
	struct facts facts;
	bool has_usage;                 /* asked for, and known */
	struct usage_facts usage;
	struct str status_text, log_error;      /* empty: none */
};

struct report {
	struct arena arena;
	struct registry registry;
	struct client client;
	const struct json *hub;         /* GET /api/hub; NULL: not reachable */
	struct report_row *rows;
	size_t n;
	struct problems problems;       /* the hub's, or what we see of them */
	struct err why;                 /* when there is no hub */
};

/*
 * REPORT_WHOLE: the rows have all that GET /api/modules says (json); else
 * they have what the struct holds, which is sooner told. REPORT_USAGE: and
 * what the modules use. -1 only when nothing can be said at all.
 */
enum { REPORT_WHOLE = 1, REPORT_USAGE = 2 };
/* One report at a time: the next one begins where the last was released. */
int  report_gather(struct report *, struct reach *, unsigned what,
		   struct err *);
void report_release(struct report *);
/* The hub is there, and tells nothing to who asks like that. */
bool report_is_refused(const struct report *);

enum verdict report_verdict(const struct report_row *, int64_t now_unix_ms);
const char *verdict_name(enum verdict);

/* {hub:{...},modules:[...],problems:[...]}; keep says which rows. */
void report_write(struct jsonw *, struct report *,
		  bool (*keep)(const struct report_row *));

#endif
