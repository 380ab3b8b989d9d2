/* SPDX-License-Identifier: MIT */
#include "wire/url.h"

#include <string.h>

#include "tap.h"

static struct arena arena;

static const struct {
	const char *in, *scheme, *host;
	bool ipv6;
	unsigned port;
	const char *path, *query;
} good[] = {
	{ "http://h", "http", "h", false, 80, "", "" },
	{ "http://h/", "http", "h", false, 80, "/", "" },
	{ "https://h", "https", "h", false, 443, "", "" },
	{ "HTTPS://Hub.Example/", "https", "Hub.Example", false, 443, "/", "" },
	{ "HttP://h:8080/a/b", "http", "h", false, 8080, "/a/b", "" },
	{ "http://127.0.0.1:1939", "http", "127.0.0.1", false, 1939, "", "" },
	{ "http://h:/x", "http", "h", false, 80, "/x", "" },
	{ "https://h:", "https", "h", false, 443, "", "" },
	{ "http://h:1/", "http", "h", false, 1, "/", "" },
	{ "http://h:65535/", "http", "h", false, 65535, "/", "" },
	{ "http://h:00080/", "http", "h", false, 80, "/", "" },
	{ "http://h?x", "http", "h", false, 80, "", "x" },
	{ "http://h?", "http", "h", false, 80, "", "" },
	{ "http://h/p?x=1&y=/?:@", "http", "h", false, 80, "/p",
	  "x=1&y=/?:@" },
	{ "http://h//p//", "http", "h", false, 80, "//p//", "" },
	{ "http://h/@:p", "http", "h", false, 80, "/@:p", "" },
	{ "http://h/%41%c3%A9", "http", "h", false, 80, "/%41%c3%A9", "" },
	{ "http://h/-._~!$&'()*+,;=", "http", "h", false, 80,
	  "/-._~!$&'()*+,;=", "" },
	{ "http://[::1]", "http", "::1", true, 80, "", "" },
	{ "http://[::1]:1939/x", "http", "::1", true, 1939, "/x", "" },
	{ "http://[2001:DB8::a]/", "http", "2001:DB8::a", true, 80, "/", "" },
	{ "http://[::ffff:1.2.3.4]/", "http", "::ffff:1.2.3.4", true, 80, "/",
	  "" },
	{ "http://a-b_c.d.:1/", "http", "a-b_c.d.", false, 1, "/", "" },
	{ "http://1/", "http", "1", false, 80, "/", "" },
};

