/* SPDX-License-Identifier: MIT */
#include "front/discovery.h"

#include "auth/token.h"
#include "hub/limits.h"
#include "hub/module.h"
#include "hub/row.h"

#include <string.h>

#define URL_MAX    8192         /* one address; longer ones are left out */
#define SCOPES_MAX 512

struct writer {
	struct jsonw w;
	const struct listing *l;
	struct str origin;
	struct buf url;                 /* the one being made */
};

void discovery_put_path(struct buf *b, struct str path)
{
	static const char hex[] = "0123456789ABCDEF";

	if (!path.n || path.p[0] != '/')
		buf_putc(b, '/');
	for (size_t i = 0; i < path.n; i++) {
		unsigned char c = (unsigned char)path.p[i];

		if (c > ' ' && c < 0x7f && !strchr("\"<>\\^`{|}", c)) {
			buf_putc(b, (char)c);
			continue;
		}
		buf_putc(b, '%');
		buf_putc(b, hex[c >> 4]);
		buf_putc(b, hex[c & 15]);
	}
}

/* Members. An absent text is no member. */

static void put_text(struct writer *w, const char *key, struct str s)
{
	if (!s.n)
		return;
	jsonw_key(&w->w, key);
	jsonw_str(&w->w, s);
}

/* Origin, path and what comes behind it; too long a one is left out. */
static void put_url(struct writer *w, const char *key, struct str path,
		    const char *more)
{
	buf_reset(&w->url);
	buf_put(&w->url, w->origin);
	discovery_put_path(&w->url, path);
	buf_put(&w->url, str_of(more));
	if (!buf_failed(&w->url))
		put_text(w, key, buf_str(&w->url));
}

/* A URL that a module gave: a path of ours, or somewhere else. */
static void put_link(struct writer *w, const char *key, struct str url)
{
	if (str_starts(url, STR("/")))
		put_url(w, key, url, "");
	else
		put_text(w, key, url);
}

static struct str field(const struct json *j, const char *key)
{
	struct str s = STR_NULL;

	json_str(json_get(j, key), &s);
	return s;
}

/* vaults */

static void put_vault(struct writer *w, size_t i, size_t place)
{
	const struct row *r = &w->l->registry->rows[i];

	jsonw_object(&w->w);
	put_text(w, "name", listing_vault(r, place));
	put_url(w, "url", listing_path(r, place), "");
	jsonw_key(&w->w, "version");
	jsonw_str(&w->w, r->version);
	put_text(w, "managementUrl", w->l->said[i].management_url);
	jsonw_end(&w->w);
}

static void put_vaults(struct writer *w)
{
	jsonw_key(&w->w, "vaults");
	jsonw_array(&w->w);
	for (size_t i = 0; i < w->l->n; i++) {
		const struct row *r = &w->l->registry->rows[i];

		/* A row nobody has started yet is no vault to offer. */
		if (!row_is_vault(r->name) || listing_is_seed(r))
			continue;
		for (size_t k = 0; k < listing_places(r); k++)
			put_vault(w, i, k);
	}
	jsonw_end(&w->w);
}

/* services */

static struct str ui_status(const struct json *ui)
{
	struct str s = field(ui, "status");

	if (str_is(s, "pending-oauth"))
		return STR("pending");
	return str_is(s, "disabled") ? STR("inactive") : s;
}

static struct str without_slash(struct str path)
{
	while (path.n && path.p[path.n - 1] == '/')
		path.n--;
	return path;
}

static void put_ui(struct writer *w, const struct json *ui)
{
	struct str path = field(ui, "path"), icon = field(ui, "iconUrl");
	char room[2048];

	jsonw_object(&w->w);
	jsonw_key(&w->w, "name");
	jsonw_str(&w->w, ui->key);
	put_text(w, "displayName", field(ui, "displayName"));
	put_text(w, "path", path);
	put_url(w, "url", path, "");
	put_text(w, "tagline", field(ui, "tagline"));
	if (icon.n)
		put_link(w, "iconUrl", module_url(icon, without_slash(path),
						  false, room, sizeof room));
	put_text(w, "version", field(ui, "version"));
	put_text(w, "oauthClientId", field(ui, "oauthClientId"));
	put_text(w, "status", ui_status(ui));
	jsonw_end(&w->w);
}

static void put_uis(struct writer *w, const struct row *r)
{
	const struct json *uis = json_get(r->json, "uis");

	if (!uis || !uis->count)
		return;
	jsonw_key(&w->w, "uis");
	jsonw_array(&w->w);
	JSON_EACH(ui, uis)
		put_ui(w, ui);
	jsonw_end(&w->w);
}

