/* SPDX-License-Identifier: MIT */
#include "base/b64.h"

#include <string.h>

#include "tap.h"

/* RFC 4648, section 10, and what tells the alphabets apart. */
static const struct {
	const char *bytes;
	size_t n;
	const char *std, *url;
} known[] = {
	{ "", 0, "", "" },
	{ "f", 1, "Zg==", "Zg" },
	{ "fo", 2, "Zm8=", "Zm8" },
	{ "foo", 3, "Zm9v", "Zm9v" },
	{ "foob", 4, "Zm9vYg==", "Zm9vYg" },
	{ "fooba", 5, "Zm9vYmE=", "Zm9vYmE" },
	{ "foobar", 6, "Zm9vYmFy", "Zm9vYmFy" },
	{ "\xfb\xef\xbe\xff", 4, "++++/w==", "----_w" },
	{ "\xff\xff\xff", 3, "////", "____" },
	{ "\0\0", 2, "AAA=", "AAA" },
};

static const struct { const char *text; bool std, url; } strict[] = {
	{ "Zg", false, true },
	{ "Zg==", true, false },
	{ "Zg=", false, false },
	{ "Zg===", false, false },
	{ "Zh==", false, false },               /* a bit that means nothing */
	{ "Zh", false, false },
	{ "Zm9=", false, false },
	{ "Zm9", false, false },
	{ "Z", false, false },
	{ "Zm9vY", false, false },
	{ "Z===", false, false },
	{ "====", false, false },
	{ "=", false, false },
	{ "Zg==Zg==", false, false },
	{ "Zm 9v", false, false },
	{ "Zm9v\n", false, false },
	{ " Zm9", false, false },
	{ "Zm9.", false, false },
	{ "Zm\xc3\xa9", false, false },
	{ "Zm9@", false, false },
	{ "Zm9[", false, false },
	{ "+/+/", true, false },
	{ "-_-_", false, true },
};

static void both_ways(void)
{
	for (size_t i = 0; i < LEN(known); i++) {
		struct str in = guarded(0, (struct str){ known[i].bytes,
			known[i].n });
		struct str std = guarded(1, str_of(known[i].std));
		struct str url = guarded(2, str_of(known[i].url));
		char text[16], bytes[8];
		size_t n;

		ok(b64_write(in, text, sizeof text) == std.n &&
		   str_is(std, text), "standard: %s", known[i].std);
		ok(b64u_write(in, text, sizeof text) == url.n &&
		   str_is(url, text), "url: %s", known[i].url);
		ok(b64_read(std, bytes, sizeof bytes, &n) &&
		   str_eq(in, (struct str){ bytes, n }), "and back");
		ok(b64u_read(url, bytes, sizeof bytes, &n) &&
		   str_eq(in, (struct str){ bytes, n }), "and back");
	}
}

static void strictness(void)
{
	char bytes[8];
	size_t n;

	for (size_t i = 0; i < LEN(strict); i++) {
		struct str s = guarded(0, str_of(strict[i].text));

		ok(b64_read(s, bytes, sizeof bytes, &n) == strict[i].std,
		   "standard: %zu", i);
		ok(b64u_read(s, bytes, sizeof bytes, &n) == strict[i].url,
		   "url: %zu", i);
	}
	ok(!b64u_read(STR("Zm\0v"), bytes, sizeof bytes, &n), "a NUL");
}

/* Each length, with room for exactly that and for one byte less. */
static void bounds(void)
{
	bool text_fits = true, text_cut = true, fits = true, cut = true;
	char bytes[64], back[64], text[100];
	size_t k, n;

	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (char)(i * 37 + 200);
	for (n = 1; n <= sizeof bytes; n++) {
		struct str in = { bytes, n };

		text_cut &= b64u_write(in, text, B64U_SIZE(n) - 1) == 0 &&
			    !text[0];
		text_cut &= b64_write(in, text, B64_SIZE(n) - 1) == 0 &&
			    !text[0];
		k = b64u_write(in, text, B64U_SIZE(n));
		text_fits &= k + 1 == B64U_SIZE(n) && !text[k];
		cut &= !b64u_read((struct str){ text, k }, back, n - 1, &k);
		k = B64U_SIZE(n) - 1;
		fits &= b64u_read((struct str){ text, k }, back, n, &k) &&
			str_eq(in, (struct str){ back, k });
		k = b64_write(in, text, B64_SIZE(n));
		text_fits &= k + 1 == B64_SIZE(n) && !text[k];
		cut &= !b64_read((struct str){ text, k }, back, n - 1, &k);
		k = B64_SIZE(n) - 1;
		fits &= b64_read((struct str){ text, k }, back, n, &k) &&
			str_eq(in, (struct str){ back, k });
	}
	ok(text_fits, "the sizes say what a text takes");
	ok(text_cut, "with one less nothing is written");
	ok(fits, "what fits exactly is read");
	ok(cut, "what does not is refused");
	ok(b64u_write(STR("f"), text, 0) == 0, "no room at all");
}

/* Of all texts of four characters, those that are read are written again. */
static void one_text_a_value(void)
{
	static const char some[] = "ABQgwz019-_+/= \n\0\xff";
	unsigned read = 0, other = 0;
	char text[5], bytes[3], again[8];
	size_t n;

	for (size_t i = 0; i < sizeof some * sizeof some * sizeof some *
			       sizeof some; i++) {
		size_t v = i;

		for (size_t j = 0; j < 4; j++, v /= sizeof some)
			text[j] = some[v % sizeof some];
		if (b64_read((struct str){ text, 4 }, bytes, 3, &n)) {
			b64_write((struct str){ bytes, n }, again,
				  sizeof again);
			read++;
			other += memcmp(again, text, 4) != 0;
		}
		if (b64u_read((struct str){ text, 4 }, bytes, 3, &n)) {
			b64u_write((struct str){ bytes, n }, again,
				   sizeof again);
			read++;
			other += memcmp(again, text, 4) != 0;
		}
	}
	ok(read > 20000 && !other, "%u texts read, %u written otherwise",
	   read, other);
}

int main(void)
{
	both_ways();
	strictness();
	bounds();
	one_text_a_value();
	return tap_done();
}
