/* SPDX-License-Identifier: MIT */
#ifndef HUB_APIERR_H
#define HUB_APIERR_H

/*
 * Errors between struct err and HTTP, both ways: the server's status and wire
 * code for an error, and the error that a client makes of an answer.
 * The body is {"error": code, "error_description": text}.
 */

#include "base/buf.h"
#include "base/err.h"
#include "wire/json.h"

int apierr_status(const struct err *);          /* 400, 404, 503 ... */
const char *apierr_code(const struct err *);    /* "not_found" ... */

void apierr_body(struct buf *, const char *code, struct str text);

/* Fills e from an answer that is not 2xx; body may be NULL. Returns -1. */
int apierr_read(int status, const struct json *body, struct err *e);

#endif