static void put_service(struct writer *w, size_t i, size_t place)
{
	const struct row *r = &w->l->registry->rows[i];
	const struct said *said = &w->l->said[i];
	struct str path = listing_path(r, place), mount = module_mount(r);
	struct str info = without_slash(path);
	bool vault = row_is_vault(r->name);
	char room[2048];

	jsonw_object(&w->w);
	put_text(w, "name", r->name);
	put_url(w, "url", path, "");
	jsonw_key(&w->w, "path");
	jsonw_str(&w->w, path);
	jsonw_key(&w->w, "version");
	jsonw_str(&w->w, r->version);
	put_url(w, "infoUrl", info, info.n ? "/.parachute/info"
					   : ".parachute/info");
	put_text(w, "displayName", said->display_name.n ? said->display_name
							: r->display_name);
	put_text(w, "tagline", r->tagline);
	if (vault)
		mount = without_slash(path);
	if (said->ui_url.n)
		put_link(w, "uiUrl", module_url(said->ui_url, mount, vault,
						room, sizeof room));
	put_uis(w, r);
	jsonw_end(&w->w);
}

static void put_services(struct writer *w)
{
	jsonw_key(&w->w, "services");
	jsonw_array(&w->w);
	for (size_t i = 0; i < w->l->n; i++)
		for (size_t k = 0; k < listing_places(
			     &w->l->registry->rows[i]); k++)
			put_service(w, i, k);
	jsonw_end(&w->w);
}

/* A list for each name; parachute-x and x are the same name. */

static bool has_list(const struct row *r)
{
	struct str name = listing_name(r);

	return !row_is_vault(r->name) && !str_is(name, "vaults") &&
	       !str_is(name, "services");
}

static void put_list(struct writer *w, const struct row *row)
{
	size_t n;
	const struct row **all = listing_named(w->l, listing_name(row), &n);

	for (; n && !has_list(*all); all++)
		n--;
	if (!n || *all != row)
		return;                 /* it is in the list of another */
	jsonw_keyn(&w->w, listing_name(row));
	jsonw_array(&w->w);
	for (size_t i = 0; i < n; i++) {
		if (!has_list(all[i]))
			continue;
		jsonw_object(&w->w);
		put_url(w, "url", listing_path(all[i], 0), "");
		jsonw_key(&w->w, "version");
		jsonw_str(&w->w, all[i]->version);
		jsonw_end(&w->w);
	}
	jsonw_end(&w->w);
}

void discovery_write(struct buf *out, const struct listing *l,
		     struct str origin)
{
	struct writer w = { .l = l, .origin = origin };

	buf_init(&w.url, URL_MAX);
	jsonw_init(&w.w, out, JSONW_COMPACT);
	jsonw_object(&w.w);
	put_vaults(&w);
	put_services(&w);
	for (size_t i = 0; i < l->n; i++)
		if (has_list(&l->registry->rows[i]))
			put_list(&w, &l->registry->rows[i]);
	jsonw_end(&w.w);
	buf_release(&w.url);
}

/* The protected resource */

struct scopes {
	struct str all[SCOPES_MAX];
	size_t n;
};

static void add_scope(struct scopes *s, struct str scope)
{
	if (s->n == LEN(s->all) || !scope.n || !scope_is_requestable(scope))
		return;
	for (size_t i = 0; i < s->n; i++)
		if (str_eq(s->all[i], scope))
			return;
	s->all[s->n++] = scope;
}

static void find_scopes(struct scopes *s, const struct listing *l)
{
	static const struct {
		struct str scope;
		const char *module;     /* without which it means nothing */
	} first_party[] = {
		{ { "vault:read", 10 }, NULL },
		{ { "vault:write", 11 }, NULL },
		{ { "vault:admin", 11 }, NULL },
		{ { "scribe:transcribe", 17 }, "scribe" },
		{ { "channel:send", 12 }, "channel" },
	};

	for (size_t i = 0; i < LEN(first_party); i++)
		if (!first_party[i].module ||
		    registry_find(l->registry, str_of(first_party[i].module)))
			add_scope(s, first_party[i].scope);
	for (size_t i = 0; i < l->n; i++)
		for (size_t k = 0; k < l->said[i].nscopes; k++)
			add_scope(s, l->said[i].scopes[k]);
}

void discovery_write_resource(struct buf *out, const struct listing *l,
			      struct str origin)
{
	struct writer w = { .l = l, .origin = origin };
	struct scopes scopes = { .n = 0 };

	find_scopes(&scopes, l);
	buf_init(&w.url, URL_MAX);
	jsonw_init(&w.w, out, JSONW_COMPACT);
	jsonw_object(&w.w);
	jsonw_key(&w.w, "resource");
	jsonw_str(&w.w, origin);
	jsonw_key(&w.w, "authorization_servers");
	jsonw_array(&w.w);
	jsonw_str(&w.w, origin);
	jsonw_end(&w.w);
	jsonw_key(&w.w, "scopes_supported");
	jsonw_array(&w.w);
	for (size_t i = 0; i < scopes.n; i++)
		jsonw_str(&w.w, scopes.all[i]);
	jsonw_end(&w.w);
	jsonw_key(&w.w, "bearer_methods_supported");
	jsonw_array(&w.w);
	jsonw_cstr(&w.w, "header");
	jsonw_end(&w.w);
	put_url(&w, "resource_documentation", STR("/"), "");
	jsonw_end(&w.w);
	buf_release(&w.url);
}
