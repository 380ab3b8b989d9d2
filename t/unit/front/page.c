/* SPDX-License-Identifier: MIT */
/* The page for people: what is on it, and that nothing else can be. */
#include "front/page.h"
#include "unit/hub/scratch.h"

static int home;
static struct registry registry;
static struct listing listing;
static char html[1 << 20];

static int open_manifest(void *ctx, struct str dir, struct err *e)
{
	char path[600];
	int fd;

	(void)ctx;
	snprintf(path, sizeof path, "%.*s/.parachute/module.json",
		 STR_ARG(dir));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? err_sys(e, "open") : fd;
}

static void keep(struct buf *b)
{
	ok(!buf_failed(b) && buf_str(b).n < sizeof html, "written");
	snprintf(html, sizeof html, "%.*s", STR_ARG(buf_str(b)));
	buf_release(b);
}

static void page(const char *origin)
{
	struct err e = { 0 };
	struct buf b;

	listing_look(&listing, home, 0, &e);
	buf_init(&b, sizeof html);
	page_write(&b, &listing, str_of(origin));
	keep(&b);
}

static bool has(const char *what)
{
	if (strstr(html, what))
		return true;
	tap_diag("no %s", what);
	return false;
}

/* Every tag that is opened is closed, in order; else what stands where. */
static bool balanced(void)
{
	static const char *const alone[] = {
		"meta", "path", "rect", "!DOCTYPE",
	};
	char open[64][16], name[16];
	size_t depth = 0, n;
	bool end, single;

	for (const char *p = html; (p = strchr(p, '<')); p++) {
		end = p[1] == '/';
		n = strcspn(p + 1 + end, " >/\n");
		snprintf(name, sizeof name, "%.*s", (int)n, p + 1 + end);
		single = false;
		for (size_t i = 0; i < LEN(alone); i++)
			single = single || strcmp(name, alone[i]) == 0;
		if (single)
			continue;
		if (!end) {
			if (depth == LEN(open))
				return false;
			strcpy(open[depth++], name);
		} else if (!depth || strcmp(open[--depth], name) != 0) {
			tap_diag("</%s> closes <%s>: %.60s", name, open[depth],
				 p);
			return false;
		}
	}
	return depth == 0;
}

static void empty(void)
{
	put(home, "services.json", "{\"services\":[]}");
	page("http://127.0.0.1:1939");
	ok(has("<bdi>127.0.0.1:1939</bdi> &middot; pc " PC_VERSION) &&
	   has("None is installed yet") && has("pc-status") && has("pc-auth"),
	   "what it is, and what to do next");
	ok(has("href=\"/.well-known/parachute.json\"") &&
	   has("href=\"/.well-known/jwks.json\""), "its documents");
	ok(balanced(), "well-formed");
}

static void modules(void)
{
	mkdirat(home, "v", 0700);
	mkdirat(home, "v/.parachute", 0700);
	put(home, "v/.parachute/module.json", "{\"name\":\"vault\","
	    "\"manifestName\":\"parachute-vault\",\"port\":1940,\"paths\":[],"
	    "\"health\":\"/h\",\"uiUrl\":\"/admin/\",\"displayName\":\"Mine\","
	    "\"managementUrl\":\"https://m.example/?a=1&b=2\"}");
	snprintf(html, sizeof html, "{\"services\":[{"
		 "\"name\":\"parachute-vault\",\"port\":1940,\"paths\":["
		 "\"/vault/a/\",\"/vault/b\"],\"health\":\"/h\","
		 "\"version\":\"1.2.3\",\"displayName\":\"Row\","
		 "\"tagline\":\"All of it\",\"installDir\":\"%s/v\"},{"
		 "\"name\":\"surface\",\"port\":1946,\"paths\":[\"/surface\"],"
		 "\"health\":\"/h\",\"version\":\"0.0.0-linked\",\"uis\":{"
		 "\"notes\":{\"displayName\":\"Notes\","
		 "\"path\":\"/surface/notes\"}}}]}", scratch_path);
	put(home, "services.json", html);
	page("https://h");
	ok(has("Modules <span class=\"chip\">2</span>"), "how many");
	ok(has("<bdi>Mine</bdi>") && !strstr(html, "Row") &&
	   has("<bdi>1.2.3</bdi>") && has("<bdi>All of it</bdi>"),
	   "what it says of itself");
	ok(has("<a href=\"/vault/a/admin/\" aria-label=\"Open Mine\">") &&
	   has("<a href=\"/vault/b/admin/\" aria-label=\"Open Mine\">") &&
	   has("<a href=\"https://m.example/?a=1&amp;b=2\" "
	       "aria-label=\"Manage Mine\">"), "its pages, at each place");
	ok(has("<a href=\"/surface/notes\"><bdi>Notes</bdi></a>") &&
	   !strstr(html, "0.0.0"), "what it hosts; no version of a seed");
	ok(balanced(), "well-formed");
	put(home, "services.json", "{");
	page("https://h");
	ok(has("This list may be old") && has("<bdi>Mine</bdi>"),
	   "a broken file is said");
}

