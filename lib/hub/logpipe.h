/* SPDX-License-Identifier: MIT */
#ifndef HUB_LOGPIPE_H
#define HUB_LOGPIPE_H

/*
 * What the keeper writes into the pipe to pc-logd: frames, one a record.
 *
 *	head   LOGPIPE_HEAD bytes: the fields below, little end first
 *	name   of the source, name_len bytes
 *	text   text_len bytes, without newline
 *
 * A frame is LOGPIPE_FRAME_MAX bytes at most. The keeper holds both ends, so
 * that what was handed over outlives either program.
 */

#include "base/str.h"
#include "hub/limits.h"
#include "hub/state.h"

#define LOGPIPE_HEAD      48
#define LOGPIPE_FRAME_MAX (LOGPIPE_HEAD + SHORT_SIZE + LINE_MAX_BYTES)

enum logpipe_kind { LOGPIPE_LINE = 1, LOGPIPE_GAP };

struct logpipe_rec {
	enum logpipe_kind kind;
	uint64_t boot, seq;     /* of a gap: the first that is missing */
	uint64_t count;         /* of a gap: how many; else 0 */
	int64_t unix_ns;
	int stream;             /* 0 stdout, 1 stderr */
	bool partial;           /* the line goes on in the next record */
	struct str name, text;
};

/* Writes head and name to out (LOGPIPE_HEAD + SHORT_SIZE bytes are enough);
 * the text follows them. The number of bytes. */
size_t logpipe_head(const struct logpipe_rec *, char *out);

/*
 * Takes one frame off in: > 0 its length, with rec's strs pointing into it;
 * 0 when more bytes are needed; -1 when it is no frame (the stream is lost).
 */
int logpipe_take(struct str in, struct logpipe_rec *);

/* How many bytes, at least one, there are before what may be a next frame. */
size_t logpipe_skip(struct str in);

#endif
