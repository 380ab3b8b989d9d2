/* SPDX-License-Identifier: MIT */
#ifndef KEEP_DEPS_H
#define KEEP_DEPS_H

/*
 * What a module waits for before it is started (SM_HELD).
 *
 * A dependency is an order, not a condition: it is waited for until it is
 * ready, or has come as far as it will (crashed, stopped, not listening in
 * time). One without a row, and one that closes a circle, is named and
 * ignored: a module is never kept down by another's fault.
 */

#include "keep/sup.h"

/* Reads anew what the module depends on. */
void deps_hold(struct sup *, struct mod *);

/* Whether all of that has settled; m is held. */
bool deps_settled(struct sup *, struct mod *);

#endif
