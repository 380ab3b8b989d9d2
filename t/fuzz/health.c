/* SPDX-License-Identifier: MIT */
/* The first bytes of an answer: a status or none, and what the stricter
 * reader of whole answers takes is taken here as well. */
#include "keep/health.h"
#include "wire/http.h"

#include <string.h>

#include "base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = { (const char *)data, size };
	struct str cut = str_take(in, HEALTH_LINE_MAX);
	static struct http_head h;
	int status = health_status(cut);

	if (status && (status < 100 || status > 599))
		BUG("no such status");
	if (status && health_status(in) != status)
		BUG("more bytes change it");
	if (http_response(&h, in, STR("GET"), NULL) > 0 && h.status < 600 &&
	    h.status != status)
		BUG("another status than the answer's");
	return 0;
}
