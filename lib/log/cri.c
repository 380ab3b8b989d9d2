/* SPDX-License-Identifier: MIT */
#include "log/cri.h"

#include <string.h>

size_t cri_put(struct cri_clock *c, const struct cri_line *l, char *out)
{
	char *newline;

	if (!c->text[0] || c->unix_ns != l->unix_ns) {
		date_cri(l->unix_ns, c->text);
		c->unix_ns = l->unix_ns;
	}
	memcpy(out, c->text, DATE_CRI_SIZE - 1);
	memcpy(out + DATE_CRI_SIZE - 1, l->stream ? " stderr " : " stdout ", 8);
	out[CRI_HEAD - 2] = l->partial ? 'P' : 'F';
	out[CRI_HEAD - 1] = ' ';
	out += CRI_HEAD;
	if (l->text.n)
		memcpy(out, l->text.p, l->text.n);
	out[l->text.n] = '\n';
	while ((newline = memchr(out, '\n', l->text.n)))
		*newline = ' ';
	return CRI_EXTRA + l->text.n;
}

/* The word before the next space, which is taken off too. */
static bool word(struct str *s, struct str *out)
{
	return str_cut(*s, ' ', out, s) && out->n;
}

bool cri_take(struct str s, struct cri_line *l)
{
	struct str time, stream, tags, tag, rest;

	if (!word(&s, &time) || !date_parse(time, &l->unix_ns) ||
	    !word(&s, &stream) || !word(&s, &tags))
		return false;
	str_cut(tags, ':', &tag, &rest);
	if (!str_is(stream, "stdout") && !str_is(stream, "stderr"))
		return false;
	if (!str_is(tag, "P") && !str_is(tag, "F"))
		return false;
	l->stream = str_is(stream, "stderr");
	l->partial = str_is(tag, "P");
	l->text = s;
	return true;
}

bool cri_starts(struct str s)
{
	struct cri_line l;
	struct str first, rest;

	str_cut(s, '\n', &first, &rest);
	return cri_take(first, &l);
}
