/* SPDX-License-Identifier: MIT */
#ifndef FRONT_LISTING_H
#define FRONT_LISTING_H

/*
 * What is shown of the modules to everybody: the rows of services.json, each
 * with what the module says of itself in its module.json. That file is the
 * module author's and counts more than the row, which the module rewrites at
 * boot.
 *
 * services.json is looked at each time, a module.json when its row is new and
 * then at most every FRONT_FRESH_MS, LISTING_BATCH of them at a time. One that
 * is absent or faulty says nothing; the keeper tells the operator why.
 */

#include "base/arena.h"
#include "hub/registry.h"

#define LISTING_BATCH  64       /* module.json looked at in one request */
#define LISTING_SCOPES 64       /* of one module that are told */

/* A module.json, as far as it is shown. Texts are empty when absent. */
struct said {
	struct arena arena;             /* of what follows */
	struct str display_name, tagline, management_url, ui_url;
	struct str *scopes;
	size_t nscopes;
	struct str dir;                 /* whose file it is */
	struct file_id id;              /* of what was read last */
	bool settled;                   /* id tells it from any later one */
};

struct listing {
	struct registry *registry;
	/* Opens DIR/.parachute/module.json to read; -1 and err. */
	int (*open)(void *ctx, struct str dir, struct err *);
	void *ctx;

	struct said *said;              /* of each row, by its index */
	const struct row **by_name;     /* all, by listing_name(), those of
					 * one name as in the file */
	size_t n;
	struct arena arena;             /* of those arrays */
	uint64_t view;                  /* of the registry that it belongs to */
	bool broken;                    /* services.json: older than the file */
	uint64_t version;               /* grows when anything changed */
	size_t next;                    /* to be looked at */
	int64_t looked_ms;
};

void listing_init(struct listing *, struct registry *,
		  int (*open)(void *ctx, struct str dir, struct err *),
		  void *ctx);
void listing_release(struct listing *);

/* Looks whether something changed. -1 for lack of memory only. */
int listing_look(struct listing *, int homefd, int64_t now_ms, struct err *);

/* Rows, in the listing's words. */

bool listing_is_seed(const struct row *);       /* no version of its own yet */
/* The places a row is listed at: each path of a vault is one, of others only
 * the first counts. 0: it is not listed. */
size_t listing_places(const struct row *);
struct str listing_path(const struct row *, size_t place);
/* A vault's name, from its path, else from its row. */
struct str listing_vault(const struct row *, size_t place);
struct str listing_name(const struct row *);    /* without "parachute-" */
/* Those of that name are *n from the one that is returned. */
const struct row **listing_named(const struct listing *, struct str name,
				 size_t *n);
/* Whether there is a vault of that name. */
bool listing_has_vault(const struct registry *, struct str name);

#endif
