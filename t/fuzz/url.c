/* SPDX-License-Identifier: MIT */
/* What is taken apart gives the same when it is put together again, and what
 * is decoded is never longer. */
#include "wire/url.h"

#include "base/buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void whole(struct str s)
{
	struct err e = { 0 };
	struct url u, v;
	struct buf b;

	if (url_parse(&u, s, &e) < 0) {
		if (e.code != ERR_INVALID || !e.msg[0])
			BUG("refused without a reason");
		return;
	}
	buf_init(&b, s.n + 1024);
	buf_put(&b, u.scheme);
	buf_put(&b, u.ipv6 ? STR("://[") : STR("://"));
	buf_put(&b, u.host);
	buf_printf(&b, u.ipv6 ? "]:%d" : ":%d", u.port);
	buf_put(&b, u.path);
	buf_putc(&b, '?');
	buf_put(&b, u.query);
	if (buf_failed(&b) || url_parse(&v, buf_str(&b), NULL) < 0 ||
	    !str_eq(u.scheme, v.scheme) || !str_eq(u.host, v.host) ||
	    u.port != v.port || u.ipv6 != v.ipv6 || !str_eq(u.path, v.path) ||
	    !str_eq(u.query, v.query) || !u.host.n || !u.port)
		BUG("another URL");
	buf_release(&b);
	url_host_is_loopback(u.host);
}

static void target(struct str s, struct arena *a)
{
	struct str path, query, part, out;
	size_t n = 0;

	if (!url_target(s, &path, &query))
		return;
	if (path.n + query.n + (path.n < s.n) != s.n)
		BUG("bytes lost");
	if (url_param(query, "a", a, &out) && out.n > query.n)
		BUG("a parameter too long");
	while (url_segment(&path, &part)) {
		n += part.n + 1;
		if (str_find(part, '/') >= 0)
			BUG("two segments in one");
		if (url_decode(part, false, a, &out) &&
		    (out.n > part.n || str_find(out, '\0') >= 0))
			BUG("decoded to what cannot be");
	}
	if (n + query.n + (n < s.n) != s.n)
		BUG("segments lost");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str s = { (const char *)data, size }, out;
	struct arena a;

	arena_init(&a, 64 << 20);
	whole(s);
	target(s, &a);
	url_host_is_loopback(s);
	url_decode(s, true, &a, &out);
	url_param(s, "a", &a, &out);
	arena_release(&a);
	return 0;
}
