/* SPDX-License-Identifier: MIT */
/* Heads of requests and responses: good, bad, cut short, too long. */
#include "wire/http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"

#define TOP  "GET / HTTP/1.1\r\n"
#define HOST "Host: a\r\n"
#define OVER "HTTP/1.1 200 OK\r\n"
#define IN(lit) { (lit), sizeof(lit) - 1 }

static const struct {
	const char *name;
	struct str in;
	int minor;
	bool keep_alive;
	enum http_body body;
	uint64_t length;
	const char *target, *host;
} good[] = {
	{ "minimal", IN(TOP HOST "\r\n"),
	  1, true, HTTP_BODY_NONE, 0, "/", "a" },
	{ "1.0 without Host", IN("GET /a?b HTTP/1.0\r\n\r\n"),
	  0, false, HTTP_BODY_NONE, 0, "/a?b", "" },
	{ "1.0 keep-alive", IN("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n"
	  "\r\n"), 0, true, HTTP_BODY_NONE, 0, "/", "" },
	{ "1.0 keep-alive and close", IN("GET / HTTP/1.0\r\n"
	  "Connection: keep-alive, close\r\n\r\n"),
	  0, false, HTTP_BODY_NONE, 0, "/", "" },
	{ "close", IN(TOP HOST "Connection: x,\tCLOSE \r\n\r\n"),
	  1, false, HTTP_BODY_NONE, 0, "/", "a" },
	{ "close in a second field", IN(TOP HOST "Connection: x\r\n"
	  "connection: close\r\n\r\n"),
	  1, false, HTTP_BODY_NONE, 0, "/", "a" },
	{ "an empty line before", IN("\r\n" TOP HOST "\r\n"),
	  1, true, HTTP_BODY_NONE, 0, "/", "a" },
	{ "length", IN("POST / HTTP/1.1\r\nhOST: a\r\n"
	  "content-LENGTH: 12\r\n\r\n"),
	  1, true, HTTP_BODY_LENGTH, 12, "/", "a" },
	{ "length 0", IN("POST / HTTP/1.1\r\n" HOST "Content-Length: 0\r\n"
	  "\r\n"),
	  1, true, HTTP_BODY_LENGTH, 0, "/", "a" },
	{ "the longest length", IN("POST / HTTP/1.1\r\n" HOST
	  "Content-Length: 9223372036854775807\r\n\r\n"),
	  1, true, HTTP_BODY_LENGTH, INT64_MAX, "/", "a" },
	{ "chunked", IN("POST / HTTP/1.1\r\n" HOST
	  "Transfer-Encoding: CHUNKED\t\r\n\r\n"),
	  1, true, HTTP_BODY_CHUNKED, 0, "/", "a" },
	{ "absolute target", IN("GET http://h:1/p HTTP/1.1\r\nHost: h:1\r\n"
	  "\r\n"), 1, true, HTTP_BODY_NONE, 0, "http://h:1/p", "h:1" },
	{ "what browsers leave raw", IN("GET /a?b=|{\"^`\\} HTTP/1.1\r\n" HOST
	  "\r\n"), 1, true, HTTP_BODY_NONE, 0, "/a?b=|{\"^`\\}", "a" },
	{ "asterisk", IN("OPTIONS * HTTP/1.1\r\nHost:\r\n\r\n"),
	  1, true, HTTP_BODY_NONE, 0, "*", "" },
	{ "IPv6 host", IN(TOP "Host: [::1]:1939\r\n\r\n"),
	  1, true, HTTP_BODY_NONE, 0, "/", "[::1]:1939" },
	{ "host with dots and a port", IN(TOP "Host: a-b.ts.net:443\r\n\r\n"),
	  1, true, HTTP_BODY_NONE, 0, "/", "a-b.ts.net:443" },
	{ "every token character", IN("!#$%&'*+-.^_`|~09azAZ / HTTP/1.1\r\n"
	  HOST "!#$%&'*+-.^_`|~09azAZ: 1\r\n\r\n"),
	  1, true, HTTP_BODY_NONE, 0, "/", "a" },
	{ "empty value and bytes over 127", IN(TOP HOST "X:\r\nY: \x80\xff\t!"
	  "\r\n\r\n"), 1, true, HTTP_BODY_NONE, 0, "/", "a" },
};

