/* SPDX-License-Identifier: MIT */
#ifndef KEEP_API_VIEW_H
#define KEEP_API_VIEW_H

/* What the API says about the hub and its modules, as JSON. */

#include "keep/api.h"

/* GET /api/modules, and the same with ?view=status; usage: who asks for it
 * has made usage_look(). */
void view_modules(struct api *, bool usage, struct buf *);
void view_status(struct api *, bool usage, struct buf *);
void view_module(struct api *, struct mod *, struct buf *);
/* Its modules, as elements of an array; api is a struct api. */
void view_rows(void *api, struct jsonw *);
void view_hub(struct api *, struct buf *);      /* GET /api/hub */
void view_hub_put(struct jsonw *, struct api *);        /* as a value */
void view_ready(struct sup *, struct buf *);    /* GET /api/ready */

#endif
