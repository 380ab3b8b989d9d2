/* SPDX-License-Identifier: MIT */
#ifndef SYS_SCREEN_H
#define SYS_SCREEN_H

/*
 * A terminal that shows a text which changes: only what changed is written.
 *
 * The terminal is steered by ECMA-48 sequences (cursor position, erase), and
 * put on its alternate screen where TERM is known to have one; so what was
 * there before is there again afterwards. Keys come unechoed. screen_leave()
 * brings back the terminal as it was, to the bit; it may be called at any
 * time, twice, and screen_enter() again after it (SIGTSTP, SIGCONT).
 */

#include "base/buf.h"
#include "base/err.h"

#include <termios.h>

struct screen {
	int out, in;            /* in -1: no keys */
	bool entered, alternate;
	bool saved;             /* termios of in */
	struct termios before;
	unsigned rows, cols;
	struct buf shown;       /* the text that stands there */
	bool stale;             /* write all of it */
};

/* False: out is no terminal, or TERM says that it cannot be steered. */
bool screen_usable(int out);

void screen_init(struct screen *, int in, int out);
void screen_release(struct screen *);   /* leaves it */
void screen_enter(struct screen *);
void screen_leave(struct screen *);
void screen_resized(struct screen *);   /* all is written anew */

/* Lines that do not fit are cut, those too many counted in the last one. */
void screen_draw(struct screen *, struct str text);

/* A key that was pressed; 0: none, -1: there are no more keys. */
int screen_key(struct screen *);

#endif