static const struct {
	const char *name;
	struct str in;
	int status;
} bad[] = {
	{ "two spaces", IN("GET  / HTTP/1.1\r\n" HOST "\r\n"), 400 },
	{ "tab for a space", IN("GET\t/ HTTP/1.1\r\n" HOST "\r\n"), 400 },
	{ "space before the line end", IN("GET / HTTP/1.1 \r\n" HOST "\r\n"),
	  400 },
	{ "no version", IN("GET /\r\n\r\n"), 400 },
	{ "no target", IN("GET HTTP/1.1\r\n" HOST "\r\n"), 400 },
	{ "space in the target", IN("GET /a b HTTP/1.1\r\n" HOST "\r\n"), 400 },
	{ "fragment", IN("GET /a#b HTTP/1.1\r\n" HOST "\r\n"), 400 },
	{ "target over 127", IN("GET /\xc3\xa4 HTTP/1.1\r\n" HOST "\r\n"),
	  400 },
	{ "NUL in the target", IN("GET /\0 HTTP/1.1\r\n" HOST "\r\n"), 400 },
	{ "leading space", IN(" GET / HTTP/1.1\r\n" HOST "\r\n"), 400 },
	{ "two empty lines before", IN("\r\n\r\n" TOP HOST "\r\n"), 400 },
	{ "lower-case http", IN("GET / http/1.1\r\n" HOST "\r\n"), 400 },
	{ "HTTP/1.10", IN("GET / HTTP/1.10\r\n" HOST "\r\n"), 400 },
	{ "HTTP/1", IN("GET / HTTP/1\r\n" HOST "\r\n"), 400 },
	{ "HTTP/1.2", IN("GET / HTTP/1.2\r\n" HOST "\r\n"), 505 },
	{ "HTTP/2.0", IN("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505 },
	{ "HTTP/0.9", IN("GET / HTTP/0.9\r\n" HOST "\r\n"), 505 },
	{ "TLS", IN("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), 400 },

	{ "bare LF after the first line", IN("GET / HTTP/1.1\n" HOST "\r\n"),
	  400 },
	{ "bare LF after a field", IN(TOP "Host: a\n\r\n"), 400 },
	{ "bare LF at the end", IN(TOP HOST "\n"), 400 },
	{ "bare CR after the first line", IN("GET / HTTP/1.1\r" HOST "\r\n"),
	  400 },
	{ "bare CR in a value", IN(TOP HOST "X: a\rb\r\n\r\n"), 400 },
	{ "bare CR at the end", IN(TOP HOST "\rX"), 400 },
	{ "NUL in a value", IN(TOP HOST "X: a\0b\r\n\r\n"), 400 },
	{ "DEL in a value", IN(TOP HOST "X: a\x7f" "b\r\n\r\n"), 400 },
	{ "vertical tab", IN(TOP HOST "Transfer-Encoding:\x0b" "chunked\r\n"
	  "\r\n"), 400 },
	{ "NUL in a name", IN(TOP HOST "X\0: b\r\n\r\n"), 400 },
	{ "folded field", IN(TOP HOST "X: a\r\n b\r\n\r\n"), 400 },
	{ "folded by a tab", IN(TOP HOST "X: a\r\n\tb\r\n\r\n"), 400 },
	{ "fold before the first field", IN(TOP " " HOST "\r\n"), 400 },
	{ "space before a colon", IN(TOP "Host : a\r\n\r\n"), 400 },
	{ "tab before a colon", IN(TOP HOST "Content-Length\t: 1\r\n\r\n"),
	  400 },
	{ "empty name", IN(TOP HOST ": a\r\n\r\n"), 400 },
	{ "no colon", IN(TOP HOST "Header\r\n\r\n"), 400 },
	{ "name that is no token", IN(TOP HOST "A(b): 1\r\n\r\n"), 400 },
	{ "name over 127", IN(TOP HOST "\xc3\xa4: 1\r\n\r\n"), 400 },

	{ "no Host", IN(TOP "\r\n"), 400 },
	{ "two Hosts", IN(TOP HOST HOST "\r\n"), 400 },
	{ "two Hosts in 1.0", IN("GET / HTTP/1.0\r\n" HOST HOST "\r\n"), 400 },
	{ "Host with a path", IN(TOP "Host: a/b\r\n\r\n"), 400 },
	{ "Host with a user", IN(TOP "Host: a@b\r\n\r\n"), 400 },
	{ "Host with a space", IN(TOP "Host: a b\r\n\r\n"), 400 },
	{ "Host with two ports", IN(TOP "Host: a:1:2\r\n\r\n"), 400 },
	{ "Host with a name for a port", IN(TOP "Host: a:b\r\n\r\n"), 400 },
	{ "Host with an open bracket", IN(TOP "Host: [::1\r\n\r\n"), 400 },
	{ "Host with empty brackets", IN(TOP "Host: []\r\n\r\n"), 400 },

	{ "two lengths", IN(TOP HOST "Content-Length: 1\r\n"
	  "Content-Length: 2\r\n\r\n"), 400 },
	{ "two equal lengths", IN(TOP HOST "Content-Length: 1\r\n"
	  "Content-length: 1\r\n\r\n"), 400 },
	{ "a list of lengths", IN(TOP HOST "Content-Length: 1, 1\r\n\r\n"),
	  400 },
	{ "negative length", IN(TOP HOST "Content-Length: -1\r\n\r\n"), 400 },
	{ "length with a plus", IN(TOP HOST "Content-Length: +1\r\n\r\n"),
	  400 },
	{ "hexadecimal length", IN(TOP HOST "Content-Length: 0x1\r\n\r\n"),
	  400 },
	{ "length with a space", IN(TOP HOST "Content-Length: 1 2\r\n\r\n"),
	  400 },
	{ "empty length", IN(TOP HOST "Content-Length:\r\n\r\n"), 400 },
	{ "length over 63 bits", IN(TOP HOST
	  "Content-Length: 9223372036854775808\r\n\r\n"), 400 },
	{ "length over 64 bits", IN(TOP HOST
	  "Content-Length: 18446744073709551617\r\n\r\n"), 400 },
	{ "length, then coding", IN(TOP HOST "Content-Length: 1\r\n"
	  "Transfer-Encoding: chunked\r\n\r\n"), 400 },
	{ "coding, then length", IN(TOP HOST "Transfer-Encoding: chunked\r\n"
	  "Content-Length: 1\r\n\r\n"), 400 },
	{ "two codings", IN(TOP HOST "Transfer-Encoding: chunked\r\n"
	  "Transfer-Encoding: chunked\r\n\r\n"), 400 },
	{ "a list of codings", IN(TOP HOST
	  "Transfer-Encoding: gzip, chunked\r\n\r\n"), 501 },
	{ "chunked twice", IN(TOP HOST
	  "Transfer-Encoding: chunked, chunked\r\n\r\n"), 501 },
	{ "identity", IN(TOP HOST "Transfer-Encoding: identity\r\n\r\n"), 501 },
	{ "empty coding", IN(TOP HOST "Transfer-Encoding:\r\n\r\n"), 501 },
	{ "nearly chunked", IN(TOP HOST "Transfer-Encoding: xchunked\r\n\r\n"),
	  501 },
	{ "coding in 1.0", IN("POST / HTTP/1.0\r\n" HOST
	  "Transfer-Encoding: chunked\r\n\r\n"), 400 },
};

static const struct {
	const char *name;
	struct str in;
	const char *method;
	int status;
	enum http_body body;
	uint64_t length;
	bool keep_alive;
} answers[] = {
	{ "length", IN(OVER "Content-Length: 5\r\n\r\n"), "GET", 200,
	  HTTP_BODY_LENGTH, 5, true },
	{ "chunked", IN(OVER "Transfer-Encoding: chunked\r\n\r\n"), "GET", 200,
	  HTTP_BODY_CHUNKED, 0, true },
	{ "until close", IN(OVER "\r\n"), "GET", 200,
	  HTTP_BODY_CLOSE, 0, false },
	{ "1.0", IN("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n"), "GET", 200,
	  HTTP_BODY_LENGTH, 5, false },
	{ "HEAD", IN(OVER "Content-Length: 5\r\n\r\n"), "HEAD", 200,
	  HTTP_BODY_NONE, 5, true },
	{ "head is not HEAD", IN(OVER "Content-Length: 5\r\n\r\n"), "head", 200,
	  HTTP_BODY_LENGTH, 5, true },
	{ "CONNECT", IN(OVER "Transfer-Encoding: chunked\r\n\r\n"), "CONNECT",
	  200, HTTP_BODY_NONE, 0, true },
	{ "CONNECT refused", IN("HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\n"),
	  "CONNECT", 403, HTTP_BODY_LENGTH, 2, true },
	{ "100", IN("HTTP/1.1 100 Continue\r\n\r\n"), "POST", 100,
	  HTTP_BODY_NONE, 0, true },
	{ "101", IN("HTTP/1.1 101 Switching Protocols\r\n"
	  "Connection: Upgrade\r\n\r\n"), "GET", 101, HTTP_BODY_NONE, 0, true },
	{ "204", IN("HTTP/1.1 204 No Content\r\n\r\n"), "GET", 204,
	  HTTP_BODY_NONE, 0, true },
	{ "304", IN("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"),
	  "GET", 304, HTTP_BODY_NONE, 5, true },
	{ "empty reason", IN("HTTP/1.1 503 \r\nContent-Length: 0\r\n\r\n"),
	  "GET", 503, HTTP_BODY_LENGTH, 0, true },
	{ "no reason, no space", IN("HTTP/1.1 599\r\nContent-Length: 0\r\n"
	  "\r\n"), "GET", 599, HTTP_BODY_LENGTH, 0, true },
};

static const struct {
	const char *name;
	struct str in;
} bad_answers[] = {
	{ "code of two digits", IN("HTTP/1.1 20 OK\r\n\r\n") },
	{ "code of four digits", IN("HTTP/1.1 2000 OK\r\n\r\n") },
	{ "code 099", IN("HTTP/1.1 099 OK\r\n\r\n") },
	{ "two spaces", IN("HTTP/1.1  200 OK\r\n\r\n") },
	{ "bare LF", IN("HTTP/1.1 200 OK\n\n") },
	{ "empty line before", IN("\r\n" OVER "\r\n") },
	{ "HTTP/2", IN("HTTP/2 200 OK\r\n\r\n") },
	{ "not HTTP", IN("SSH-2.0-OpenSSH_9.2\r\n") },
	{ "control in the reason", IN("HTTP/1.1 200 O\x01K\r\n\r\n") },
	{ "two lengths", IN(OVER "Content-Length: 1\r\nContent-Length: 1\r\n"
	  "\r\n") },
	{ "length and coding", IN(OVER "Content-Length: 1\r\n"
	  "Transfer-Encoding: chunked\r\n\r\n") },
	{ "coding in 1.0", IN("HTTP/1.0 200 OK\r\n"
	  "Transfer-Encoding: chunked\r\n\r\n") },
	{ "gzip", IN(OVER "Transfer-Encoding: gzip\r\n\r\n") },
};

static int parse(struct http_head *h, struct str in, const char *method,
		 const char **why)
{
	in = guarded(0, in);
	return method ? http_response(h, in, str_of(method), why)
		      : http_request(h, in, why);
}

/* How many proper prefixes do not get HTTP_MORE. */
static size_t not_more(struct str in, const char *method)
{
	static struct http_head h;
	size_t wrong = 0;

	for (size_t n = 0; n < in.n; n++)
		wrong += parse(&h, str_take(in, n), method, NULL) != HTTP_MORE;
	return wrong;
}

/* A refusal comes at some prefix, and stands with the same words after it. */
static bool refused_once(struct str in, const char *method, int status)
{
	static struct http_head h;
	const char *first = NULL, *why = NULL;
	bool same = true;

	for (size_t n = 0; n <= in.n; n++) {
		int rc = parse(&h, str_take(in, n), method, &why);

		if (rc == HTTP_MORE && !first)
			continue;
		if (rc != HTTP_BAD)
			return false;
		same = same && (!first || first == why) &&
		       (!status || h.status == status);
		first = why;
	}
	return first && same;
}

static bool inside(struct str part, struct str all)
{
	return !part.n || (part.p >= all.p && part.n <= all.n &&
			   (size_t)(part.p - all.p) <= all.n - part.n);
}

static void test_good(void)
{
	static struct http_head h;
	char more[512];

	for (size_t i = 0; i < LEN(good); i++) {
		struct str in = good[i].in, host = str_of(good[i].host);
		int rc = parse(&h, in, NULL, NULL);

		ok(rc == (int)in.n && h.minor == good[i].minor &&
		   h.keep_alive == good[i].keep_alive &&
		   h.body == good[i].body && h.length == good[i].length &&
		   str_is(h.target, good[i].target) &&
		   str_eq(h.host, host), "request: %s", good[i].name);
		ok(not_more(in, NULL) == 0, "cut short: %s", good[i].name);
		snprintf(more, sizeof more, "%.*sGET / HTTP/1.1\r\n\n",
			 STR_ARG(in));
		rc = parse(&h, str_of(more), NULL, NULL);
		ok(rc == (int)in.n, "what follows is left: %s", good[i].name);
	}
}

static void test_bad(void)
{
	for (size_t i = 0; i < LEN(bad); i++)
		ok(refused_once(bad[i].in, NULL, bad[i].status), "refused: %s",
		   bad[i].name);
	for (size_t i = 0; i < LEN(bad_answers); i++)
		ok(refused_once(bad_answers[i].in, "GET", 0),
		   "response refused: %s", bad_answers[i].name);
}

static void test_answers(void)
{
	static struct http_head h;

	for (size_t i = 0; i < LEN(answers); i++) {
		struct str in = answers[i].in;
		int rc = parse(&h, in, answers[i].method, NULL);

		ok(rc == (int)in.n && h.status == answers[i].status &&
		   h.body == answers[i].body &&
		   h.length == answers[i].length &&
		   h.keep_alive == answers[i].keep_alive, "response: %s",
		   answers[i].name);
		ok(not_more(in, answers[i].method) == 0, "cut short: %s",
		   answers[i].name);
	}
	parse(&h, STR("HTTP/1.1 404 Not  Found \r\n\r\n"), "GET", NULL);
	ok(str_is(h.reason, "Not  Found "), "reason as sent");
}

/* Every byte as method, target, field name and field value. */
static void test_bytes(void)
{
	static const char symbols[] = "!#$%&'*+-.^_`|~";
	static struct http_head h;
	size_t wrong = 0;

	for (int c = 0; c < 256; c++) {
		bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
			     (c >= 'A' && c <= 'Z');
		bool token = alnum || (c && strchr(symbols, c));
		bool value = (c >= ' ' && c != 0x7f) || c == '\t';
		char m[] = "G? / HTTP/1.1\r\n" HOST "\r\n";
		char f[] = TOP HOST "X?: 1\r\n\r\n";
		char v[] = TOP HOST "X: 1?2\r\n\r\n";
		char t[] = "GET /? HTTP/1.1\r\n" HOST "\r\n";

		*strchr(m, '?') = *strchr(f, '?') = *strchr(v, '?') =
			*strchr(t, '?') = (char)c;
		if (c == ' ')
			m[2] = 'x';
		token = token || c == ' ';
		wrong += (parse(&h, (struct str){ m, sizeof m - 1 }, NULL,
				NULL) > 0) != token;
		token = token && c != ' ';
		if (c != ':')
			wrong += (parse(&h, (struct str){ f, sizeof f - 1 },
					NULL, NULL) > 0) != token;
		wrong += (parse(&h, (struct str){ v, sizeof v - 1 }, NULL,
				NULL) > 0) != value;
		wrong += (parse(&h, (struct str){ t, sizeof t - 1 }, NULL,
				NULL) > 0) !=
			 (c > ' ' && c < 0x7f && c != '#');
		wrong += http_is_token((struct str){ m + 1, 1 }) != token;
	}
	ok(wrong == 0, "every byte where it may stand, and nowhere else (%zu)",
	   wrong);
	ok(!http_is_token(STR("")) && !http_is_token(STR("a b")) &&
	   http_is_token(STR("a-b")), "http_is_token");
}

static void test_fields(void)
{
	static const char text[] = TOP HOST
		"Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
		"Expect: 100-Continue\r\nX-A: \t one \t\r\nx-a: two\r\n"
		"Accept: a,b ,\tc,,d\r\nACCEPT: e\r\n\r\n";
	static struct http_head h;
	struct str in = guarded(1, STR(text));
	bool all = true;

	ok(http_request(&h, in, NULL) == (int)in.n, "fields are parsed");
	ok(h.nfields == 8, "all of them, %zu", h.nfields);
	for (size_t i = 0; i < h.nfields; i++)
		all = all && inside(h.fields[i].name, in) &&
		      inside(h.fields[i].value, in);
	ok(all, "they point into the input");
	ok(str_is(http_field(&h, "X-a"), "one"), "the first, trimmed");
	ok(http_field(&h, "X-").p == NULL, "absent is an empty str");
	ok(h.upgrade && h.keep_alive && h.expect_continue, "flags");
	ok(http_has_token(&h, "accept", "B") &&
	   http_has_token(&h, "accept", "d") &&
	   http_has_token(&h, "accept", "e"), "tokens across fields");
	ok(!http_has_token(&h, "accept", "a,b") &&
	   !http_has_token(&h, "accept", "f") &&
	   !http_has_token(&h, "none", "a"), "and no others");
	in = STR("GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n");
	ok(http_request(&h, in, NULL) > 0 && !h.expect_continue,
	   "1.0 expects nothing");
	in = STR(TOP HOST "Expect: 200-ok\r\n\r\n");
	ok(http_request(&h, in, NULL) > 0 && !h.expect_continue &&
	   http_field(&h, "expect").n, "another expectation");
}

/* `what` repeated up to n bytes of padding between before and after. */
static struct str padded(char *out, const char *before, size_t n,
			 const char *after)
{
	size_t b = strlen(before), a = strlen(after);

	memcpy(out, before, b);
	memset(out + b, 'x', n);
	memcpy(out + b + n, after, a);
	return (struct str){ out, b + n + a };
}

static void test_bounds(void)
{
	static struct http_head h;
	static char text[HTTP_HEAD_MAX + 4096];
	const char *before = TOP HOST "X: ", *after = "\r\n\r\n", *why = NULL;
	size_t fits = HTTP_HEAD_MAX - strlen(before) - strlen(after);
	struct str in = padded(text, before, fits, after);
	size_t wrong = 0, at;

	ok(parse(&h, in, NULL, NULL) == HTTP_HEAD_MAX, "the longest head");
	ok(parse(&h, str_take(in, HTTP_HEAD_MAX - 1), NULL, NULL) == HTTP_MORE,
	   "one byte less is a beginning");
	in = padded(text, before, fits + 1, after);
	for (at = HTTP_HEAD_MAX; at <= in.n; at++)
		wrong += parse(&h, str_take(in, at), NULL, &why) != HTTP_LONG ||
			 h.status != 431;
	ok(wrong == 0 && why, "one byte more is too long, however cut: %s",
	   why);
	in = padded(text, before, fits + 1000, "\r\n \r\n\r\n");
	ok(parse(&h, in, NULL, NULL) == HTTP_LONG,
	   "what is wrong beyond the bound is not looked at");
	in = padded(text, "GET /", HTTP_HEAD_MAX, " HTTP/1.1\r\n\r\n");
	ok(parse(&h, in, NULL, &why) == HTTP_LONG && h.status == 414,
	   "a request line too long: %s", why);
	in = padded(text, OVER "X: ", HTTP_HEAD_MAX, "\r\n\r\n");
	ok(parse(&h, in, "GET", &why) == HTTP_LONG, "response: %s", why);

	at = (size_t)snprintf(text, sizeof text, "%s%s", TOP, HOST);
	for (int i = 1; i < HTTP_FIELDS_MAX; i++)
		at += (size_t)snprintf(text + at, sizeof text - at, "a:\r\n");
	snprintf(text + at, sizeof text - at, "\r\n");
	ok(parse(&h, str_of(text), NULL, NULL) > 0 &&
	   h.nfields == HTTP_FIELDS_MAX, "as many fields as there may be");
	snprintf(text + at, sizeof text - at, "a:\r\n\r\n");
	ok(parse(&h, str_of(text), NULL, &why) == HTTP_LONG && h.status == 431,
	   "and one more: %s", why);
}

static void test_writing(void)
{
	struct buf b;

	buf_init(&b, 4096);
	http_put_field(&b, "Server", STR("pc"));
	http_put_field(&b, "Empty", STR(""));
	ok(str_is(buf_str(&b), "Server: pc\r\nEmpty: \r\n"), "fields");
	buf_reset(&b);
	for (int i = 0; i < 4; i++) {
		static const struct str evil[] = {
			IN("a\rb"), IN("a\nb"), IN("a\0b"), IN("\r\nX: y"),
		};

		http_put_field(&b, "X", evil[i]);
		ok(buf_failed(&b), "no field can be smuggled out, %d", i);
		buf_reset(&b);
	}
	http_put_field(&b, "X:y", STR("z"));
	ok(buf_failed(&b), "nor by its name");
	buf_reset(&b);
	http_put_chunk(&b, STR("hello"));
	http_put_chunk(&b, STR(""));
	http_put_chunk(&b, STR("0123456789abcdefXY"));
	http_put_last_chunk(&b);
	ok(str_is(buf_str(&b), "5\r\nhello\r\n12\r\n0123456789abcdefXY\r\n"
		  "0\r\n\r\n"), "chunks");
	buf_release(&b);
	ok(!strcmp(http_reason(404), "Not Found") && !*http_reason(299),
	   "reasons");
}

int main(void)
{
	test_good();
	test_bad();
	test_answers();
	test_bytes();
	test_fields();
	test_bounds();
	test_writing();
	return tap_done();
}
