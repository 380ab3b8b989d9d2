/* SPDX-License-Identifier: MIT */
#ifndef HUB_DEPCHECK_H
#define HUB_DEPCHECK_H

/*
 * A program that a module needs and this host lacks: what it is for and how
 * to get it, for people (the description) and for the wire (runtime.md 6).
 * For a program that is not in the table no command is invented.
 */

#include "base/arena.h"

enum depcheck_os { OS_LINUX, OS_DARWIN, OS_OTHER };

struct depcheck {
	struct str binary, description;
	const char *why, *docs_url;             /* NULL: not known */
	struct str darwin, linux_, generic;     /* install; empty: absent */
	const char *sysadmin_hint;
};

/* cpu as uname -m gives it ("x86_64", "aarch64"). */
void depcheck_missing(struct depcheck *, struct str binary, enum depcheck_os,
		      const char *cpu, struct arena *);

enum depcheck_os depcheck_this_os(void);
const char *depcheck_this_cpu(void);    /* static memory */

#endif
