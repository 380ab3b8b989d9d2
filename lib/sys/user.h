/* SPDX-License-Identifier: MIT */
#ifndef SYS_USER_H
#define SYS_USER_H

/*
 * Who a program can be run as, from the files passwd and group of a directory
 * (/etc) and nothing else: the C library's own look-up may ask a daemon or
 * the network, and wait for it.
 */

#include "base/err.h"
#include "base/str.h"

#include <sys/types.h>

#define USER_GROUPS_MAX 256
#define USER_FILE_MAX   (1024 * 1024)   /* of passwd or group */

struct user {
	uid_t uid;
	gid_t gid;
	gid_t groups[USER_GROUPS_MAX];  /* the first is gid; none: cleared */
	size_t ngroups;
	char name[65], home[1024];
};

/*
 * A name, or a number. A number that is in no passwd is a user all the same:
 * its group has the same number, it is in no other, its home is "/".
 * ERR_NOT_FOUND: no such name.
 */
int user_find(struct user *, const char *etc, struct str name, struct err *);

#endif
