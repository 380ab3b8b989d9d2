/* SPDX-License-Identifier: MIT */
#include "wire/env.h"

static bool is_name(unsigned char c)
{
	return c > ' ' && c != '#' && c != 0x7f;
}

static struct str unquote(struct str v)
{
	char c = v.n >= 2 ? v.p[0] : '\0';

	if ((c == '"' || c == '\'') && v.p[v.n - 1] == c)
		return str_take(str_skip(v, 1), v.n - 2);
	return v;
}

bool env_next(struct str *text, unsigned *line, struct str *key,
	      struct str *value)
{
	struct str one, name, rest;

	while (text->n) {
		str_cut(*text, '\n', &one, text);
		if (line)
			++*line;
		if (!str_cut(one, '=', &name, &rest) || !name.n)
			continue;
		if (str_ends(rest, STR("\r")))
			rest.n--;
		if (str_span(name, is_name).n < name.n ||
		    str_find(rest, '\0') >= 0)
			continue;
		*key = name;
		*value = unquote(rest);
		return true;
	}
	return false;
}
