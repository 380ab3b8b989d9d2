/* SPDX-License-Identifier: MIT */
#ifndef LOG_RECORD_H
#define LOG_RECORD_H

/*
 * Records of a log as the hub's API gives them (pc-api(7), logs) and as
 * pc-logs --json prints them, and what --since can say.
 */

#include "base/arena.h"
#include "log/seek.h"
#include "wire/json.h"

#define CURSOR_SIZE 48

/* "BOOT.SEQ" */
bool cursor_read(struct str, uint64_t *boot, uint64_t *seq);
void cursor_write(uint64_t boot, uint64_t seq, char out[CURSOR_SIZE]);

/*
 * An element of records[], or with id the data of a line event. False when it
 * is none. Its text lives as long as the JSON. Gaps are read as records
 * without a cursor: what is missing is told from the numbers around them.
 */
bool record_read(const struct json *, struct str id, struct seek_rec *);

/*
 * {"short","seq","time","stream","partial","text"}, null where a cursor or a
 * time is not known; {"short","gap":{"from","to","count"}}.
 */
void record_write(struct jsonw *, const char *source, const struct seek_rec *);

/* Since when: a time or a cursor. */
struct since {
	enum { SINCE_START, SINCE_TIME, SINCE_CURSOR } kind;
	int64_t unix_ns;
	uint64_t boot, seq;
};

/* RFC 3339, "90s", "10m", "2h" or "1d" ago, or BOOT.SEQ; false: none. */
bool since_read(struct str, int64_t now_ns, struct since *);
/* Whether a record comes after; one that lacks what is asked for does. */
bool since_has(const struct since *, const struct seek_rec *);

#endif
