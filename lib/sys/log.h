/* SPDX-License-Identifier: MIT */
#ifndef SYS_LOG_H
#define SYS_LOG_H

/*
 * A daemon's own words, one line each: "[supervisor] vault: started" on the
 * stream the owner set (a function, so that the keeper can send them through
 * its never-blocking output). Without a sink they go to stderr.
 */

#include "base/str.h"

void log_to(void (*sink)(struct str line));     /* line ends with '\n' */
void log_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
