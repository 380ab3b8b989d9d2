/* SPDX-License-Identifier: MIT */
/*
 * Names and taglines are anybody's text: each is escaped and stands in a bdi,
 * so that neither markup nor a change of direction leaves it. Links to places
 * of the hub have no host: they work by whatever name it was reached.
 */
#include "front/page.h"

#include "front/ask.h"
#include "front/discovery.h"
#include "front/published.h"
#include "hub/apierr.h"
#include "hub/module.h"
#include "hub/row.h"
#include "wire/accept.h"

#define PATH_SHOWN 200

const char page_style[] =
	":root{color-scheme:light dark;--paper:#f6f7f9;--card:#fff;"
	"--ink:#16202b;--soft:#526070;--line:#dce2e9;--link:#0a5f8a;"
	"--chip:#e9eff4;--warn:#8a4b00}"
	"@media(prefers-color-scheme:dark){:root{--paper:#0f151b;"
	"--card:#171f28;--ink:#e6ecf2;--soft:#9aa8b6;--line:#2a3540;"
	"--link:#7cc7f0;--chip:#22303c;--warn:#f0b765}}"
	"*{box-sizing:border-box}"
	"body{margin:0;background:var(--paper);color:var(--ink);"
	"font:1rem/1.5 system-ui,sans-serif;overflow-wrap:anywhere}"
	"header,main,footer{max-width:64rem;margin:0 auto;padding:0 1.25rem}"
	"header{padding-top:2.5rem}"
	".name{display:flex;align-items:center;gap:.9rem}"
	".name svg{flex:none;width:3rem;height:3rem;color:var(--link)}"
	"h1{font-size:1.75rem;line-height:1.2;margin:0}"
	"h2{font-size:1.15rem;margin:2.25rem 0 .75rem}"
	"h3{font-size:1rem;line-height:1.35;margin:0}"
	"p{margin:.5rem 0}"
	"a{color:var(--link);text-underline-offset:.15em}"
	"a:focus-visible{outline:2px solid var(--link);outline-offset:2px;"
	"border-radius:2px}"
	"code{font:.875em/1.5 ui-monospace,monospace}"
	".soft,.at{color:var(--soft)}"
	".at{margin:.1rem 0 0}"
	".lead{max-width:42rem;margin:1.25rem 0 0}"
	".warn{color:var(--warn)}"
	".chip{background:var(--chip);color:var(--soft);border-radius:1rem;"
	"padding:.05rem .55rem;font-size:.8125rem;font-weight:400;"
	"white-space:nowrap}"
	".cut{max-width:100%;overflow:hidden;text-overflow:ellipsis;"
	"display:inline-block;vertical-align:bottom}"
	"ul{list-style:none;margin:0;padding:0}"
	".cards{display:grid;gap:.75rem;"
	"grid-template-columns:repeat(auto-fill,minmax(min(100%,17.5rem),1fr))}"
	".card{background:var(--card);border:1px solid var(--line);"
	"border-radius:.6rem;padding:.9rem 1rem;min-width:0;display:flex;"
	"flex-direction:column;gap:.35rem}"
	".card h3{display:flex;flex-wrap:wrap;gap:.15rem .5rem;"
	"align-items:baseline}"
	".card p{margin:0;color:var(--soft);font-size:.9375rem}"
	".clamp{display:-webkit-box;-webkit-box-orient:vertical;"
	"-webkit-line-clamp:3;overflow:hidden}"
	".places{margin-top:auto}"
	".places li{display:flex;flex-wrap:wrap;gap:0 .9rem;"
	"align-items:center;min-height:2rem}"
	".places a{padding:.2rem 0}"
	".places code{color:var(--soft);margin-right:auto}"
	"dl{margin:0;display:grid;gap:.6rem}"
	"dd{margin:0;color:var(--soft)}"
	"footer{margin-top:3rem;padding-bottom:2.5rem;font-size:.875rem}"
	"footer p{border-top:1px solid var(--line);padding-top:1rem}"
	"@media(min-width:44rem){dl div{display:grid;gap:1.5rem;"
	"grid-template-columns:minmax(0,21rem) 1fr}}";

/* A canopy and what hangs from it. */
static const char mark[] =
	"<svg viewBox=\"0 0 48 48\" fill=\"none\" stroke=\"currentColor\" "
	"stroke-width=\"2.5\" stroke-linecap=\"round\" "
	"stroke-linejoin=\"round\" aria-hidden=\"true\">"
	"<path d=\"M4 22a20 18 0 0 1 40 0q-5-4-10 0-5-4-10 0-5-4-10 0"
	"-5-4-10 0z\"/>"
	"<path d=\"M4 22l17 15M14 22l8 15M34 22l-8 15M44 22L27 37\"/>"
	"<rect x=\"20\" y=\"37\" width=\"8\" height=\"7\" rx=\"1.5\"/></svg>";

