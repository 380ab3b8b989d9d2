/* SPDX-License-Identifier: MIT */
#ifndef BASE_ERR_H
#define BASE_ERR_H

/*
 * What went wrong, as one sentence that grows on its way up.
 *
 * A fallible call takes a struct err last and returns -1 (or NULL) when it
 * filled it. The low unit states the fact, each caller prepends its context:
 *
 *	if (file_read(path, &text, e) < 0)
 *		return err_wrap(e, "manifest %s", path);
 *
 * gives "manifest /x/module.json: open: No such file or directory". A message
 * too long for its buffer loses its end, never its context. The code is
 * translated once to an exit status (sys/cli) and once to HTTP (hub/apierr).
 *
 * The err_ calls return -1, so that "return err_set(...)" reads as it means.
 * e may be NULL where nobody wants to know.
 */

enum err_code {
	ERR_NONE,
	ERR_FAILED,             /* it did not work; nothing more specific */
	ERR_USAGE,              /* asked in a wrong way */
	ERR_INVALID,            /* a file or message is not what it should be */
	ERR_NOT_FOUND,
	ERR_EXISTS,             /* taken: a port, a lock, a name */
	ERR_DENIED,
	ERR_FULL,               /* a bound of ours was reached */
	ERR_NO_MEMORY,
	ERR_BUSY,               /* another has it now; try again */
	ERR_UNREACHABLE,        /* the hub, or a peer, does not answer */
	ERR_TIMEOUT,
	ERR_SYSTEM,             /* the operating system refused; see sys */
};

struct err {
	enum err_code code;
	int sys;                /* errno, or 0 */
	char msg[240];
};

int err_set(struct err *, enum err_code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Appends ": " and the text of errno as it is on entry; keeps it in sys. */
int err_sys(struct err *, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Appends to a message that is already there: what to do about it. */
int err_add(struct err *, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Prepends "...: " to a message that is already there. */
int err_wrap(struct err *, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Our own mistake: prints file and line, then aborts. Never for input. */
#define BUG(why) err_bug(__FILE__, __LINE__, (why))
_Noreturn void err_bug(const char *file, int line, const char *why);

#endif
