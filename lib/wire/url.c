/* SPDX-License-Identifier: MIT */
/* Names of character sets are those of RFC 3986, appendix A. */
#include "wire/url.h"

#include <arpa/inet.h>
#include <string.h>

#define HOST_MAX 255    /* RFC 1035: no longer name can be looked up */

static bool is_alnum(unsigned char c)
{
	return (c >= '0' && c <= '9') ||
	       ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

static bool is_host(unsigned char c)
{
	return is_alnum(c) || c == '-' || c == '.' || c == '_';
}

static bool is_ip6(unsigned char c)
{
	return is_alnum(c) || c == ':' || c == '.';
}

/* pchar and '/', where '%' stands for the start of an escape. */
static bool is_path(unsigned char c)
{
	return c && (is_alnum(c) || strchr("-._~!$&'()*+,;=:@/%", c));
}

static bool is_query(unsigned char c)
{
	return is_path(c) || c == '?';
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

enum { END = -1, MALFORMED = -2 };

/* Takes one byte, decoded, off the front. */
static int take(struct str *s, bool plus)
{
	int c, high, low;

	if (!s->n)
		return END;
	c = (unsigned char)s->p[0];
	if (c != '%') {
		*s = str_skip(*s, 1);
		return plus && c == '+' ? ' ' : c;
	}
	high = s->n > 2 ? hex(s->p[1]) : -1;
	low = s->n > 2 ? hex(s->p[2]) : -1;
	if (high < 0 || low < 0)
		return MALFORMED;
	*s = str_skip(*s, 3);
	return high * 16 + low;
}

static bool escapes_good(struct str s)
{
	int c;

	while ((c = take(&s, false)) >= 0)
		;
	return c == END;
}

static bool split(struct str s, struct str *path, struct str *query)
{
	struct str before, after;

	str_cut(s, '?', &before, &after);
	if (str_span(before, is_path).n < before.n ||
	    str_span(after, is_query).n < after.n || !escapes_good(s))
		return false;
	*path = before;
	*query = after;
	return true;
}

static bool is_address(int family, struct str host, unsigned char out[16])
{
	char text[INET6_ADDRSTRLEN];

	return str_to_c(host, text, sizeof text) &&
	       inet_pton(family, text, out) == 1;
}

/* Takes "host", "host:", "host:port", "[v6]", ... whole. */
static int authority(struct url *u, struct str s, struct err *e)
{
	unsigned char ip[16];
	uint64_t port;

	u->ipv6 = str_starts(s, STR("["));
	s = str_skip(s, u->ipv6);
	u->host = str_span(s, u->ipv6 ? is_ip6 : is_host);
	s = str_skip(s, u->host.n);
	if (u->ipv6 && (!str_starts(s, STR("]")) ||
			!is_address(AF_INET6, u->host, ip)))
		return err_set(e, ERR_INVALID, "bad IPv6 address in URL");
	s = str_skip(s, u->ipv6);
	if (str_find(s, '@') >= 0)
		return err_set(e, ERR_INVALID, "credentials in URL");
	if (!u->host.n)
		return err_set(e, ERR_INVALID, "no host in URL");
	if (u->host.n > HOST_MAX)
		return err_set(e, ERR_INVALID, "host too long in URL");
	if (s.n && s.p[0] != ':')
		return err_set(e, ERR_INVALID, "bad host in URL");
	s = str_skip(s, 1);
	if (!s.n)
		return 0;
	if (!str_to_u64(s, UINT16_MAX, &port) || !port)
		return err_set(e, ERR_INVALID, "bad port in URL");
	u->port = (uint16_t)port;
	return 0;
}

static bool is_authority(unsigned char c)
{
	return c != '/' && c != '?' && c != '#';
}

int url_parse(struct url *out, struct str s, struct err *e)
{
	struct url u = { .port = 80, .scheme = STR("http") };
	struct str head, rest;

	if (str_find(s, '#') >= 0)
		return err_set(e, ERR_INVALID, "fragment in URL");
	str_cut(s, ':', &head, &rest);
	if (str_eq_nocase(head, STR("https"))) {
		u.port = 443;
		u.scheme = STR("https");
	} else if (!str_eq_nocase(head, u.scheme)) {
		return err_set(e, ERR_INVALID, "not an http or https URL");
	}
	if (!str_starts(rest, STR("//")))
		return err_set(e, ERR_INVALID, "no host in URL");
	rest = str_skip(rest, 2);
	head = str_span(rest, is_authority);
	if (authority(&u, head, e) < 0)
		return -1;
	if (!split(str_skip(rest, head.n), &u.path, &u.query))
		return err_set(e, ERR_INVALID, "bad path or query in URL");
	*out = u;
	return 0;
}

bool url_target(struct str target, struct str *path, struct str *query)
{
	return str_starts(target, STR("/")) && split(target, path, query);
}

bool url_decode(struct str s, bool plus, struct arena *a, struct str *out)
{
	char *to = arena_alloc(a, s.n + 1);
	size_t n = 0;
	int c;

	*out = STR_NULL;
	if (!to)
		return false;
	while ((c = take(&s, plus)) > 0)
		to[n++] = (char)c;
	if (c != END)
		return false;
	*out = (struct str){ to, n };
	return true;
}

static bool decodes_to(struct str s, struct str want)
{
	int c;

	while ((c = take(&s, true)) >= 0) {
		if (!want.n || c != (unsigned char)want.p[0])
			return false;
		want = str_skip(want, 1);
	}
	return c == END && !want.n;
}

bool url_param(struct str query, const char *name, struct arena *a,
	       struct str *out)
{
	struct str pair, key, value;

	*out = STR_NULL;
	while (query.n) {
		str_cut(query, '&', &pair, &query);
		str_cut(pair, '=', &key, &value);
		if (pair.n && decodes_to(key, str_of(name)))
			return url_decode(value, true, a, out);
	}
	return false;
}

bool url_segment(struct str *path, struct str *segment)
{
	struct str rest = *path;
	ptrdiff_t end;

	if (!rest.n)
		return false;
	rest = str_skip(rest, rest.p[0] == '/');
	end = str_find(rest, '/');
	*segment = end < 0 ? rest : str_take(rest, (size_t)end);
	*path = str_skip(rest, segment->n);
	return true;
}

static bool is_loopback4(const unsigned char ip[4])
{
	static const unsigned char none[4];

	return ip[0] == 127 || memcmp(ip, none, 4) == 0;
}

bool url_host_is_loopback(struct str host)
{
	static const unsigned char zero[16], mapped[12] = {
		[10] = 0xff, [11] = 0xff
	};
	unsigned char ip[16];

	if (str_eq_nocase(host, STR("localhost")))
		return true;
	if (is_address(AF_INET, host, ip))
		return is_loopback4(ip);
	if (str_starts(host, STR("[")) && str_ends(host, STR("]")))
		host = str_take(str_skip(host, 1), host.n - 2);
	if (!is_address(AF_INET6, host, ip))
		return false;
	if (memcmp(ip, mapped, sizeof mapped) == 0)
		return is_loopback4(ip + sizeof mapped);
	return memcmp(ip, zero, 15) == 0 && ip[15] <= 1;
}