static const struct {
	const char *name, *what;
} documents[] = {
	{ "/.well-known/parachute.json", "all modules and their addresses" },
	{ "/.well-known/jwks.json", "the keys that tokens are checked with" },
	{ "/.well-known/parachute-revocation.json",
	  "tokens that were taken back before their time" },
	{ "/.well-known/oauth-protected-resource",
	  "the scopes that a token can have" },
	{ "/health", "whether the hub lives, and its database" },
	{ "/api/ready", "whether the modules are ready" },
}, commands[] = {
	{ "pc-status", "what runs, and why something does not" },
	{ "pc-logs MODULE", "what a module has said lately" },
	{ "pc-auth show", "who is known to the hub, and when tokens end" },
	{ "pc-auth mint-token", "a token for a program that is to use a "
				"module" },
};

static void put(struct buf *b, const char *html)
{
	buf_put(b, str_of(html));
}

/* Text and attribute values alike. */
static void put_text(struct buf *b, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == '&')
			put(b, "&amp;");
		else if (c == '<')
			put(b, "&lt;");
		else if (c == '>')
			put(b, "&gt;");
		else if (c == '"')
			put(b, "&quot;");
		else if (c == '\'')
			put(b, "&#39;");
		else if (c < ' ' || c == 0x7f)
			buf_putc(b, ' ');
		else
			buf_putc(b, (char)c);
	}
}

static void put_bdi(struct buf *b, struct str s)
{
	put(b, "<bdi>");
	put_text(b, s);
	put(b, "</bdi>");
}

static void put_begin(struct buf *b, struct str title)
{
	put(b, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
	       "<meta charset=\"utf-8\">\n"
	       "<meta name=\"viewport\" "
	       "content=\"width=device-width,initial-scale=1\">\n<title>");
	put_text(b, title);
	put(b, "</title>\n<style>");
	put(b, page_style);
	put(b, "</style>\n</head>\n<body>\n<header>\n<div class=\"name\">");
	put(b, mark);
}

static void put_end(struct buf *b)
{
	put(b, "</main>\n<footer><p class=\"soft\">No scripts, no cookies, "
	       "nothing from elsewhere.</p></footer>\n</body>\n</html>\n");
}

/* Links */

/* "//x" would be another host. */
static struct str one_slash(struct str path)
{
	while (path.n > 1 && path.p[0] == '/' && path.p[1] == '/')
		path = str_skip(path, 1);
	return path;
}

static void put_href(struct buf *b, struct str url)
{
	struct buf path;

	if (!str_starts(url, STR("/"))) {
		put_text(b, url);
		return;
	}
	buf_init(&path, 8192);
	discovery_put_path(&path, one_slash(url));
	if (!buf_failed(&path))
		put_text(b, buf_str(&path));
	buf_release(&path);
}

static void put_link(struct buf *b, struct str url, struct str text,
		     struct str of)
{
	put(b, "<a href=\"");
	put_href(b, url);
	if (of.n) {
		put(b, "\" aria-label=\"");
		put_text(b, text);
		buf_putc(b, ' ');
		put_text(b, of);
	}
	put(b, "\">");
	put_bdi(b, text);
	put(b, "</a>");
}

/* A link that the module gave, in this place of it. */
static void put_own(struct buf *b, struct str url, const char *text,
		    struct str mount, bool vault, struct str of)
{
	char room[2048];

	if (url.n)
		url = module_url(url, mount, vault, room, sizeof room);
	if (url.n)
		put_link(b, url, str_of(text), of);
}

/* Modules */

static struct str first_of(struct str a, struct str b, struct str c)
{
	return a.n ? a : b.n ? b : c;
}

static struct str field(const struct json *j, const char *key)
{
	struct str s = STR_NULL;

	json_str(json_get(j, key), &s);
	return s;
}

static void put_uis(struct buf *b, const struct row *r)
{
	JSON_EACH(ui, json_get(r->json, "uis"))
		put_link(b, field(ui, "path"), field(ui, "displayName"),
			 STR_NULL);
}

static void put_place(struct buf *b, const struct listing *l, size_t i,
		      size_t place, struct str title)
{
	const struct row *r = &l->registry->rows[i];
	const struct said *said = &l->said[i];
	bool vault = row_is_vault(r->name);
	struct str path = listing_path(r, place), mount = path;

	while (mount.n && mount.p[mount.n - 1] == '/')
		mount.n--;
	if (!vault)
		mount = module_mount(r);
	put(b, "<li><code class=\"clamp\">");
	put_bdi(b, path);
	put(b, "</code>");
	put_own(b, said->ui_url, "Open", mount, vault, title);
	if (!str_eq(said->management_url, said->ui_url))
		put_own(b, said->management_url, "Manage", mount, vault,
			title);
	if (place == 0)
		put_uis(b, r);
	put(b, "</li>");
}

