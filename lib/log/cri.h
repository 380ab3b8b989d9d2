/* SPDX-License-Identifier: MIT */
#ifndef LOG_CRI_H
#define LOG_CRI_H

/*
 * A line of a log file, as Kubernetes' container runtimes write it and log
 * collectors read it (CRI logging format, kubernetes/design-proposals,
 * kubelet-cri-logging):
 *
 *	2026-06-02T05:21:33.123456789Z stdout F text
 *
 * time in RFC 3339 with nanoseconds, stream, tag, text, one space between;
 * the tag is P where the text goes on in the next line of that stream, F
 * where it ends. An empty text still has the space before it.
 */

#include "base/str.h"
#include "wire/date.h"

#define CRI_HEAD 40             /* bytes before the text, as we write it */
#define CRI_EXTRA (CRI_HEAD + 1)        /* and the newline behind it */

struct cri_line {
	int64_t unix_ns;
	int stream;             /* 0 stdout, 1 stderr */
	bool partial;
	struct str text;
};

/* The time written last: lines often share it. All zero to begin with. */
struct cri_clock {
	int64_t unix_ns;
	char text[DATE_CRI_SIZE];
};

/*
 * Writes the line and its newline to out, which has room for CRI_EXTRA bytes
 * more than the text. The number of bytes. A newline within the text, which
 * no line has, becomes a space.
 */
size_t cri_put(struct cri_clock *, const struct cri_line *, char *out);

/*
 * Reads a line without its newline; text points into it. Further tags behind
 * a colon are skipped. False when it is no such line.
 */
bool cri_take(struct str, struct cri_line *);

/* Whether the beginning of a file, cut anywhere, is one of such lines. */
bool cri_starts(struct str);

#endif
