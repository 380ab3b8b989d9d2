/* SPDX-License-Identifier: MIT */
#ifndef HUB_ROW_H
#define HUB_ROW_H

/* One row of services.json by itself (runtime.md 4.1). */

#include "hub/field.h"
#include "hub/registry.h"

/*
 * Checks the row and takes what it holds; texts stay in the tree, paths go
 * into f->arena. False: f says what is wrong.
 */
bool row_from_json(struct row *, const struct json *, struct fields *f);

/*
 * A module that exists no more, by its name and where that is not enough by
 * its place. Works on rows that are broken otherwise.
 */
bool row_retired(const struct json *);

/* parachute-vault or parachute-vault-NAME: they may share a port. */
bool row_is_vault(struct str name);
/* parachute-vault-NAME. */
bool row_is_further_vault(struct str name);

/* One is X and the other parachute-X. */
bool row_is_twin(struct str x, struct str parachute_x);

#endif
