/* SPDX-License-Identifier: MIT */
#ifndef HUB_MODULE_H
#define HUB_MODULE_H

/*
 * What it takes to run the module of a row: its start command, where, and
 * what it waits for. Read from the row, from the known modules and from
 * <installDir>/.parachute/module.json (runtime.md 4.2), anew at every spawn.
 *
 * The start command: the known module's own, when its program is on the
 * child's PATH; else module.json's startCmd. argv[0] with a slash is relative
 * to the install directory, which is also the working directory.
 */

#include "hub/known.h"
#include "hub/limits.h"
#include "hub/registry.h"

struct manifest {                       /* module.json, as far as we use it */
	struct str name, manifest_name, display_name, tagline, health;
	struct str management_url, ui_url, config_ui_url;
	uint16_t port;
	struct str start[ARGV_MAX];
	size_t nstart;
	struct str needs[2 * DEPENDENCIES_MAX]; /* not optional ones; then
						 * those of hub/supervise */
	size_t nneeds;
	int strip_prefix, websocket;            /* -1 absent */
	const struct json *json;
};

/*
 * Strict, and every error names file and field: "module.json: line 4 column
 * 3: port: must be an integer from 1 to 65535". ERR_NOT_FOUND when there is
 * none. Unknown keys are ignored.
 */
int manifest_read(struct manifest *, const char *install_dir, struct arena *,
		  struct json_at *, struct err *);
int manifest_from_json(struct manifest *, const struct json *, struct arena *,
		       struct json_at *, struct err *);

struct module {
	struct str short_name;
	const struct known *known;      /* NULL: third party */
	bool has_manifest;
	struct manifest manifest;
	const char *argv[ARGV_MAX + 1]; /* argv[0] NULL: cannot be started */
	const char *cwd;                /* NULL: none given */
	const char *reason;             /* why there is no argv */
	const char *fault;              /* of module.json; NULL */
	struct str version;             /* of package.json; empty: none */
};

/*
 * Fills the module from its row, all but the command; everything lives in the
 * arena. Faults of module.json become problems (when given). -1 only for lack
 * of memory.
 */
int module_read(struct module *, const struct row *, struct arena *,
		struct problems *, struct err *);
/* Then the command, or the reason why there is none. child_path is the PATH
 * the child will have. */
int module_command(struct module *, const char *child_path, struct arena *,
		   struct err *);

/* Both. */
int module_resolve(struct module *, const struct row *, const char *child_path,
		   struct arena *, struct problems *, struct err *);

/*
 * Where a URL of module.json leads: an http(s) URL and a path of the hub
 * (/...) as they stand, what is relative below the mount. An old vault says
 * /admin and means each instance's own. The result is url, or stands in room;
 * STR_NULL when that is too small.
 */
struct str module_url(struct str url, struct str mount, bool vault,
		      char *room, size_t size);
/* The first path that is no /.parachute, without a slash at its end; empty
 * when there is none, or when it is the root. */
struct str module_mount(const struct row *);

#endif
