/* SPDX-License-Identifier: MIT */
#ifndef LOG_WRITER_H
#define LOG_WRITER_H

/*
 * Frames of the log pipe (hub/logpipe) into the files of their sources.
 *
 * What comes together is written together: one write for each source in a
 * batch. A source whose file cannot be written is said to be so once, and
 * again when the reason changes; its records are kept, up to LOG_KEPT_EACH
 * and LOG_KEPT_MAX for all, then counted only; others go on. When
 * writer_retry() finds that it can be written again, what was kept is written,
 * what was not is a gap, and that it is well is said.
 *
 * A kill at any moment loses and doubles nothing as long as the frames are
 * taken off the pipe after writer_put(): what is already in the files is
 * known from their indexes. (Where the clock was set back in between, some of
 * it is there twice: a number that comes again with a later time is another.)
 */

#include "base/err.h"
#include "base/str.h"

struct writer;

/* error NULL: it is well again. Both valid during the call. */
typedef void writer_say_fn(void *ctx, const char *source, const char *error);

/*
 * The home's descriptor stays the caller's. NULL and err without memory.
 * Where the lock of the home's writers (HOME_LOG_LOCK) is held by another,
 * waits until it ends; where it cannot be taken for another reason, that is
 * an error of every source until it can.
 */
struct writer *writer_new(int homefd, writer_say_fn *, void *ctx, struct err *);
void writer_free(struct writer *);

/*
 * Takes the whole frames off a batch, INTAKE_SIZE bytes at most: how many
 * bytes they are. What is no frame is skipped and counted in *skipped.
 */
size_t writer_put(struct writer *, struct str batch, size_t *skipped);

/* Whether some source cannot be written: then call writer_retry() after
 * WRITER_RETRY_MS. */
bool writer_failing(const struct writer *);
void writer_retry(struct writer *);

#define WRITER_RETRY_MS 1000

#endif