static void nasty(void)
{
	put(home, "services.json", "{\"services\":[{\"name\":\"x\","
	    "\"port\":3000,\"paths\":[\"//evil.example/<p>\"],"
	    "\"health\":\"/h\",\"version\":\"\\\"><img src=x>\","
	    "\"displayName\":\"<script>alert('1')</script>&amp;\","
	    "\"tagline\":\"\\u202e\\u0000\\u001b[31m</p></li>\",\"uis\":{"
	    "\"u\":{\"displayName\":\"\\\" onclick=\\\"x\","
	    "\"path\":\"//evil.example/\\\"><b>&x\"}}}]}");
	page("http://a\"><script>x");
	ok(!strstr(html, "<script") && !strstr(html, "<img") &&
	   !strstr(html, "<b>") && !strstr(html, "onclick=\""),
	   "no markup of theirs");
	ok(has("&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;amp;") &&
	   has("<bdi>\xe2\x80\xae  [31m&lt;/p&gt;&lt;/li&gt;</bdi>"),
	   "but as text");
	ok(!strstr(html, "href=\"//") &&
	   has("href=\"/evil.example/%22%3E%3Cb%3E&amp;x\""),
	   "no address of another host");
	ok(balanced(), "well-formed");
}

static void missing(void)
{
	char path[400];
	struct buf b;

	buf_init(&b, 65536);
	page_write_missing(&b, STR("/<x>"));
	keep(&b);
	ok(has("/&lt;x&gt;</bdi></code>") && has("href=\"/\"") && balanced(),
	   "not found");
	memset(path, 'y', sizeof path);
	buf_init(&b, 65536);
	page_write_missing(&b, (struct str){ path, sizeof path });
	keep(&b);
	ok(has("y</bdi>&hellip;</code>") && strlen(html) < 5000,
	   "a long path is cut");
}

/* What sha256sum says of the style must be in the policy, or it is not used. */
static void policy(void)
{
	static const char digits[] = "0123456789abcdef";
	static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"abcdefghijklmnopqrstuvwxyz0123456789+/";
	char cmd[400], hex[65] = "", hash[45];
	unsigned char sum[33] = { 0 };
	FILE *p;

	put(home, "style", page_style);
	snprintf(cmd, sizeof cmd, "sha256sum '%s/style'", scratch_path);
	p = popen(cmd, "r");
	if (!p || fread(hex, 1, 64, p) != 64)
		scratch_bail("no sha256sum");
	pclose(p);
	for (int i = 0; i < 32; i++)
		sum[i] = (unsigned char)
			((strchr(digits, hex[2 * i]) - digits) * 16 +
			 (strchr(digits, hex[2 * i + 1]) - digits));
	for (int i = 0; i < 11; i++) {
		unsigned v = (unsigned)sum[3 * i] << 16 |
			     (unsigned)sum[3 * i + 1] << 8 | sum[3 * i + 2];

		hash[4 * i] = set[v >> 18];
		hash[4 * i + 1] = set[v >> 12 & 63];
		hash[4 * i + 2] = set[v >> 6 & 63];
		hash[4 * i + 3] = set[v & 63];
	}
	strcpy(hash + 43, "=");
	ok(is_text(STR(PAGE_STYLE_HASH), hash), "the hash of the style");
	page("http://h");
	snprintf(cmd, sizeof cmd, "<style>%.60s", page_style);
	ok(has(cmd) && !strstr(html, " style=") && !strstr(html, "<script"),
	   "that style is on it, and no other");
}

int main(void)
{
	home = scratch();
	registry_init(&registry);
	listing_init(&listing, &registry, open_manifest, NULL);
	empty();
	modules();
	nasty();
	missing();
	policy();
	listing_release(&listing);
	registry_release(&registry);
	return tap_done();
}
