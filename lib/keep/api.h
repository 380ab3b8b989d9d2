/* SPDX-License-Identifier: MIT */
#ifndef KEEP_API_H
#define KEEP_API_H

/*
 * The module API on hub.sock (runtime.md 3.3-3.5): one table of routes, each
 * with its handler. All answers are JSON but a text log stream; an error is
 * {"error", "error_description"} whatever was asked.
 */

#include "keep/crew.h"
#include "keep/events.h"
#include "keep/feed.h"
#include "keep/ops.h"
#include "keep/out.h"
#include "keep/spawn.h"
#include "keep/workers.h"

struct api {
	struct sup *sup;
	struct ops *ops;
	struct feeds *feeds;
	struct logs *logs;
	struct events *events;
	struct crew *crew;
	struct workers *workers;
	struct registry *registry;
	struct spawn_ctx *spawn;
	struct out *out;
	uint16_t port;          /* TCP, bound; 0: none */
	const char *manager;    /* who runs us: "systemd", ...; NULL */
	int64_t started_unix_ms, started_ms;
	bool closing;           /* operations are refused */
	struct err said;        /* the last fault of services.json that was */
};

/* For httpd: ctx of the server is a struct api. */
void api_request(struct httpd_conn *, struct httpd_req *);
/* Re-reads services.json if it changed; starts and stops nothing. */
void api_refresh(struct api *);
/* The answer of GET /api/ready, for a wait that is over. */
void api_tell_ready(struct httpd_conn *, struct sup *);

#endif
