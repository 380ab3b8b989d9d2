/* SPDX-License-Identifier: MIT */
#ifndef SYS_FILE_H
#define SYS_FILE_H

/*
 * Files and directories. Names are relative to a directory descriptor, so a
 * home that is moved or replaced under us is noticed rather than followed.
 * None of these follow a symbolic link in the last component, and dir_open()
 * follows none at all below its start.
 */

#include "base/arena.h"
#include "base/err.h"

#include <sys/types.h>

/* Opens dir/a/b/c component by component with O_NOFOLLOW; -1 and err. */
int dir_open(int dirfd, const char *path, struct err *);
/* The same, making what is missing (mode applies to what is made). */
int dir_make(int dirfd, const char *path, mode_t mode, struct err *);

/*
 * The whole of a regular file of at most max bytes, into the arena. Absent
 * is ERR_NOT_FOUND, larger ERR_FULL, a directory or device ERR_INVALID.
 */
int file_read(int dirfd, const char *name, size_t max, struct arena *,
	      struct str *out, struct err *);

/* The same, through symbolic links: for a path that a person has written. */
int file_read_linked(int dirfd, const char *name, size_t max, struct arena *,
		     struct str *out, struct err *);

/*
 * The same for a file that decides what is run and as whom: its directory
 * (that of dirfd) and itself must belong to us or to root, the directory not
 * be writable by everybody, and the file be for its owner alone (0600). Else
 * ERR_DENIED, with the remedy.
 */
int file_read_private(int dirfd, const char *name, size_t max, struct arena *,
		      struct str *out, struct err *);

/* What makes a file "the same as when we read it last". */
struct file_id {
	bool exists;
	dev_t dev;
	ino_t ino;
	off_t size;
	int64_t mtime_ns, ctime_ns;
};
int  file_id(int dirfd, const char *name, struct file_id *, struct err *);
int  file_id_of(int fd, struct file_id *, struct err *);  /* an open one */
bool file_same(const struct file_id *, const struct file_id *);

/*
 * Replaces name by text: a temporary name "<name>.tmp-<pid>-<epoch ms>"
 * beside it, written, synced, renamed, the directory synced. The mode holds
 * from the first byte. On failure the old file stands and no litter is left.
 */
int file_replace(int dirfd, const char *name, struct str text, mode_t mode,
		 struct err *e);

/* The same without a sync: for what need not survive a power cut, and for
 * who must not wait for a disk. */
int file_put(int dirfd, const char *name, struct str text, mode_t mode,
	     struct err *e);

/*
 * Takes an exclusive lock (flock) on name, made 0600 when absent. Returns the
 * descriptor that holds it. wait_ms 0 tries once; ERR_EXISTS when another
 * has it. The lock ends with the descriptor.
 */
int file_lock(int dirfd, const char *name, int wait_ms, struct err *);

int file_write_all(int fd, struct str, struct err *);   /* EINTR-proof */

#endif
