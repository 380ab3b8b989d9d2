/* SPDX-License-Identifier: MIT */
/* A datagram of sd_notify(3): what is taken lies within it, and in any order
 * of its lines the flags are the same. */
#include "keep/notify.h"

#include <string.h>

#include "base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void add(struct notify_words *all, const struct notify_words *w)
{
	all->ready = all->ready || w->ready;
	all->stopping = all->stopping || w->stopping;
	all->reloading = all->reloading || w->reloading;
	all->alive = all->alive || w->alive;
	all->trigger = all->trigger || w->trigger;
	all->has_status = all->has_status || w->has_status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = { (const char *)data, size }, rest = in, line;
	struct notify_words all = { 0 }, w, one;

	notify_parse(&w, in);
	if (w.has_status && w.status.n &&
	    (w.status.p < in.p || w.status.p + w.status.n > in.p + in.n ||
	     memchr(w.status.p, '\n', w.status.n)))
		BUG("a status from elsewhere");
	while (rest.n) {
		str_cut(rest, '\n', &line, &rest);
		notify_parse(&one, line);
		add(&all, &one);
	}
	if (all.ready != w.ready || all.stopping != w.stopping ||
	    all.reloading != w.reloading || all.alive != w.alive ||
	    all.trigger != w.trigger || all.has_status != w.has_status)
		BUG("the lines by themselves say something else");
	return 0;
}