static const struct { const char *in, *why; } bad[] = {
	{ "", "not an http or https URL" },
	{ "h", "not an http or https URL" },
	{ "/p", "not an http or https URL" },
	{ "//h/p", "not an http or https URL" },
	{ "ftp://h/", "not an http or https URL" },
	{ "httpx://h/", "not an http or https URL" },
	{ " http://h/", "not an http or https URL" },
	{ "javascript:alert(1)", "not an http or https URL" },
	{ "http", "no host in URL" },
	{ "http:", "no host in URL" },
	{ "http:/h/", "no host in URL" },
	{ "http:h", "no host in URL" },
	{ "http://", "no host in URL" },
	{ "http:///p", "no host in URL" },
	{ "http://:80/", "no host in URL" },
	{ "http://?x", "no host in URL" },
	{ "http://u@h/", "credentials in URL" },
	{ "http://u:p@h/", "credentials in URL" },
	{ "http://@h/", "credentials in URL" },
	{ "http://u@h@g/", "credentials in URL" },
	{ "http://h:80@g/", "credentials in URL" },
	{ "http://%75@h/", "credentials in URL" },
	{ "http://h/#f", "fragment in URL" },
	{ "http://h#", "fragment in URL" },
	{ "http://h/?q#f", "fragment in URL" },
	{ "http://h:0/", "bad port in URL" },
	{ "http://h:65536/", "bad port in URL" },
	{ "http://h:99999999999999999999/", "bad port in URL" },
	{ "http://h:+80/", "bad port in URL" },
	{ "http://h:-1/", "bad port in URL" },
	{ "http://h:8o/", "bad port in URL" },
	{ "http://h:80:80/", "bad port in URL" },
	{ "http://h: 80/", "bad port in URL" },
	{ "http://h\\g/", "bad host in URL" },
	{ "http://h g/", "bad host in URL" },
	{ "http://h%2fg/", "bad host in URL" },
	{ "http://h\xc3\xa9/", "bad host in URL" },
	{ "http://h,g/", "bad host in URL" },
	{ "http://h\t/", "bad host in URL" },
	{ "http://::1/", "no host in URL" },
	{ "http://[::1/", "bad IPv6 address in URL" },
	{ "http://[]/", "bad IPv6 address in URL" },
	{ "http://[::1]80/", "bad host in URL" },
	{ "http://[::1%25lo]/", "bad IPv6 address in URL" },
	{ "http://[1.2.3.4]/", "bad IPv6 address in URL" },
	{ "http://[v1.x]/", "bad IPv6 address in URL" },
	{ "http://[1:2:3:4:5:6:7:8:9]/", "bad IPv6 address in URL" },
	{ "http://[::g]/", "bad IPv6 address in URL" },
	{ "http://h/ ", "bad path or query in URL" },
	{ "http://h/a b", "bad path or query in URL" },
	{ "http://h/\r\n", "bad path or query in URL" },
	{ "http://h/%", "bad path or query in URL" },
	{ "http://h/%4", "bad path or query in URL" },
	{ "http://h/%4g", "bad path or query in URL" },
	{ "http://h/?%zz", "bad path or query in URL" },
	{ "http://h/\\", "bad path or query in URL" },
	{ "http://h/\"", "bad path or query in URL" },
	{ "http://h/<>", "bad path or query in URL" },
	{ "http://h/?[", "bad path or query in URL" },
	{ "http://h/\x7f", "bad path or query in URL" },
	{ "http://h/\xc3\xa9", "bad path or query in URL" },
};

static const struct { const char *in, *path, *query; } targets[] = {
	{ "/", "/", "" },
	{ "/a/b.c", "/a/b.c", "" },
	{ "/a?", "/a", "" },
	{ "/a?b=c&d", "/a", "b=c&d" },
	{ "/a?b?c", "/a", "b?c" },
	{ "/?", "/", "" },
	{ "//a", "//a", "" },
	{ "/%00%2F%2f", "/%00%2F%2f", "" },
	{ "/a/../b/./c", "/a/../b/./c", "" },
	{ "/:@!$&'()*+,;=-._~", "/:@!$&'()*+,;=-._~", "" },
	{ "", NULL, NULL },
	{ "*", NULL, NULL },
	{ "a", NULL, NULL },
	{ "?a", NULL, NULL },
	{ "http://h/", NULL, NULL },
	{ "/a#b", NULL, NULL },
	{ "/a?b#c", NULL, NULL },
	{ "/a b", NULL, NULL },
	{ "/a\tb", NULL, NULL },
	{ "/%", NULL, NULL },
	{ "/%1", NULL, NULL },
	{ "/%1?2", NULL, NULL },
	{ "/%g1", NULL, NULL },
	{ "/?%1g", NULL, NULL },
	{ "/?%", NULL, NULL },
	{ "/\\", NULL, NULL },
	{ "/|", NULL, NULL },
	{ "/^", NULL, NULL },
	{ "/`", NULL, NULL },
	{ "/{}", NULL, NULL },
	{ "/[]", NULL, NULL },
	{ "/\x80", NULL, NULL },
	{ "/\x7f", NULL, NULL },
	{ "/\x01", NULL, NULL },
};

static const struct {
	const char *in;
	bool plus;
	const char *want;
} decoded[] = {
	{ "", false, "" },
	{ "abc", false, "abc" },
	{ "a%20b", false, "a b" },
	{ "a+b", false, "a+b" },
	{ "a+b", true, "a b" },
	{ "a%2Bb", true, "a+b" },
	{ "%2f%2F", false, "//" },
	{ "%c3%a9", false, "\xc3\xa9" },
	{ "%ff", false, "\xff" },
	{ "%2500", false, "%00" },
	{ "%25%34%31", false, "%41" },
	{ "\xc3\xa9", false, "\xc3\xa9" },
	{ "%", false, NULL },
	{ "%4", false, NULL },
	{ "a%4", false, NULL },
	{ "%4g", false, NULL },
	{ "%g4", false, NULL },
	{ "%%41", false, NULL },
	{ "% 41", false, NULL },
	{ "%+1", true, NULL },
	{ "%00", false, NULL },
	{ "a%00b", false, NULL },
};

