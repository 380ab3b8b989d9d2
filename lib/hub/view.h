/* SPDX-License-Identifier: MIT */
#ifndef HUB_VIEW_H
#define HUB_VIEW_H

/*
 * A module as GET /api/modules and pc-status --json show it (runtime.md 3.4):
 * what is known of it from all sides, and the one encoder for that.
 * Beyond the reference a row carries state, port, listening, restarts and
 * facts, status_text, log_error; usage when it was asked for.
 */

#include "hub/facts.h"
#include "hub/module.h"

struct mod_view {
	struct str short_name;
	const struct known *known;      /* NULL: third party */
	const struct row *row;          /* NULL: not installed */
	const struct module *module;    /* NULL: not resolved */
	const struct mod_state *state;  /* NULL: nobody supervises it */
	uint16_t port;                  /* 0: not installed */
	enum listening listening;
	unsigned restarts;
	const struct facts *facts;      /* NULL: nobody supervises it */
	const char *status_text;        /* what it says of itself; NULL */
	const char *log_error;          /* why its log is not written; NULL */
	bool with_usage;
	const struct usage_facts *usage;        /* NULL: not known */
};

void mod_view_write(struct jsonw *, const struct mod_view *);
/* The keys and values of that, within an object of the caller's. */
void mod_view_put(struct jsonw *, const struct mod_view *);
/* short, installed_version and what is beyond the reference. */
void mod_view_write_status(struct jsonw *, const struct mod_view *);
/* An element of supervised[]. */
void mod_view_write_short(struct jsonw *, const struct mod_view *);
/* [{file, line, column, text, note}] */
void problems_write(struct jsonw *, const struct problems *);

#endif
