/* SPDX-License-Identifier: MIT */
/* What a client would have. */
#include "wire/accept.h"

#include "tap.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *fields;
	bool html;
} cases[] = {
	{ "", false },
	{ "Accept:\r\n", false },
	{ "Accept: ,, ;\r\n", false },
	{ "Accept: text/html\r\n", true },
	{ "aCCEPT:Text/HTML\r\n", true },
	{ "Accept: text/plain,text/html\r\n", true },
	{ "Accept: text/plain ,\t text/html ;q=0.1, x/y\r\n", true },
	{ "Accept: text/plain\r\nAccept: text/html\r\n", true },
	{ "Accept: text/html5\r\n", false },
	{ "Accept: text/*\r\n", false },
	{ "Accept: */*\r\n", false },
	{ "Accept: text/plain;x=text/html\r\n", false },
	{ "Accept-Language: text/html\r\n", false },
};

int main(void)
{
	static struct http_head h;
	char text[256];
	const char *why;
	int n;

	for (size_t i = 0; i < LEN(cases); i++) {
		n = snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: a\r\n"
			     "%s\r\n", cases[i].fields);
		ok(http_request(&h, guarded(0, str_of(text)), &why) == n &&
		   http_accepts(&h, "text/html") == cases[i].html,
		   "%.*s: %s", (int)strcspn(cases[i].fields, "\r"),
		   cases[i].fields, cases[i].html ? "yes" : "no");
	}
	return tap_done();
}
