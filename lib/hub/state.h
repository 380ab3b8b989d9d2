/* SPDX-License-Identifier: MIT */
#ifndef HUB_STATE_H
#define HUB_STATE_H

/*
 * The state of a module on the wire (runtime.md 2.1): one encoder for the
 * keeper, one decoder for everybody who asks it.
 *
 *	{"short":"vault","status":"running","pid":4711,
 *	 "startedAt":"2026-06-02T05:21:33.000Z","restartsInWindow":0}
 *
 * A process that a signal ended has lastExitCode 128 + signal, as in a shell.
 */

#include "base/arena.h"
#include "wire/json.h"

#include <sys/types.h>

#define SHORT_SIZE 65           /* a short name and NUL */

enum status { STATUS_UNKNOWN, STATUS_STARTING, STATUS_RUNNING, STATUS_STOPPED,
	      STATUS_CRASHED, STATUS_RESTARTING };
enum listening { LISTEN_UNKNOWN, LISTEN_NO, LISTEN_YES, LISTEN_OTHER };

/* Why it does not run as it should; type NULL: nothing to say. */
struct start_error {
	const char *type;       /* one of the ERROR_ words */
	char text[480];
	char binary[64];        /* with ERROR_MISSING, ERROR_NOT_EXEC; or "" */
	int64_t at_unix_ms;
};

#define ERROR_MISSING     "missing_dependency"
#define ERROR_NOT_EXEC    "non_executable"
#define ERROR_DIRECTORY   "missing_directory"
#define ERROR_UNBOUND     "started_but_unbound"
#define ERROR_SQUATTER    "port_squatter"
#define ERROR_DAEMONIZED  "daemonized"
#define ERROR_SPAWN       "spawn_failed"
#define ERROR_NO_COMMAND  "no_start_cmd"
#define ERROR_SETTINGS    "invalid_settings"

struct mod_state {
	char short_name[SHORT_SIZE];
	enum status status;
	pid_t pid;                      /* 0: absent */
	int64_t started_unix_ms;        /* 0: never */
	unsigned restarts_in_window;
	int64_t crashed_unix_ms;        /* 0: never */
	bool exited;
	int exit_code;
	struct start_error error;
};

const char *status_name(enum status);
enum status status_of(struct str);
const char *listening_name(enum listening);     /* "yes" "no" "other" "-" */
enum listening listening_of(struct str);

void state_write(struct jsonw *, const struct mod_state *);
void start_error_write(struct jsonw *, const struct start_error *);
/* False when it is not a state. Unknown keys are ignored, absent ones are
 * left at zero; error.type points into static memory or is "". */
bool state_read(const struct json *, struct mod_state *);

#endif
