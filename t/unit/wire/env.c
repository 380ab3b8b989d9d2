/* SPDX-License-Identifier: MIT */
#include "wire/env.h"

#include <stdio.h>
#include <string.h>

#include "tap.h"

#define T(lit) (lit), sizeof(lit) - 1

/* What is found, as "line:key=value" and a '|' after each. */
static const struct {
	const char *name, *in;
	size_t n;
	const char *want;
} cases[] = {
	{ "nothing", T(""), "" },
	{ "a pair", T("A=b\n"), "1:A=b|" },
	{ "no last newline", T("A=b"), "1:A=b|" },
	{ "two pairs", T("A=b\nC=d\n"), "1:A=b|2:C=d|" },
	{ "empty lines", T("\n\nA=b\n\n"), "3:A=b|" },
	{ "empty value", T("A=\nB="), "1:A=|2:B=|" },
	{ "no equals sign", T("A\nB=c\nD"), "2:B=c|" },
	{ "no key", T("=b\nC=d"), "2:C=d|" },
	{ "'=' in the value", T("A=b=c=\n"), "1:A=b=c=|" },
	{ "double quotes", T("A=\"b c\"\n"), "1:A=b c|" },
	{ "single quotes", T("A='b c'\n"), "1:A=b c|" },
	{ "only one pair", T("A=\"\"b\"\"\nB='\"c\"'"),
	  "1:A=\"b\"|2:B=\"c\"|" },
	{ "empty quotes", T("A=\"\"\nB=''"), "1:A=|2:B=|" },
	{ "a lone quote", T("A=\"\nB='"), "1:A=\"|2:B='|" },
	{ "unequal quotes", T("A=\"b'\nB='c"), "1:A=\"b'|2:B='c|" },
	{ "quote inside", T("A=b\"c\"\n"), "1:A=b\"c\"|" },
	{ "no escapes", T("A=\"b\\n\\\"\"\n"), "1:A=b\\n\\\"|" },
	{ "no expansion", T("A=$B${C}`d`\n"), "1:A=$B${C}`d`|" },
	{ "no continuation", T("A=b\\\nC=d"), "1:A=b\\|2:C=d|" },
	{ "no comment in a value", T("A=b # c\n"), "1:A=b # c|" },
	{ "spaces in a value stay", T("A= b \n"), "1:A= b |" },
	{ "spaces outside quotes", T("A= \"b\"\n"), "1:A= \"b\"|" },
	{ "tab in a value", T("A=b\tc\n"), "1:A=b\tc|" },
	{ "CR LF", T("A=b\r\nC=\"d\"\r\nE=\r\n"), "1:A=b|2:C=d|3:E=|" },
	{ "CR, no LF", T("A='b'\r"), "1:A=b|" },
	{ "one CR only", T("A=b\r\r\n"), "1:A=b\r|" },
	{ "CR inside", T("A=b\rc\n"), "1:A=b\rc|" },
	{ "duplicates, both", T("A=1\nA=2\n"), "1:A=1|2:A=2|" },
	{ "comment", T("# A=b\n#A=b\nC=d"), "3:C=d|" },
	{ "hash in a key", T("A#B=c\nD=e"), "2:D=e|" },
	{ "export", T("export A=b\nC=d"), "2:C=d|" },
	{ "space around a key", T(" A=b\nC =d\nE=f"), "3:E=f|" },
	{ "tab in a key", T("\tA=b\nC=d"), "2:C=d|" },
	{ "CR in a key", T("A\r=b\nC=d"), "2:C=d|" },
	{ "DEL in a key", T("A\x7f=b\nC=d"), "2:C=d|" },
	{ "NUL in a key", T("A\0B=c\nD=e"), "2:D=e|" },
	{ "NUL in a value", T("A=b\0c\nD=e"), "2:D=e|" },
	{ "NUL before the end", T("A=b\0\r\nD=e"), "2:D=e|" },
	{ "dots and dashes", T("a.b-c=d"), "1:a.b-c=d|" },
	{ "a digit first", T("1A=b"), "1:1A=b|" },
	{ "UTF-8", T("\xc3\xa9=\xe2\x82\xac"), "1:\xc3\xa9=\xe2\x82\xac|" },
	{ "any other byte", T("A=\xff\x01"), "1:A=\xff\x01|" },
};

static const char *found(struct str text, char *out, size_t size)
{
	struct str key, value;
	unsigned line = 0;
	size_t n = 0;

	out[0] = '\0';
	while (env_next(&text, &line, &key, &value) && n < size)
		n += (size_t)snprintf(out + n, size - n, "%u:%.*s=%.*s|", line,
				      STR_ARG(key), STR_ARG(value));
	return out;
}

int main(void)
{
	static const char good[] = "A=1\nBC='x y'\r\n\n# C=D\nDEF=\"\"\n";
	struct str rest, key, value;
	unsigned line = 40, bad = 0;
	char out[200];

	for (size_t i = 0; i < LEN(cases); i++) {
		struct str in = { cases[i].in, cases[i].n };

		if (!ok(strcmp(found(guarded(0, in), out, sizeof out),
			       cases[i].want) == 0, "%s", cases[i].name))
			tap_diag("got %s", out);
	}
	for (size_t n = 0; n < sizeof good; n++) {
		char whole[200];

		found(guarded(0, str_take(str_of(good), n)), out, sizeof out);
		found(str_of(good), whole, sizeof whole);
		/* A whole line is found the same whatever follows. */
		if (n && good[n - 1] == '\n' &&
		    strncmp(out, whole, strlen(out)) != 0)
			bad++;
	}
	ok(!bad, "cut anywhere");
	rest = str_of("x\nA=b\nC=d\ny\n");
	ok(env_next(&rest, &line, &key, &value) && line == 42 &&
	   str_is(rest, "C=d\ny\n"), "counts on, and leaves the rest");
	ok(env_next(&rest, NULL, &key, &value) && str_is(key, "C"),
	   "needs no count");
	ok(!env_next(&rest, &line, &key, &value) && line == 43 && !rest.n &&
	   !env_next(&rest, &line, &key, &value) && line == 43,
	   "the end, and the end again");
	return tap_done();
}
