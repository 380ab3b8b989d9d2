/* SPDX-License-Identifier: MIT */
/* Keys and signatures, against openssl as a process of its own. */
#include "auth/keys.h"

#include "base/b64.h"
#include "unit/auth/scratch.h"

static struct arena arena;
static int dir;

static struct str keep(const char *text)
{
	return arena_str(&arena, str_of(text));
}

/* RFC 7515, appendix A.2: the modulus, what was signed, the signature. */
static const char a2_n[] =
	"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw"
	"-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b3269"
	"0r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS"
	"-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aG"
	"hyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXp"
	"oQ";
static const char a2_text[] =
	"eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQo"
	"gImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
static const char a2_signature[] =
	"cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuH"
	"Im4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdi"
	"uB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN"
	"9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2"
	"w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77"
	"Rw";

static void known(void)
{
	struct key_public k = { .e_len = 3, .e = { 1, 0, 1 } };
	struct str text = str_of(a2_text);
	char signature[RSA_BYTES_MAX];
	unsigned char hash[SHA256_SIZE];
	unsigned refused = 0, shorter = 0;
	char hex[2 * SHA256_SIZE + 1];
	size_t n;

	sha256(STR("abc"), hash);
	for (size_t i = 0; i < sizeof hash; i++)
		snprintf(hex + 2 * i, 3, "%02x", hash[i]);
	ok(!strcmp(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410"
		   "ff61f20015ad"), "SHA-256 of abc");
	b64u_read(str_of(a2_n), k.n, sizeof k.n, &k.n_len);
	b64u_read(str_of(a2_signature), signature, sizeof signature, &n);
	ok(n == 256 && key_verify(&k, text, (struct str){ signature, n }),
	   "the signature of RFC 7515 A.2");
	ok(!key_verify(&k, STR("eyJhbGciOiJSUzI1NiJ9."),
		       (struct str){ signature, n }), "not for another text");
	for (size_t i = 0; i < n; i++) {
		signature[i] ^= 1;
		refused += !key_verify(&k, text,
				       (struct str){ signature, n });
		signature[i] ^= 1;
		shorter += !key_verify(&k, text,
				       (struct str){ signature, i });
	}
	ok(refused == n, "nor with a bit of it turned: %u of %zu", refused, n);
	ok(shorter == n, "nor cut: %u of %zu", shorter, n);
	ok(!key_verify(&k, text, (struct str){ signature, n + 1 }),
	   "nor with a byte more");
	memset(signature, 0, sizeof signature);
	ok(!key_verify(&k, text, (struct str){ signature, n }), "zeros");
	memset(signature, 0xff, sizeof signature);
	ok(!key_verify(&k, text, (struct str){ signature, n }),
	   "more than the modulus");
}

static struct key_pair a_pair(void)
{
	struct err e = { 0 };
	struct key_pair k;

	ok(!key_make(&k, &arena, &e), "a key is made: %s", e.msg);
	return k;
}

/* Texts whose hashes begin or end as that of another's: all of it counts. */
static void alike(void)
{
	struct key_pair k = a_pair();
	unsigned char want[SHA256_SIZE], got[SHA256_SIZE];
	char signature[RSA_BYTES_MAX], text[20];
	unsigned first = 0, last = 0, taken = 0;
	struct key_public pub;
	size_t n = 0;

	ok(!key_sign(k.private_pem, STR("x"), signature, &n, NULL) &&
	   !key_read(&pub, k.public_pem, NULL), "signed");
	sha256(STR("x"), want);
	for (unsigned i = 0; first < 2 || last < 2; i++) {
		snprintf(text, sizeof text, "%u", i);
		sha256(str_of(text), got);
		if (got[0] != want[0] && got[31] != want[31])
			continue;
		first += got[0] == want[0];
		last += got[31] == want[31];
		taken += key_verify(&pub, str_of(text),
				    (struct str){ signature, n });
	}
	ok(!taken, "no hash that is like it in a byte");
}

static bool pem_is(struct str pem, const char *label)
{
	struct str line, rest = pem;
	char first[60], last[60];
	bool good, full = true;
	size_t lines = 0;

	snprintf(first, sizeof first, "-----BEGIN %s-----", label);
	snprintf(last, sizeof last, "-----END %s-----", label);
	good = str_cut(rest, '\n', &line, &rest) && str_is(line, first);
	while (good && str_cut(rest, '\n', &line, &rest) &&
	       !str_is(line, last)) {
		/* All but the last have 64. */
		good = full && line.n && line.n <= 64;
		full = line.n == 64;
		lines++;
	}
	return good && lines && str_is(line, last) && !rest.n;
}