static const struct { const char *query, *name, *want; } params[] = {
	{ "lines=10", "lines", "10" },
	{ "a=1&b=2&c=3", "b", "2" },
	{ "a=1&b=2&c=3", "c", "3" },
	{ "a=1&a=2", "a", "1" },
	{ "a", "a", "" },
	{ "a=", "a", "" },
	{ "b&a&c", "a", "" },
	{ "a=b=c", "a", "b=c" },
	{ "a=%26%3d+x", "a", "&= x" },
	{ "%61=1", "a", "1" },
	{ "x+y=1", "x y", "1" },
	{ "&&a=1&&", "a", "1" },
	{ "=1&a=2", "a", "2" },
	{ "%zz=1&a=2", "a", "2" },
	{ "%=1&a=2", "a", "2" },
	{ "a=?/", "a", "?/" },
	{ "", "a", NULL },
	{ "b=1", "a", NULL },
	{ "A=1", "a", NULL },
	{ "aa=1", "a", NULL },
	{ "a=1", "aa", NULL },
	{ "a=%", "a", NULL },
	{ "a=%&a=1", "a", NULL },
	{ "a=%00", "a", NULL },
	{ "a%00=1", "a", NULL },
	{ "&", "a", NULL },
	{ "b;a=1", "a", NULL },
};

static const struct { const char *path, *want; } segments[] = {
	{ "", "" },
	{ "/", "|" },
	{ "//", "||" },
	{ "/api", "api|" },
	{ "/api/modules", "api|modules|" },
	{ "/api/modules/", "api|modules||" },
	{ "//api", "|api|" },
	{ "/a//b", "a||b|" },
	{ "/../.", "..|.|" },
	{ "/a%2fb/c", "a%2fb|c|" },
	{ "a/b", "a|b|" },
};

static const struct { const char *host; bool want; } hosts[] = {
	{ "localhost", true }, { "LocalHost", true },
	{ "127.0.0.1", true }, { "127.255.0.9", true }, { "0.0.0.0", true },
	{ "::1", true }, { "[::1]", true }, { "0:0:0:0:0:0:0:1", true },
	{ "0000::0001", true }, { "::", true }, { "::ffff:127.0.0.1", true },
	{ "::ffff:7f00:1", true }, { "::FFFF:0.0.0.0", true },
	{ "", false }, { "[", false }, { "[]", false }, { "]", false },
	{ "localhost.", false }, { "localhost.example", false },
	{ "xlocalhost", false }, { "127.0.0.1.example", false },
	{ "127.0.0", false }, { "127.1", false }, { "128.0.0.1", false },
	{ "0.0.0.1", false }, { "10.0.0.1", false }, { "126.0.0.1", false },
	{ "127.0.0.256", false }, { "127.0.0.1 ", false },
	{ " 127.0.0.1", false }, { "0x7f.0.0.1", false },
	{ "::2", false }, { "::1:1", false }, { "1::1", false },
	{ "::ffff:128.0.0.1", false }, { "::127.0.0.1", false },
	{ "fe80::1", false }, { "::1%lo", false }, { "[127.0.0.1]", false },
	{ "[::1", false }, { "::1]", false }, { "hub.example", false },
};

static bool is(struct str s, const char *want)
{
	return str_is(s, want);
}

