/* SPDX-License-Identifier: MIT */
#ifndef SYS_JAIL_IMPL_H
#define SYS_JAIL_IMPL_H

/*
 * The locks of a jail, one file a system (jail_linux.c, jail_seccomp.c).
 * Private to sys/jail*.c. Each returns -1 with errno, ENOSYS where the host
 * has no such thing.
 */

#include <stddef.h>

/* A sanitizer's runtime makes calls of its own, and looks for leaks as the
 * process ends: it reads /proc, clones itself and traces what it came from.
 * Its builds, which are for tests, leave that open. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define JAIL_SANITIZED 1
#else
#define JAIL_SANITIZED 0
#endif

int lock_privs(void);
int lock_caps(void);
/* Everything that landlock knows, but to read beneath home; what that is, as
 * words for a report. home -1: reading stays as it is. */
int lock_files(int home, char *scope, size_t size);
int lock_worker_calls(void);
int lock_dialer_calls(void);

#endif
