/* SPDX-License-Identifier: MIT */
#ifndef HUB_DETAIL_H
#define HUB_DETAIL_H

#include "hub/report.h"

/* One module, as pc-status tells of it: what the hub says, and what is kept of
 * its exits. Warns of exits that cannot be read. */
int detail_put(struct buf *, const struct report *, const struct report_row *,
	       bool as_json, struct err *);

#endif
