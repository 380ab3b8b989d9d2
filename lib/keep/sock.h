/* SPDX-License-Identifier: MIT */
#ifndef KEEP_SOCK_H
#define KEEP_SOCK_H

/*
 * hub.sock: the local API, for processes of the keeper's user and of root.
 * The kernel vouches for who they are.
 */

#include "hub/home.h"
#include "sys/httpd.h"

struct sock {
	struct httpd httpd;     /* the owner sets ctx and on_request */
	const struct home *home;
	ino_t ino;              /* of the socket that is ours */
};

/* ERR_EXISTS: another hub answers there. */
int  sock_open(struct sock *, const struct home *, struct loop *,
	       struct err *);
/* It may have been removed under us: brings it back, and says so. */
void sock_again(struct sock *);
/* Nobody is served any more; ours is removed. */
void sock_close(struct sock *);

#endif
