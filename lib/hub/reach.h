/* SPDX-License-Identifier: MIT */
#ifndef HUB_REACH_H
#define HUB_REACH_H

/*
 * Which hub a command means, and how it gets there: the one on hub.sock of a
 * home, which asks for no token; or, with --url, one that is spoken to over
 * HTTP, with a bearer token out of --token-file. A hub on this machine takes
 * operator.token of the home when no other was given; no other hub ever gets
 * that one unasked.
 *
 * A token stands in no argument, and in no message.
 */

#include "hub/home.h"
#include "sys/addrs.h"
#include "wire/json.h"

struct reach_opts {
	const char *home, *url, *token_file;
};

/* For the option table of every command that talks to a hub. */
#define REACH_OPTS(o) \
	OPT_STR(0, "url", "URL", &(o).url, \
		"the hub at http://HOST[:PORT] in place of the home's own"), \
	OPT_STR(0, "token-file", "FILE", &(o).token_file, \
		"the token for --url (on this machine: operator.token)"), \
	OPT_STR(0, "home", "DIR", &(o).home, \
		"state directory (PARACHUTE_HOME, else ~/.parachute)")

#define TOKEN_SIZE_MAX 8192             /* as long as a hub takes one */

struct reach {
	struct home home;       /* fd -1: none, or none is needed */
	bool remote;            /* by URL; then what follows is set: */
	char host[256];         /* a name or an address, without brackets */
	uint16_t port;
	char authority[272];    /* HOST:PORT, as in a URL */
	struct addrs addrs;     /* once it was looked up */
	char token_name[200];   /* the file, for messages; "": no token */
	char authorization[TOKEN_SIZE_MAX + 16];        /* "Bearer ..." */
};

/*
 * A home that is not there has no hub either: ERR_UNREACHABLE, and the struct
 * is one to close all the same. A token file that others may read is said.
 */
int  reach_open(struct reach *, const struct reach_opts *, struct err *);
void reach_close(struct reach *);       /* wipes */

/* A descriptor for sys/httpc. Nobody there is ERR_UNREACHABLE, with what to
 * do in the message. */
int  reach_connect(struct reach *, struct err *);

/* What an answer that is not 2xx means: hub/apierr, and of a token that is
 * missing or not enough, what to do. Returns -1. */
int  reach_refused(const struct reach *, int status, const struct json *body,
		   struct err *);

#endif
