/* SPDX-License-Identifier: MIT */
#ifndef KEEP_LISTEN_H
#define KEEP_LISTEN_H

/*
 * Whether a module's port is listened on, and by whom.
 *
 * The kernel is asked for all modules at once: at 0, 5, 10, 20 ms ... while
 * one is starting (readyTimeoutMs), then every second for a minute, then only
 * when somebody looks (listen_look), at most every LISTEN_FRESH_MS, and every
 * second while somebody watches. The listener must belong to the module's own
 * run; a socket once proven is remembered by its inode.
 *
 * Where the kernel does not tell who listens (no sock_diag, no /proc), a
 * connection is made to each port instead: who answers is believed to be the
 * module, and GET /api/hub says so.
 */

#include "keep/sup.h"

void listen_init(struct sup *);
void listen_started(struct sup *, struct mod *);        /* a new run is up */
void listen_ended(struct sup *, struct mod *);
void listen_look(struct sup *);
void listen_watch(struct sup *);        /* the number of watchers changed */

/* Somebody else has the port that the module needs: mod->error says who. */
bool listen_is_squatted(struct sup *, struct mod *, uint16_t port);

/*
 * Whether pid holds the module's port, in the view that listen_refresh() took
 * at the beginning of the pass (when some exit may have left a listener).
 */
void listen_refresh(struct sup *);
bool listen_is_held_by(struct sup *, const struct mod *, pid_t);

#endif
