/* SPDX-License-Identifier: MIT */
#ifndef KEEP_BOOT_H
#define KEEP_BOOT_H

/*
 * What a keeper that was killed has left behind is ended before anything of
 * the new one exists: SIGTERM, then SIGKILL, to every process that hub/owner
 * proves to be of a module it had. The process itself and its ancestors are
 * not touched, whatever they carry: a shell of a module may start a hub.
 *
 * Waits for as long as a stop may take. What even SIGKILL does not end is
 * said, and noted in its record (left): its module must not be started
 * beside it.
 */

#include "keep/cgroup.h"
#include "keep/record.h"

void boot_end_leftovers(struct records *, struct cgroup *);

#endif