static void made(void)
{
	struct key_pair k = a_pair(), other = a_pair();
	char signature[RSA_BYTES_MAX], kid[KID_SIZE];
	struct str text = STR("signed by us");
	struct key_public pub;
	struct err e = { 0 };
	size_t n = 0;

	ok(pem_is(k.public_pem, "PUBLIC KEY") &&
	   pem_is(k.private_pem, "PRIVATE KEY"), "64 columns, LF to the end");
	ok(!str_eq(k.public_pem, other.public_pem) &&
	   strcmp(k.kid, other.kid) != 0, "each is another");
	put_str(dir, "pub", k.public_pem);
	put_str(dir, "key", k.private_pem);
	put(dir, "text", "signed by us");
	ok(!sh("openssl pkey -check -noout -in key"), "openssl finds the "
	   "private key sound: %s", said(dir));
	ok(!sh("openssl pkey -text -noout -in key | "
	       "grep -e '(2048 bit, 2 primes)' -e 'publicExponent: 65537' | "
	       "grep -c . | grep -qx 2"), "2048 bits, 65537");
	ok(!sh("openssl pkey -in key -pubout | cmp - pub"),
	   "the public one is what openssl writes, to the byte");
	ok(!sh("openssl pkey -in key -out again && cmp again key"),
	   "and the private one, too");
	ok(!sh("openssl dgst -sha256 -binary pub | base64 -w0 | "
	       "tr '+/' '-_' | tr -d '=' | tr -d '\\n' >kid") &&
	   is_text(keep(get(dir, "kid")), k.kid), "kid: %s", k.kid);

	ok(!key_sign(k.private_pem, text, signature, &n, &e) && n == 256,
	   "signed: %s", e.msg);
	put_str(dir, "sig", (struct str){ signature, n });
	ok(!sh("openssl dgst -sha256 -verify pub -signature sig text"),
	   "openssl verifies it: %s", said(dir));
	ok(!key_read(&pub, k.public_pem, &e) &&
	   key_verify(&pub, text, (struct str){ signature, n }), "so do we");
	key_read(&pub, other.public_pem, &e);
	ok(!key_verify(&pub, text, (struct str){ signature, n }),
	   "not with another key");
	key_id(k.public_pem, kid);
	ok(!strcmp(kid, k.kid), "the kid is that of the text");
	key_wipe(k.private_pem);
	ok(k.private_pem.p[0] == 0 && k.private_pem.p[k.private_pem.n / 2] ==
	   0, "wiped");
}

/* Keys of openssl's, of all sizes and in both forms. */
static void theirs(void)
{
	static const struct { unsigned bits; bool good; } sizes[] = {
		{ 512, false }, { 1024, true }, { 1025, true },
		{ 2047, true }, { 3072, true }, { 4096, true },
	};
	static const char *const forms[] = { "p1", "p8" };
	struct str text = STR("signed by openssl's key");
	char signature[RSA_BYTES_MAX];
	struct key_public pub;
	struct err e = { 0 };
	size_t n = 0;

	put_str(dir, "text", text);
	for (size_t i = 0; i < LEN(sizes); i++) {
		unsigned bits = sizes[i].bits;

		ok(!sh("openssl genrsa -traditional -out p1 %u && "
		       "openssl pkey -in p1 -out p8 && "
		       "openssl pkey -in p1 -pubout -out pub", bits) &&
		   strstr(get(dir, "p1"), "RSA PRIVATE"), "%u bits", bits);
		for (size_t f = 0; f < LEN(forms); f++) {
			ok(!key_sign(keep(get(dir, forms[f])), text,
				     signature, &n, &e) == sizes[i].good,
			   "%s signs: %s", forms[f], e.msg);
			put_str(dir, "sig", (struct str){ signature, n });
			ok(!sizes[i].good || !sh("openssl dgst -sha256 "
				"-verify pub -signature sig text"),
			   "openssl verifies: %s", said(dir));
		}
		ok(!key_read(&pub, keep(get(dir, "pub")), &e) ==
		   sizes[i].good, "the public one: %s", e.msg);
		sh("openssl dgst -sha256 -sign p8 -out sig text");
		if (sizes[i].good)
			ok(key_verify(&pub, text, (struct str){
				arena_str(&arena, (struct str){
					get(dir, "sig"), pub.n_len }).p,
				pub.n_len }), "what openssl signed");
	}
}

