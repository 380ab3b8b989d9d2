/* SPDX-License-Identifier: MIT */
#ifndef FRONT_ROUTE_H
#define FRONT_ROUTE_H

/* One table of all routes: who may, and who answers (runtime.md 3.2). */

#include "sys/httpd.h"

/* For httpd: ctx of the server is a struct front. */
void route_request(struct httpd_conn *, struct httpd_req *);

#endif