static void put_module(struct buf *b, const struct listing *l, size_t i)
{
	const struct row *r = &l->registry->rows[i];
	const struct said *said = &l->said[i];
	const struct known *k = known_by_manifest(r->name);
	struct str title = first_of(said->display_name, r->display_name,
				    k ? str_of(k->display_name) : r->name);
	struct str tagline = first_of(said->tagline, r->tagline,
				      str_of(k ? k->tagline : NULL));

	put(b, "<li class=\"card\"><h3><span class=\"clamp\">");
	put_bdi(b, title);
	put(b, "</span>");
	if (!listing_is_seed(r) && r->version.n) {
		put(b, "<span class=\"chip cut\">");
		put_bdi(b, r->version);
		put(b, "</span>");
	}
	put(b, "</h3>");
	if (tagline.n) {
		put(b, "<p class=\"clamp\">");
		put_bdi(b, tagline);
		put(b, "</p>");
	}
	put(b, "<ul class=\"places\">");
	for (size_t p = 0; p < listing_places(r); p++)
		put_place(b, l, i, p, title);
	put(b, "</ul></li>\n");
}

static void put_modules(struct buf *b, const struct listing *l)
{
	put(b, "<section aria-labelledby=\"modules\">\n"
	       "<h2 id=\"modules\">Modules");
	if (l->n)
		buf_printf(b, " <span class=\"chip\">%zu</span>", l->n);
	put(b, "</h2>\n");
	if (l->broken)
		put(b, "<p class=\"warn\">This list may be old: services.json "
		       "has a fault now, and <code>pc-status</code> tells "
		       "where.</p>\n");
	if (!l->n) {
		put(b, "<p>None is installed yet. A module that is shows up "
		       "here by itself, with its pages.</p>\n</section>\n");
		return;
	}
	put(b, "<ul class=\"cards\">\n");
	for (size_t i = 0; i < l->n; i++)
		put_module(b, l, i);
	put(b, "</ul>\n</section>\n");
}

/* The rest */

static void put_documents(struct buf *b)
{
	put(b, "<section aria-labelledby=\"programs\">\n"
	       "<h2 id=\"programs\">For programs</h2>\n<dl>\n");
	for (size_t i = 0; i < LEN(documents); i++)
		buf_printf(b, "<div><dt><a href=\"%s\"><code>%s</code></a>"
			   "</dt><dd>%s</dd></div>\n", documents[i].name,
			   documents[i].name, documents[i].what);
	put(b, "</dl>\n</section>\n");
}

static void put_commands(struct buf *b)
{
	put(b, "<section aria-labelledby=\"next\">\n"
	       "<h2 id=\"next\">What next</h2>\n"
	       "<p>There is no sign-in here yet: people use a terminal on this "
	       "host, programs show a token.</p>\n<dl>\n");
	for (size_t i = 0; i < LEN(commands); i++)
		buf_printf(b, "<div><dt><code>%s</code></dt><dd>%s</dd>"
			   "</div>\n", commands[i].name, commands[i].what);
	put(b, "</dl>\n</section>\n");
}

static struct str host_of(struct str origin)
{
	struct str scheme, rest;

	str_cut(origin, ':', &scheme, &rest);
	return str_starts(rest, STR("//")) ? str_skip(rest, 2) : origin;
}

void page_write(struct buf *b, const struct listing *l, struct str origin)
{
	put_begin(b, STR("Parachute hub"));
	put(b, "<div><h1>Parachute hub</h1><p class=\"at\">");
	put_bdi(b, host_of(origin));
	put(b, " &middot; pc " PC_VERSION "</p></div></div>\n"
	       "<p class=\"lead\">This hub keeps the modules of one host "
	       "running. It does not pass requests on to them yet; who may "
	       "ask it about them shows a token.</p>\n</header>\n<main>\n");
	put_modules(b, l);
	put_commands(b);
	put_documents(b);
	put_end(b);
}

void page_write_missing(struct buf *b, struct str path)
{
	put_begin(b, STR("Not found"));
	put(b, "<div><h1>Not found</h1><p class=\"at\">Parachute hub</p></div>"
	       "</div>\n</header>\n<main>\n<p class=\"lead\">There is "
	       "nothing at <code>");
	put_bdi(b, str_take(path, PATH_SHOWN));
	put(b, path.n > PATH_SHOWN ? "&hellip;" : "");
	put(b, "</code>.</p>\n<p><a href=\"/\">See what there is</a></p>\n");
	put_end(b);
}

/* Handlers */

void get_page(struct front_ask *a)
{
	struct err e = { 0 };
	struct str html;

	if (published_document(a->front, PUBLISHED_PAGE, a->issuer, &html,
			       &e) < 0)
		ask_fail(a, &e);
	else
		httpd_reply(a->conn, 200, PAGE_TYPE,
			    STR(PAGE_POLICY "Cache-Control: no-cache\r\n"),
			    html);
}

void not_found(struct front_ask *a)
{
	struct str path = a->req->path;
	struct buf b;

	if (str_starts(path, STR("/api/")) ||
	    !http_accepts(a->req->head, "text/html")) {
		ask_refuse(a, 404, "not_found", "there is nothing at %.*s",
			   STR_ARG(str_take(path, PATH_SHOWN)));
		return;
	}
	buf_init(&b, 65536);
	page_write_missing(&b, path);
	if (buf_failed(&b))
		ask_refuse(a, 503, "out_of_memory", "no memory for the page");
	else
		httpd_reply(a->conn, 404, PAGE_TYPE,
			    STR(PAGE_POLICY NO_STORE), buf_str(&b));
	buf_release(&b);
}