/* Of 8192 bits: as a file is, with numbers that nobody needs to find. */
static void huge(void)
{
	static char digits[1024], der[RSA_DER_MAX], text[B64_SIZE(RSA_DER_MAX)];
	static char pem[B64_SIZE(RSA_DER_MAX) + 100];
	struct str whole = { digits, 1024 }, half = { digits, 512 };
	struct rsa_private k = { { whole, STR("\1\0\1") }, whole, half, half,
				 half, half, half };
	char signature[RSA_BYTES_MAX];
	struct err e = { 0 };
	size_t n;

	memset(digits, 0xa5, sizeof digits);
	n = rsa_write_pkcs8(&k, der, sizeof der);
	b64_write((struct str){ der, n }, text, sizeof text);
	snprintf(pem, sizeof pem, "-----BEGIN PRIVATE KEY-----\n%s\n"
		 "-----END PRIVATE KEY-----\n", text);
	ok(n > 4000 && key_sign(str_of(pem), STR("x"), signature, &n, &e) <
	   0 && e.code == ERR_INVALID && strstr(e.msg, "8192"), "%s", e.msg);
}

/* Padding as only RFC 8017 has it: what openssl signs as it stands. */
static void padding(void)
{
	static const char info[] = "3031300d060960864801650304020105000420";
	static const char bare[] = "302f300b0609608648016503040201" "0420";
	static const char hash[] = "ba7816bf8f01cfea414140de5dae2223b00361a396"
				   "177a9cb410ff61f20015ad";
	static const struct {
		const char *name, *head, *info;
		unsigned fill;
		const char *behind;
		bool good;
	} all[] = {
		{ "as it should be", "0001", info, 74, "", true },
		{ "no NULL", "0001", bare, 76, "", true },
		{ "block type 2", "0002", info, 74, "", false },
		{ "first byte 1", "0101", info, 74, "", false },
		{ "short padding, the rest behind", "0001", info, 8,
		  "000000000000000000000000000000000000000000000000000000000000"
		  "000000000000000000000000000000000000000000000000000000000000"
		  "000000000000", false },
		{ "a byte behind", "0001", info, 73, "00", false },
		{ "SHA-1's name", "0001",
		  "3021300906052b0e03021a05000414", 78, "", false },
		{ "no name", "0001", "", 93, "", false },
	};
	struct key_public pub;
	struct err e = { 0 };

	ok(!sh("openssl genrsa -out p8 1024 && openssl pkey -in p8 -pubout "
	       "-out pub") && !key_read(&pub, keep(get(dir, "pub")), &e),
	   "a key: %s", e.msg);
	for (size_t i = 0; i < LEN(all); i++) {
		char block[600];
		int n = snprintf(block, sizeof block, "%s", all[i].head);

		for (unsigned f = 0; f < all[i].fill; f++)
			n += snprintf(block + n, sizeof block - (size_t)n,
				      "ff");
		n += snprintf(block + n, sizeof block - (size_t)n,
			      "00%s%s%s", all[i].info, hash, all[i].behind);
		ok(n == 256 || all[i].info[3] == '2', "%s: %d digits",
		   all[i].name, n);
		block[256] = '\0';
		put(dir, "hex", block);
		ok(!sh("python3 -c 'import sys; sys.stdout.buffer.write("
		       "bytes.fromhex(open(\"hex\").read()))' >block && "
		       "openssl pkeyutl -decrypt -inkey p8 -in block -out sig "
		       "-pkeyopt rsa_padding_mode:none"), "%s",
		   said(dir));
		ok(key_verify(&pub, STR("abc"), (struct str){
			arena_str(&arena, (struct str){ get(dir, "sig"),
							128 }).p, 128 }) ==
		   all[i].good, "%s: %s", all[i].name,
		   all[i].good ? "verified" : "refused");
	}
}

/* PEM */

static struct str edit(struct str pem, const char *from, const char *to)
{
	static char text[20000];
	char *at, was[8000];

	str_to_c(pem, was, sizeof was);
	at = strstr(was, from);
	if (!at)
		return STR_NULL;
	snprintf(text, sizeof text, "%.*s%s%s", (int)(at - was), was, to,
		 at + strlen(from));
	return arena_str(&arena, str_of(text));
}

static void wrapped(struct str pem)
{
	struct key_public pub;
	struct err e = { 0 };
	struct str s;

	sh("sed 's/$/\\r/' pub >crlf; { sed 1q pub; sed '1d;$d' pub | "
	   "tr -d '\\n'; echo; sed -n '$p' pub; } >line; "
	   "printf '\\n\\n  ' | cat - pub >blank");
	ok(!key_read(&pub, keep(get(dir, "crlf")), &e), "CRLF: %s", e.msg);
	ok(!key_read(&pub, keep(get(dir, "line")), &e), "one line: %s", e.msg);
	ok(!key_read(&pub, keep(get(dir, "blank")), &e), "white space around "
	   "it: %s", e.msg);
	s = str_take(pem, pem.n - 1);
	ok(!key_read(&pub, s, &e), "no last LF");
}

