/* SPDX-License-Identifier: MIT */
#include "hub/reach.h"

#include "base/fmt.h"
#include "hub/apierr.h"
#include "sys/cli.h"
#include "sys/file.h"
#include "sys/net.h"
#include "wire/url.h"

#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OPERATOR_TOKEN "operator.token" /* auth/token writes it */
#define CONNECT_MS     8000

/* The token */

static bool is_token(unsigned char c)
{
	return c > ' ' && c < 0x7f;
}

/* Not refused: who cannot use the token cannot mend the file either. */
static void say_loose(int dirfd, const char *file, const char *name)
{
	struct stat st;

	if (fstatat(dirfd, file, &st, 0) == 0 && (st.st_mode & 077))
		cli_say_error("%s: its mode is %04o, so others may use the "
			      "token in it; chmod 0600 it", name,
			      (unsigned)st.st_mode & 07777);
}

static int take_text(struct reach *r, struct str text, struct err *e)
{
	struct str token = str_trim(text, " \t\r\n");

	if (!token.n)
		return err_set(e, ERR_NOT_FOUND, "it is empty");
	if (str_span(token, is_token).n != token.n)
		return err_set(e, ERR_INVALID, "it holds more than one word, "
			       "and must hold a token alone");
	fmt(r->authorization, sizeof r->authorization, "Bearer %.*s",
	    STR_ARG(token));
	return 0;
}

static int take_token(struct reach *r, int dirfd, const char *file,
		      const char *name, struct err *e)
{
	/* In a place of our own, so that no copy of it stays behind. */
	max_align_t room[(TOKEN_SIZE_MAX + 256) / sizeof(max_align_t)];
	struct arena a;
	struct str text;
	int rc;

	arena_init_in(&a, 4 * TOKEN_SIZE_MAX, room, sizeof room);
	rc = file_read_linked(dirfd, file, TOKEN_SIZE_MAX, &a, &text, e);
	if (rc < 0)
		err_wrap(e, "token file");
	else if ((rc = take_text(r, text, e)) < 0)
		err_wrap(e, "token file %.120s", name);
	arena_release(&a);
	wipe(room, sizeof room);
	if (rc < 0)
		return -1;
	fmt(r->token_name, sizeof r->token_name, "%s", name);
	say_loose(dirfd, file, name);
	return 0;
}

/* What the home has for a hub on this machine; a home without it, and none at
 * all, are as good. */
static int take_operator(struct reach *r, const char *home, struct err *e)
{
	char name[sizeof r->home.path + sizeof OPERATOR_TOKEN];
	int rc = 0;

	if (home_open(&r->home, home, false, NULL) < 0)
		return 0;
	fmt(name, sizeof name, "%s/" OPERATOR_TOKEN, r->home.path);
	if (take_token(r, r->home.fd, OPERATOR_TOKEN, name, e) < 0 &&
	    e->code != ERR_NOT_FOUND)
		rc = -1;
	home_close(&r->home);
	return rc;
}

/* The URL */

static int take_url(struct reach *r, const char *text, struct err *e)
{
	struct url u;

	/* The text is not repeated: there may be a password in it. */
	if (url_parse(&u, str_of(text), e) < 0) {
		e->code = ERR_USAGE;
		return err_wrap(e, "--url");
	}
	if (!str_is(u.scheme, "http"))
		return err_set(e, ERR_USAGE, "--url: https is carried by "
			       "pc-tls, which is not there yet; give an http "
			       "URL, within this machine or a private network");
	if (u.query.n || (u.path.n && !str_is(u.path, "/")))
		return err_set(e, ERR_USAGE, "--url: give scheme, host and "
			       "port alone, as http://127.0.0.1:%d", HUB_PORT);
	if (!str_to_c(u.host, r->host, sizeof r->host))
		return err_set(e, ERR_USAGE, "--url: the host is too long");
	r->port = u.port;
	fmt(r->authority, sizeof r->authority, u.ipv6 ? "[%s]:%u" : "%s:%u",
	    r->host, (unsigned)u.port);
	return 0;
}

static int open_remote(struct reach *r, const struct reach_opts *o,
		       struct err *e)
{
	r->remote = true;
	if (take_url(r, o->url, e) < 0)
		return -1;
	if (o->token_file)
		return take_token(r, AT_FDCWD, o->token_file, o->token_file,
				  e);
	if (url_host_is_loopback(str_of(r->host)))
		return take_operator(r, o->home, e);
	return 0;
}

int reach_open(struct reach *r, const struct reach_opts *o, struct err *e)
{
	*r = (struct reach){ .home.fd = -1 };
	if (o->url)
		return open_remote(r, o, e);
	if (o->token_file)
		return err_set(e, ERR_USAGE, "--token-file goes with --url; "
			       "hub.sock asks for no token");
	if (home_open(&r->home, o->home, false, e) == 0)
		return 0;
	if (e->code == ERR_NOT_FOUND)
		e->code = ERR_UNREACHABLE;
	return -1;
}

void reach_close(struct reach *r)
{
	home_close(&r->home);
	wipe(r->authorization, sizeof r->authorization);
}

/* Connections */

static int connect_local(const struct reach *r, struct err *e)
{
	const char *name;
	int dir = home_sock(&r->home, &name, e), fd;

	if (dir < 0)
		return -1;
	fd = net_connect_unix(dir, name, e);
	close(dir);
	if (fd < 0 && e->code == ERR_UNREACHABLE)
		err_set(e, ERR_UNREACHABLE, "hub is not running on %.150s; "
			"start it with pc-serve", r->home.path);
	return fd;
}

static int connect_remote(struct reach *r, struct err *e)
{
	int fd = -1;

	if (r->addrs.n || addrs_find(&r->addrs, r->host, e) == 0)
		fd = addrs_connect(&r->addrs, r->port, CONNECT_MS, e);
	if (fd >= 0)
		return fd;
	r->addrs.n = 0;         /* a name may lead elsewhere next time */
	err_wrap(e, "hub is not reached at http://%.80s", r->authority);
	return err_add(e, "; see that it runs, and on which port (%d unless "
		       "it was told)", HUB_PORT);
}

int reach_connect(struct reach *r, struct err *e)
{
	return r->remote ? connect_remote(r, e) : connect_local(r, e);
}

/* Refusals */

int reach_refused(const struct reach *r, int status, const struct json *body,
		  struct err *e)
{
	struct str why = STR("no reason given");

	if (!r->remote || (status != 401 && status != 403)) {
		apierr_read(status, body, e);
		return r->remote && !body ? err_wrap(e, "what listens at "
			"http://%.80s is no hub", r->authority) : -1;
	}
	if (!json_str(json_get(body, "error_description"), &why))
		json_str(json_get(body, "error"), &why);
	why = str_take(why, 90);
	if (!r->token_name[0])
		return err_set(e, ERR_DENIED, "hub at http://%.60s asks for a "
			       "token (%.*s); give --token-file with a copy "
			       "of its operator.token", r->authority,
			       STR_ARG(why));
	if (status == 401)
		return err_set(e, ERR_DENIED, "hub does not take the token of "
			       "%.60s (%.*s); pc-auth rotate-operator beside "
			       "the hub makes another", r->token_name,
			       STR_ARG(why));
	return err_set(e, ERR_DENIED, "token of %.60s may not do that (%.*s); "
		       "pc-auth rotate-operator --scope-set admin beside the "
		       "hub makes one that may", r->token_name, STR_ARG(why));
}
