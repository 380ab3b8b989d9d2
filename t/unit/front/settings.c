/* SPDX-License-Identifier: MIT */
/* What may be the hub's own origin. */
#include "front/settings.h"
#include "tap.h"

static struct arena arena;

static bool becomes(const char *in, const char *want)
{
	struct refusal no = { .status = 0 };
	struct str out = STR_NULL;

	if (settings_origin(guarded(0, str_of(in)), &arena, &out, &no) == 0 &&
	    str_is(out, want))
		return true;
	tap_diag("%s: %.*s %s", in, STR_ARG(out), no.text);
	return false;
}

static bool refused(const char *in, const char *why)
{
	struct refusal no = { .status = 0 };
	struct str out = STR_NULL;
	int rc = settings_origin(guarded(0, str_of(in)), &arena, &out, &no);

	if (rc == -1 && no.status == 400 && no.text[0] &&
	    str_is(str_of(no.code), "invalid_hub_origin") &&
	    str_starts(str_of(no.text), str_of(why)))
		return true;
	tap_diag("%s: %d %s", in, rc, no.text);
	return false;
}

static void good(void)
{
	ok(becomes("https://hub.example", "https://hub.example"), "plain");
	ok(becomes("HTTPS://Hub.Example", "https://hub.example"), "lower case");
	ok(becomes("https://hub.example:443", "https://hub.example") &&
	   becomes("http://hub.example:80", "http://hub.example"),
	   "a port that goes without saying");
	ok(becomes("https://hub.example:80", "https://hub.example:80") &&
	   becomes("http://hub.example:8443", "http://hub.example:8443"),
	   "one that does not");
	ok(becomes("http://10.0.0.7:1939", "http://10.0.0.7:1939") &&
	   becomes("https://[FD7A::1]:8080", "https://[fd7a::1]:8080") &&
	   becomes("https://[fd7a::1]", "https://[fd7a::1]"), "addresses");
}

static void bad(void)
{
	char name[400] = "https://";

	ok(refused("https://hub.example/", "hub_origin ends with a slash"),
	   "slash");
	ok(refused("https://hub.example/x", "hub_origin has a path"), "path");
	ok(refused("https://hub.example?x", "hub_origin has a query") &&
	   refused("https://hub.example/?", "hub_origin has a query"),
	   "query");
	ok(refused("https://hub.example#x", "hub_origin has a fragment"),
	   "fragment");
	ok(refused("https://u:p@hub.example", "hub_origin has credentials") &&
	   refused("https://@hub.example", "hub_origin has credentials"),
	   "credentials");
	ok(refused("ftp://hub.example", "hub_origin is no http(s) URL") &&
	   refused("hub.example", "hub_origin is no http(s) URL") &&
	   refused("//hub.example", "hub_origin is no http(s) URL") &&
	   refused("https:hub.example", "hub_origin is no http(s) URL"),
	   "scheme");
	ok(refused("https://", "hub_origin ends with a slash") &&
	   refused("https://:80", "hub_origin is no http(s) URL"), "no host");
	ok(refused("https://hub example", "hub_origin is no http(s) URL") &&
	   refused("https://h\xc3\xbc" "b", "hub_origin is no http(s) URL") &&
	   refused("https://a\r\nb", "hub_origin is no http(s) URL"),
	   "no name");
	ok(refused("https://hub.example:0", "hub_origin is no http(s) URL") &&
	   refused("https://hub.example:65536",
		   "hub_origin is no http(s) URL"), "no port");
	ok(refused("http://localhost:1939", "hub_origin is this machine") &&
	   refused("http://127.0.0.1", "hub_origin is this machine") &&
	   refused("http://[::1]:1939", "hub_origin is this machine"),
	   "loopback");
	for (size_t i = 8; i < sizeof name - 1; i++)
		name[i] = 'n';
	ok(refused(name, "hub_origin is too long"), "too long");
}

static void no_memory(void)
{
	struct refusal no = { .status = 0 };
	struct str out;
	struct arena none;

	arena_init(&none, 0);
	ok(settings_origin(STR("https://hub.example"), &none, &out, &no) < 0 &&
	   no.status == 503, "no memory");
	arena_release(&none);
}

int main(void)
{
	arena_init(&arena, 1 << 20);
	good();
	bad();
	no_memory();
	arena_release(&arena);
	return tap_done();
}