static void pem_refused(struct str pem)
{
	const struct { const char *name; struct str pem; } bad[] = {
		{ "nothing", STR_NULL },
		{ "text", STR("ssh-rsa AAAA") },
		{ "a NUL", STR("-----BEGIN PUBLIC KEY-----\n\0") },
		{ "no end", edit(pem, "-----END", "") },
		{ "another end", edit(pem, "END PUBLIC", "END RSA PUBLIC") },
		{ "another label", edit(pem, "BEGIN PUBLIC", "BEGIN RSA") },
		{ "a header", edit(pem, "KEY-----\n",
				   "KEY-----\nProc-Type: 4,ENCRYPTED\n\n") },
		{ "text before", edit(pem, "-----BEGIN", "x\n-----BEGIN") },
		{ "text behind", edit(pem, "END PUBLIC KEY-----",
				      "END PUBLIC KEY-----\nx") },
		{ "a character lost", edit(pem, "MII", "MI") },
		{ "another alphabet", edit(pem, "MII", "M-I") },
		{ "padding within", edit(pem, "MII", "MII=") },
		{ "empty", STR("-----BEGIN PUBLIC KEY-----\n"
			       "-----END PUBLIC KEY-----\n") },
	};
	unsigned cut = 0;
	struct key_public pub;
	struct err e = { 0 };

	for (size_t i = 0; i < LEN(bad); i++)
		ok(key_read(&pub, guarded(0, bad[i].pem), &e) < 0 &&
		   e.code == ERR_INVALID, "%s: %s", bad[i].name, e.msg);
	for (size_t n = 0; n < pem.n - 1; n++)
		cut += key_read(&pub, guarded(0, str_take(pem, n)), &e) < 0;
	ok(cut == pem.n - 1, "cut anywhere: %u of %zu", cut, pem.n - 1);
}

static void pem_text(void)
{
	struct key_pair k = a_pair();
	char signature[RSA_BYTES_MAX];
	struct key_public pub;
	struct err e = { 0 };
	size_t n;

	put_str(dir, "pub", k.public_pem);
	wrapped(k.public_pem);
	pem_refused(k.public_pem);
	ok(key_read(&pub, k.private_pem, &e) < 0, "a private key is no public "
	   "one: %s", e.msg);
	ok(key_sign(k.public_pem, STR("x"), signature, &n, &e) < 0,
	   "nor the other way: %s", e.msg);
	sh("openssl ecparam -genkey -name prime256v1 -noout | "
	   "openssl pkcs8 -topk8 -nocrypt -out ec; "
	   "openssl pkey -in ec -pubout -out ecpub");
	ok(key_sign(keep(get(dir, "ec")), STR("x"), signature, &n, &e) < 0 &&
	   e.code == ERR_INVALID, "another kind of key: %s", e.msg);
	ok(key_read(&pub, keep(get(dir, "ecpub")), &e) < 0, "%s", e.msg);
}

/* A key of which one part belongs to another: whatever the arithmetic makes
 * of it, no signature comes out. */
static void mixed(void)
{
	static char der[2][RSA_DER_MAX], mix[RSA_DER_MAX];
	static char text[B64_SIZE(RSA_DER_MAX)];
	static char pem[B64_SIZE(RSA_DER_MAX) + 100];
	char signature[RSA_BYTES_MAX];
	struct rsa_private k[2], odd;
	struct err e = { 0 };
	struct str *part;
	size_t n, refused = 0;

	for (int i = 0; i < 2; i++) {
		ok(!sh("openssl genrsa 1024 | openssl pkcs8 -topk8 -nocrypt "
		       "-outform DER -out der"), "a key: %s", said(dir));
		sh("wc -c <der");
		n = (size_t)atoi(get(dir, "out"));
		memcpy(der[i], get(dir, "der"), n);
		ok(!rsa_read_pkcs8(&k[i], (struct str){ der[i], n }, &e),
		   "read: %s", e.msg);
	}
	for (size_t i = 0; i < 8; i++) {
		odd = k[0];
		part = (struct str *)(void *)&odd + i;
		*part = ((struct str *)(void *)&k[1])[i];
		if (i == 1)
			*part = STR("\3");
		n = rsa_write_pkcs8(&odd, mix, sizeof mix);
		b64_write((struct str){ mix, n }, text, sizeof text);
		snprintf(pem, sizeof pem, "-----BEGIN PRIVATE KEY-----\n%s\n"
			 "-----END PRIVATE KEY-----\n", text);
		/* d is not used; that one signs. */
		if (i != 2)
			refused += key_sign(str_of(pem), STR("x"), signature,
					    &n, &e) < 0;
	}
	ok(refused == 7, "%zu of 7 mixed keys refused: %s", refused, e.msg);
}

int main(void)
{
	alarm(300);
	dir = scratch();
	arena_init(&arena, 4 << 20);
	known();
	alike();
	made();
	theirs();
	huge();
	padding();
	pem_text();
	mixed();
	arena_release(&arena);
	return tap_done();
}
