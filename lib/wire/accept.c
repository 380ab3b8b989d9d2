/* SPDX-License-Identifier: MIT */
#include "wire/accept.h"

static bool names(struct str list, struct str type)
{
	struct str one, media, rest;

	while (list.n) {
		str_cut(list, ',', &one, &list);
		str_cut(one, ';', &media, &rest);
		if (str_eq_nocase(str_trim(media, " \t"), type))
			return true;
	}
	return false;
}

bool http_accepts(const struct http_head *h, const char *type)
{
	for (size_t i = 0; i < h->nfields; i++)
		if (str_eq_nocase(h->fields[i].name, STR("Accept")) &&
		    names(h->fields[i].value, str_of(type)))
			return true;
	return false;
}
