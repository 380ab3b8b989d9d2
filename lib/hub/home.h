/* SPDX-License-Identifier: MIT */
#ifndef HUB_HOME_H
#define HUB_HOME_H

/*
 * A home (~/.parachute) and what lies in it.
 *
 *	services.json           which modules there are; theirs and ours
 *	<short>/.env            a module's environment
 *	<short>/supervise.json  the operator's settings for it (hub/supervise)
 *	expose-state.json       the exposure whose origin is the hub's
 *	hub-instance.json       which boot of the hub answers on its port
 *	hub.db, operator.token  keys, tokens, users (auth/store, auth/token)
 *	hub.sock                the local API (or PARACHUTE_HUB_SOCK)
 *	hub/run/keeper.lock     held by the running keeper; holds its pid
 *	hub/run/hub.port        the bound TCP port, decimal and LF
 *	hub/run/origin          the stored origin, one line
 *	hub/run/boot            how many keepers this home has had
 *	hub/run/state           what survives a killed keeper (keep/record)
 *	hub/run/logd.lock       held by who writes log files
 *	hub/exits/<short>       how its runs ended (hub/exits.h)
 *	hub/run/services.lock   held while services.json is rewritten
 *
 * Never a *.pid file: the reference takes one for an old detached daemon.
 */

#include "base/err.h"
#include "base/str.h"

#include <sys/types.h>

#define HOME_SERVICES   "services.json"
#define HOME_EXPOSE     "expose-state.json"
#define HOME_INSTANCE   "hub-instance.json"
#define HOME_SOCK       "hub.sock"
#define HOME_RUN        "hub/run"
#define HOME_EXITS      "hub/exits"
#define HOME_LOCK       "keeper.lock"           /* in HOME_RUN */
#define HOME_PORT       "hub.port"
#define HOME_ORIGIN     "origin"
#define HOME_BOOT       "boot"
#define HOME_STATE      "state"
#define HOME_LOG_LOCK   "logd.lock"
#define HOME_SERVICES_LOCK "services.lock"

#define HUB_PORT 1939   /* the reference's, and the canonical one */
#define HUB_API  1      /* what hub.sock speaks; raised when it changes */

struct home {
	char path[4096];        /* absolute */
	int fd;                 /* the directory; -1 */
};

/*
 * option (--home), else PARACHUTE_HOME, else $HOME/.parachute; an empty one
 * is an unset one, a relative one is taken from here. make: create what is
 * missing, mode 0700.
 */
int  home_open(struct home *, const char *option, bool make, struct err *);
void home_close(struct home *);

/* Where hub.sock is: a directory descriptor (owned by the caller) and the
 * name in it. name points into static memory or the environment. */
int home_sock(const struct home *, const char **name, struct err *);

/* [A-Za-z0-9][A-Za-z0-9._-]{0,63}, and none of the names that are ours. */
bool home_short_ok(struct str);

#endif
