/* SPDX-License-Identifier: MIT */
#include "hub/origin.h"

#include "base/fmt.h"
#include "sys/file.h"
#include "wire/json.h"
#include "wire/url.h"

#include <string.h>
#include <unistd.h>

#define EXPOSE_SIZE_MAX 65536   /* the reference's has 1 KiB */
#define ORIGIN_SIZE_MAX 4096
#define ORIGIN_GIVEN_MAX 300    /* a name of 255, its scheme and port */

static bool is_origin(struct str s)
{
	struct url u;

	return url_parse(&u, s, NULL) == 0;
}

bool origin_is_public(struct str s)
{
	struct url u;

	return url_parse(&u, s, NULL) == 0 && !url_host_is_loopback(u.host);
}

static struct str lower(struct str s, struct arena *a)
{
	char *p = arena_cstr(a, s);

	for (size_t i = 0; p && i < s.n; i++)
		if (p[i] >= 'A' && p[i] <= 'Z')
			p[i] = (char)(p[i] - 'A' + 'a');
	return (struct str){ p, p ? s.n : 0 };
}

int origin_read(struct str in, struct arena *a, struct str *out,
		struct err *e)
{
	const char *text;
	struct str host;
	struct url u;
	bool https;

	if (in.n > ORIGIN_GIVEN_MAX)
		return err_set(e, ERR_INVALID, "is too long");
	if (str_find(in, '?') >= 0)
		return err_set(e, ERR_INVALID, "has a query");
	if (str_find(in, '#') >= 0)
		return err_set(e, ERR_INVALID, "has a fragment");
	if (str_find(in, '@') >= 0)
		return err_set(e, ERR_INVALID, "has credentials");
	if (str_ends(in, STR("/")))
		return err_set(e, ERR_INVALID, "ends with a slash");
	if (url_parse(&u, in, NULL) < 0)
		return err_set(e, ERR_INVALID, "is no http(s) URL");
	if (u.path.n)
		return err_set(e, ERR_INVALID, "has a path");
	https = str_eq_nocase(u.scheme, STR("https"));
	host = lower(u.host, a);
	text = arena_printf(a, "http%s://%s%.*s%s", https ? "s" : "",
			    u.ipv6 ? "[" : "", STR_ARG(host),
			    u.ipv6 ? "]" : "");
	if (text && u.port != (https ? 443 : 80))
		text = arena_printf(a, "%s:%u", text, (unsigned)u.port);
	*out = str_of(text);
	if (arena_failed(a))
		return err_set(e, ERR_NO_MEMORY, "finds no memory");
	return 0;
}

static struct str without_slash(struct str s)
{
	while (s.n && s.p[s.n - 1] == '/')
		s.n--;
	return s;
}

struct str origin_stored(const struct home *h, struct arena *a)
{
	struct str text = STR_NULL;
	int dir = dir_open(h->fd, HOME_RUN, NULL);

	if (dir < 0)
		return text;
	if (file_read(dir, HOME_ORIGIN, ORIGIN_SIZE_MAX, a, &text, NULL) < 0)
		text = STR_NULL;
	close(dir);
	return str_trim(text, " \r\n");
}

int origin_note(const struct home *h, struct str stored, struct err *e)
{
	char text[ORIGIN_SIZE_MAX];
	struct arena a;
	bool same;
	int dir, rc;

	/* Longer than the keeper reads: no reason not to start. */
	if (stored.n > ORIGIN_SIZE_MAX - 2)
		stored = STR_NULL;
	arena_init(&a, 2 * ORIGIN_SIZE_MAX);
	same = str_eq(stored, origin_stored(h, &a));
	arena_release(&a);
	if (same)
		return 0;
	fmt(text, sizeof text, "%.*s\n", STR_ARG(stored));
	dir = dir_make(h->fd, HOME_RUN, 0700, e);
	if (dir < 0)
		return -1;
	rc = stored.n ? file_replace(dir, HOME_ORIGIN, str_of(text), 0600, e)
		: unlinkat(dir, HOME_ORIGIN, 0);
	if (rc < 0 && !stored.n)
		err_sys(e, "remove " HOME_RUN "/" HOME_ORIGIN);
	close(dir);
	return rc;
}

static struct str from_settings(struct str stored)
{
	struct str s = without_slash(stored);

	return origin_is_public(s) ? s : STR_NULL;
}

static struct str from_exposure(int homefd, struct arena *a)
{
	struct str text, origin = STR_NULL;
	const struct json *j;

	if (file_read(homefd, HOME_EXPOSE, EXPOSE_SIZE_MAX, a, &text,
		      NULL) < 0)
		return STR_NULL;
	j = json_parse(text, a, NULL, NULL);
	if (!json_str(json_get(j, "hubOrigin"), &origin) ||
	    !origin_is_public(origin))
		return STR_NULL;
	return without_slash(origin);
}

static const char *env_of(char *const *environ, const char *name)
{
	size_t n = strlen(name);

	for (char *const *e = environ; *e; e++)
		if (!strncmp(*e, name, n) && (*e)[n] == '=')
			return *e + n + 1;
	return NULL;
}

static struct str from_env(char *const *environ, const char *name)
{
	struct str s = without_slash(str_of(env_of(environ, name)));

	return is_origin(s) ? s : STR_NULL;
}

static struct str from_fly(char *const *environ, struct arena *a)
{
	const char *app = env_of(environ, "FLY_APP_NAME");
	char *url;

	if (!app || !*app || strchr(app, '/'))
		return STR_NULL;
	url = arena_printf(a, "https://%s.fly.dev", app);
	return is_origin(str_of(url)) ? str_of(url) : STR_NULL;
}

static void add(struct origins *o, struct str origin)
{
	if (!origin.n || o->n == LEN(o->all))
		return;
	for (size_t i = 0; i < o->n; i++)
		if (str_eq(o->all[i], origin))
			return;
	o->all[o->n++] = origin;
}

void origins_find(struct origins *o, struct str stored, char *const *environ,
		  int homefd, uint16_t port, struct arena *a)
{
	const struct {
		struct str origin;
		enum origin_source source;
	} tiers[] = {
		{ from_settings(stored), ORIGIN_SETTINGS },
		{ from_env(environ, "PARACHUTE_HUB_ORIGIN"), ORIGIN_ENV },
		{ from_env(environ, "RENDER_EXTERNAL_URL"), ORIGIN_ENV },
		{ from_fly(environ, a), ORIGIN_ENV },
		{ from_exposure(homefd, a), ORIGIN_EXPOSE },
	};

	*o = (struct origins){ .source = ORIGIN_NONE };
	for (size_t i = 0; i < LEN(tiers); i++) {
		if (!o->issuer.n && tiers[i].origin.n) {
			o->issuer = tiers[i].origin;
			o->source = tiers[i].source;
		}
		add(o, tiers[i].origin);
	}
	o->local = str_of(arena_printf(a, "http://127.0.0.1:%u",
				       (unsigned)port));
	add(o, str_of(arena_printf(a, "http://localhost:%u",
				   (unsigned)port)));
	add(o, o->local);
}