static void test_parse(void)
{
	char name[300] = "http://";
	struct url u;

	for (size_t i = 0; i < LEN(good); i++) {
		struct err e = { 0 };
		int rc = url_parse(&u, guarded(0, str_of(good[i].in)), &e);

		ok(!rc && is(u.scheme, good[i].scheme) &&
		   is(u.host, good[i].host) && u.ipv6 == good[i].ipv6 &&
		   u.port == good[i].port && is(u.path, good[i].path) &&
		   is(u.query, good[i].query), "%s", good[i].in);
	}
	for (size_t i = 0; i < LEN(bad); i++) {
		struct err e = { 0 };

		u.port = 7;
		if (!ok(url_parse(&u, guarded(0, str_of(bad[i].in)), &e) < 0 &&
			e.code == ERR_INVALID && u.port == 7 &&
			strcmp(e.msg, bad[i].why) == 0, "%s: %s", bad[i].why,
			bad[i].in))
			tap_diag("got %s", e.msg);
	}
	memset(name + 7, 'h', 256);
	ok(url_parse(&u, guarded(0, str_of(name)), NULL) < 0,
	   "a host of 256 bytes");
	ok(url_parse(&u, guarded(0, str_take(str_of(name), 262)), NULL) == 0,
	   "a host of 255 bytes");
	ok(url_parse(&u, STR("http://h/\0"), NULL) < 0 &&
	   url_parse(&u, STR("http://h\0/"), NULL) < 0 &&
	   url_parse(&u, STR("http://[::1\0]/"), NULL) < 0, "NUL");
}

static void test_cuts(void)
{
	static const char url[] = "https://[::1]:1939/a%41/b?c=%42&d";
	bool parsed[sizeof url];
	struct url u;
	int wrong = 0;

	for (size_t n = 0; n < sizeof url; n++)
		parsed[n] = !url_parse(&u, guarded(0, str_take(STR(url), n)),
				       NULL);
	/* Whole, but for an address not closed or an escape cut short. */
	for (size_t n = 0; n < sizeof url; n++) {
		bool want = n >= 13 && n != 21 && n != 22 && n != 29 &&
			    n != 30;

		wrong += parsed[n] != want;
	}
	ok(!wrong, "cut anywhere");
}

static void test_target(void)
{
	struct str path, query;

	for (size_t i = 0; i < LEN(targets); i++) {
		bool got;

		path = query = STR("unset");
		got = url_target(guarded(0, str_of(targets[i].in)), &path,
				 &query);
		ok(targets[i].path ? got && is(path, targets[i].path) &&
				     is(query, targets[i].query)
				   : !got && is(path, "unset"),
		   "target %s", targets[i].in);
	}
	ok(!url_target(STR("/a\0b"), &path, &query), "target with NUL");
	for (size_t i = 0; i < LEN(segments); i++) {
		char got[64] = "";
		struct str seg;

		path = guarded(0, str_of(segments[i].path));
		while (url_segment(&path, &seg)) {
			strncat(got, seg.p, seg.n);
			strcat(got, "|");
		}
		ok(strcmp(got, segments[i].want) == 0, "segments of '%s'",
		   segments[i].path);
	}
}

static void test_decode(void)
{
	struct arena none;
	struct str out;

	for (size_t i = 0; i < LEN(decoded); i++) {
		bool got = url_decode(guarded(0, str_of(decoded[i].in)),
				      decoded[i].plus, &arena, &out);

		ok(decoded[i].want ? got && is(out, decoded[i].want)
				   : !got && !out.p && !out.n,
		   "decodes '%s'", decoded[i].in);
	}
	ok(!url_decode(STR("a\0b"), false, &arena, &out), "decodes no NUL");
	for (size_t i = 0; i < LEN(params); i++) {
		bool got = url_param(guarded(0, str_of(params[i].query)),
				     params[i].name, &arena, &out);

		ok(params[i].want ? got && is(out, params[i].want)
				  : !got && !out.p, "%s in '%s'",
		   params[i].name, params[i].query);
	}
	arena_init(&none, 8);
	ok(!url_decode(STR("longer than that"), false, &none, &out) &&
	   arena_failed(&none), "no memory");
	arena_release(&none);
}

int main(void)
{
	arena_init(&arena, 1 << 20);
	test_parse();
	test_cuts();
	test_target();
	test_decode();
	for (size_t i = 0; i < LEN(hosts); i++)
		ok(url_host_is_loopback(guarded(0, str_of(hosts[i].host))) ==
		   hosts[i].want, "'%s' is %sloopback", hosts[i].host,
		   hosts[i].want ? "" : "not ");
	arena_release(&arena);
	return tap_done();
}
