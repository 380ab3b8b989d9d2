/* SPDX-License-Identifier: MIT */
#ifndef KEEP_API_VIEW_H
#define KEEP_API_VIEW_H

/* What the API says about the hub and its modules, as JSON. */

#include "keep/api.h"

void view_modules(struct api *, struct buf *);  /* GET /api/modules */
void view_status(struct api *, struct buf *);   /* the same, ?view=status */
void view_rows(void *api, struct jsonw *);      /* its modules, as elements */
void view_hub(struct api *, struct buf *);      /* GET /api/hub */
void view_ready(struct sup *, struct buf *);    /* GET /api/ready */

#endif
