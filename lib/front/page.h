/* SPDX-License-Identifier: MIT */
#ifndef FRONT_PAGE_H
#define FRONT_PAGE_H

/*
 * What a person sees who opens the hub in a browser. HTML by itself: no
 * script, nothing loaded from anywhere, so the policy that goes with it can
 * forbid everything but the one style.
 */

#include "base/buf.h"
#include "front/listing.h"

/* The bytes between <style> and </style>, whose SHA-256 PAGE_POLICY has. */
extern const char page_style[];

#define PAGE_TYPE "text/html; charset=utf-8"
#define PAGE_STYLE_HASH "ZBe7PxkgQ+jVgSyw3K9NZZUlJNPgsyvmSWevXt9z2/k="
#define PAGE_POLICY \
	"Content-Security-Policy: default-src 'none'; style-src 'sha256-" \
	PAGE_STYLE_HASH "'; base-uri 'none'; form-action 'none'; " \
	"frame-ancestors 'none'\r\n" \
	"X-Content-Type-Options: nosniff\r\n" \
	"Referrer-Policy: same-origin\r\n"

/* "/": the hub, its modules, its documents, and what to do next. */
void page_write(struct buf *, const struct listing *, struct str origin);

/* There is nothing at this path. */
void page_write_missing(struct buf *, struct str path);

#endif
