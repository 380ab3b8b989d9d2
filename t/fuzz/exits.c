/* SPDX-License-Identifier: MIT */
/* What is taken for an exit is one: within bounds, and the same again when it
 * is written back. */
#include "hub/exits.h"

#include "base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct str slot)
{
	struct exit_rec r, again;
	char copy[EXIT_SLOT];
	size_t n;

	if (!exit_decode(&r, slot))
		return;
	if (r.nlines > EXIT_LINES || r.cause <= CAUSE_NONE ||
	    r.cause >= CAUSE_N || (r.code >= 0 && r.signal >= 0))
		BUG("out of bounds");
	for (size_t i = 0; i < r.nlines; i++)
		if (r.lines[i].p < slot.p ||
		    r.lines[i].p + r.lines[i].n > slot.p + slot.n)
			BUG("a line from elsewhere");
	n = exit_encode(&r, copy);
	if (!exit_decode(&again, (struct str){ copy, n }) ||
	    again.number != r.number || again.nlines != r.nlines)
		BUG("not the same again");
	for (size_t i = 0; i < r.nlines; i++)
		if (!str_eq(r.lines[i], again.lines[i]))
			BUG("another line");
}

static uint16_t word(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

/* As it stands; and, since chance finds no checksum, as lines to write. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct exit_rec r = { .number = 1, .cause = CAUSE_EXIT, .signal = -1 };
	struct str rest = { (const char *)data, size };
	char slot[EXIT_SLOT];
	size_t n;

	check(rest);
	while (r.nlines < EXIT_LINES && rest.n > 2) {
		n = word((const uint8_t *)rest.p);
		rest = str_skip(rest, 2);
		r.lines[r.nlines++] = str_take(rest, n);
		rest = str_skip(rest, n);
	}
	n = exit_encode(&r, slot);
	if (n > EXIT_SLOT)
		BUG("over the slot");
	check((struct str){ slot, n });
	return 0;
}
