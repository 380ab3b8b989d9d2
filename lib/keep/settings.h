/* SPDX-License-Identifier: MIT */
#ifndef KEEP_SETTINGS_H
#define KEEP_SETTINGS_H

/*
 * Settings while a module runs. They are read anew for every run and hold for
 * that run (mod->settings, mod->rules); one that goes on does so by what it
 * was started with. But a fault in the operator's file is said when somebody
 * looks, not only when the next run is refused.
 */

#include "keep/spawn.h"

/* Notes which operator's file mod->settings is about to be read from. */
void settings_note(struct spawn_ctx *, struct mod *);

/* Looks at all files that have changed, at most every LISTEN_FRESH_MS. */
void settings_look(struct sup *);

/* The rules of the run that begins. */
void settings_take(struct mod *);

#endif
