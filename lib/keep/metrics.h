/* SPDX-License-Identifier: MIT */
#ifndef KEEP_METRICS_H
#define KEEP_METRICS_H

/*
 * GET /metrics, from one table of metrics, in both formats: OpenMetrics 1.0
 * for who names it in Accept, else the Prometheus text format 0.0.4.
 * What is not known of a module is left out, not written as 0.
 */

#include "keep/api.h"

#define METRICS_OPEN \
	"application/openmetrics-text; version=1.0.0; charset=utf-8"
#define METRICS_TEXT "text/plain; version=0.0.4; charset=utf-8"

/* Who asks has made usage_look() with descriptors. */
void metrics_write(struct api *, bool open, struct buf *);

/* A label's value between its quotes: backslash, quote and newline escaped. */
void metrics_label(struct buf *, struct str);

#endif
