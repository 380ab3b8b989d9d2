/* SPDX-License-Identifier: MIT */
#ifndef HUB_REGISTRY_H
#define HUB_REGISTRY_H

/*
 * services.json: which modules this home has. Modules write their own rows
 * at boot, the reference hub writes it too; we read it leniently and write it
 * strictly.
 *
 * Reading drops and rewrites nothing in the file. A row that cannot be used
 * (malformed, retired, a port that an earlier row has, an X beside
 * parachute-X on one port, a short name that is not allowed) is skipped and
 * becomes a problem that names the place and the remedy; so do, as one, all
 * rows after MODULES_MAX good ones. Rows of further vaults
 * (parachute-vault-NAME) are instances: paths of the one vault module, no
 * module of their own, unless no parachute-vault row is there: then the first
 * of them is the module vault.
 * A file that is not JSON, has no "services" list, or cannot be read, leaves
 * the last good view in place.
 */

#include "hub/problem.h"
#include "sys/file.h"
#include "wire/json.h"

enum exposure { EXPOSE_DEFAULT, EXPOSE_ALLOWED, EXPOSE_LOOPBACK, EXPOSE_AUTH };

struct row {
	struct str name;                /* "parachute-vault" */
	struct str short_name;          /* "vault" */
	uint16_t port;
	struct str *paths;
	size_t npaths;
	struct str health, version;
	struct str display_name, tagline, install_dir;  /* empty: absent */
	enum exposure exposure;
	int strip_prefix, websocket;    /* -1 absent, 0, 1 */
	bool instance;                  /* served by another row's module */
	const struct json *json;        /* the row as it stands, with uis */
	unsigned line, number;          /* its place in the file, from 1 */
};

struct registry {
	struct arena arena;             /* of the current view */
	struct row *rows;               /* usable rows, in file order */
	size_t n;
	const struct row **by_name;     /* the modules, sorted */
	size_t nnames;
	struct problems problems;       /* of the current file */
	struct file_id id;
	bool loaded, broken;            /* broken: the view is older than the
					 * file, problems say why */
	uint64_t view;                  /* grows with every new view */
	struct arena problem_arena;     /* of the problems */
	struct str text;                /* what was read last */
	bool settled;                   /* id tells this file from any later */
};

void registry_init(struct registry *);
void registry_release(struct registry *);

/*
 * Reads the file if it changed since the last call. 1: there is a new view
 * (all pointers into the old one are dead); 0: nothing changed; -1: the file
 * changed and cannot be used, the view stays, problems were replaced.
 * A missing file is an empty view.
 */
int registry_load(struct registry *, int homefd, struct err *);

/*
 * The same from a text that was read elsewhere. 1: there is a new view; -1:
 * the text cannot be used, the view stays, problems were replaced.
 */
int registry_parse(struct registry *, struct str text, struct err *);

/* The row that is the module of that name; never a further vault's. */
const struct row *registry_find(const struct registry *, struct str short_name);

/*
 * Strict writing, under HOME_SERVICES_LOCK, temp and rename. row is an object
 * that must be valid by itself and by the port rule; it replaces the row of
 * the same name, keys of the old row that it does not have are kept, or it is
 * appended. Unknown keys, in rows and in the root, are kept everywhere. A
 * file that is not what it should be is refused and left alone; ERR_EXISTS
 * when another row has the port or the short name. Removing a row that is not
 * there is ERR_NOT_FOUND.
 */
int registry_upsert(int homefd, const struct json *row, struct err *);
int registry_remove(int homefd, struct str name, struct err *);

/*
 * services.json name -> short name: by the known modules, a further vault's
 * is vault, else itself.
 */
struct str registry_short(struct str name);

#endif
