/* SPDX-License-Identifier: MIT */
/* A time that is read is written and read again as the same; the first eight
 * bytes, as a number, are a time that every writer can write. */
#include "wire/date.h"

#include <string.h>

#include "base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int64_t t)
{
	char iso[DATE_ISO_SIZE], cri[DATE_CRI_SIZE], http[DATE_HTTP_SIZE];
	char span[DATE_SPAN_SIZE], more[DATE_ISO_SIZE];
	int64_t back;

	date_cri(t, cri);
	if (!date_parse(str_of(cri), &back) || back != t)
		BUG("nanoseconds do not come back");
	date_iso(t, iso);
	date_http(t, http);
	date_span(t, span);
	if (strlen(iso) != sizeof iso - 1 || strlen(http) != sizeof http - 1 ||
	    !span[0])
		BUG("an odd length");
	if (!date_parse(str_of(iso), &back))
		return;
	date_iso(t / 1000000, iso);
	date_parse(str_of(iso), &back);
	date_iso(back / 1000000, more);
	if (strcmp(iso, more) != 0)
		BUG("milliseconds do not come back");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int64_t t;

	if (date_parse((struct str){ (const char *)data, size }, &t))
		check(t);
	if (size >= sizeof t) {
		memcpy(&t, data, sizeof t);
		check(t);
	}
	return 0;
}
