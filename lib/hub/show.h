/* SPDX-License-Identifier: MIT */
#ifndef HUB_SHOW_H
#define HUB_SHOW_H

/* What pc-status says, as text for people, into a buf. */

#include "hub/exits.h"
#include "hub/report.h"

/* Which rows are meant: short names or names of services.json; NULL-
 * terminated, none: all. */
bool show_wants(char *const *wanted, struct str short_name);

/* The table of the rows that are meant; of all: the hub as its last row, and
 * what is wrong in files. usage: with CPU and MEM. */
void show_table(struct buf *, const struct report *, char *const *wanted,
		bool usage);

/*
 * Everything about one module: its row, and what GET /api/modules/<short>
 * says of it (NULL: there is no hub, or it does not know the module; then
 * exits are those of the file).
 */
void show_module(struct buf *, const struct report *,
		 const struct report_row *, const struct json *whole,
		 const struct exits *);

/* One event as a line: "2026-06-02T05:21:33.123Z  vault  ready (port)". */
void show_event(struct buf *, struct str type, const struct json *data);

#endif
