/* SPDX-License-Identifier: MIT */
/* Each pair found is one that an environment can hold, from within the text,
 * and the lines are counted. */
#include "wire/env.h"

#include "base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool within(struct str part, struct str whole)
{
	return part.p >= whole.p && part.p + part.n <= whole.p + whole.n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = { (const char *)data, size }, rest = text;
	struct str key, value;
	unsigned line = 0, lines = 0;

	while (env_next(&rest, &line, &key, &value)) {
		if (!key.n || !within(key, text) || !within(value, text) ||
		    !within(rest, text))
			BUG("a pair from elsewhere");
		for (size_t i = 0; i < key.n; i++)
			if ((unsigned char)key.p[i] <= ' ' || key.p[i] == '=' ||
			    key.p[i] == '#' || key.p[i] == 0x7f)
				BUG("not a name");
		if (str_find(value, '\0') >= 0 || str_find(value, '\n') >= 0)
			BUG("not a value");
	}
	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n' || i + 1 == size;
	if (rest.n || line != lines)
		BUG("lines lost");
	return 0;
}
