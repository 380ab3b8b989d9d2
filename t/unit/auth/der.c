/* SPDX-License-Identifier: MIT */
#include "auth/der.h"

#include "base/arena.h"

#include <string.h>

#include "tap.h"

#define OID "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"
#define NUL "\x05\x00"

static struct arena arena;

/* Elements, however odd. */

static struct str join(struct str a, struct str b)
{
	char *p = arena_alloc(&arena, a.n + b.n + 1);

	if (a.n)
		memcpy(p, a.p, a.n);
	if (b.n)
		memcpy(p + a.n, b.p, b.n);
	return (struct str){ p, a.n + b.n };
}

static struct str el(unsigned tag, struct str body)
{
	const char head[] = { (char)tag, (char)0x82, (char)(body.n >> 8),
			      (char)body.n };
	const char shorter[] = { (char)tag, (char)0x81, (char)body.n };
	const char shortest[] = { (char)tag, (char)body.n };

	if (body.n > 0xff)
		return join((struct str){ head, 4 }, body);
	if (body.n > 0x7f)
		return join((struct str){ shorter, 3 }, body);
	return join((struct str){ shortest, 2 }, body);
}

/* A number of that many bits, odd unless last says otherwise. */
static struct str number(size_t bits, unsigned last)
{
	size_t n = (bits + 7) / 8;
	char *p = arena_alloc(&arena, n);

	for (size_t i = 0; i < n; i++)
		p[i] = (char)(i * 41 + bits);
	p[0] = (char)(1u << ((bits + 7) % 8));
	p[n - 1] = (char)(n == 1 ? last | (unsigned char)p[0] : last);
	return (struct str){ p, n };
}

static struct str uint(struct str v)
{
	return el(DER_INTEGER, !v.n || v.p[0] & 0x80 ? join(STR("\0"), v) : v);
}

static struct rsa_private made(size_t bits)
{
	return (struct rsa_private){
		.pub = { number(bits, 0x55), STR("\1\0\1") },
		.d = number(bits - 3, 0x31), .p = number((bits + 1) / 2, 0x11),
		.q = number((bits + 1) / 2, 0x13), .dp = number(bits / 2 - 1, 0x20),
		.dq = number(bits / 2 - 9, 0x21), .iq = number(bits / 2 - 2, 2),
	};
}

static struct str parts(const struct rsa_private *k)
{
	const struct str all[] = { STR_NULL, k->pub.n, k->pub.e, k->d, k->p,
				   k->q, k->dp, k->dq, k->iq };
	struct str s = STR_NULL;

	for (size_t i = 0; i < LEN(all); i++)
		s = join(s, uint(all[i]));
	return s;
}

static struct str pkcs1(const struct rsa_private *k)
{
	return el(DER_SEQUENCE, parts(k));
}

static struct str algorithm(void)
{
	return el(DER_SEQUENCE, STR(OID NUL));
}

/* version, algorithm, key, and what may follow */
static struct str pkcs8_of(struct str version, struct str alg, struct str key,
			   struct str more)
{
	return el(DER_SEQUENCE, join(join(version, alg),
				     join(el(DER_OCTETS, key), more)));
}

static struct str pkcs8(const struct rsa_private *k)
{
	return pkcs8_of(uint(STR_NULL), algorithm(), pkcs1(k), STR_NULL);
}

static struct str spki_of(struct str alg, struct str bits)
{
	return el(DER_SEQUENCE, join(alg, el(DER_BITS, bits)));
}

static struct str public_key(struct str n, struct str e)
{
	return el(DER_SEQUENCE, join(uint(n), uint(e)));
}

static struct str spki(struct str n, struct str e)
{
	return spki_of(algorithm(), join(STR("\0"), public_key(n, e)));
}

static bool same_public(const struct rsa_public *a, const struct rsa_public *b)
{
	return str_eq(a->n, b->n) && str_eq(a->e, b->e);
}

static bool same(const struct rsa_private *a, const struct rsa_private *b)
{
	return same_public(&a->pub, &b->pub) && str_eq(a->d, b->d) &&
	       str_eq(a->p, b->p) && str_eq(a->q, b->q) &&
	       str_eq(a->dp, b->dp) && str_eq(a->dq, b->dq) &&
	       str_eq(a->iq, b->iq);
}

/* Elements */

static const struct { const char *name; const char *in; size_t n;
		      bool good; size_t body; } elements[] = {
	{ "empty", "", 0, false, 0 },
	{ "a tag alone", "\x02", 1, false, 0 },
	{ "no body", "\x05\x00", 2, true, 0 },
	{ "a byte", "\x02\x01\x07", 3, true, 1 },
	{ "cut", "\x02\x02\x07", 3, false, 0 },
	{ "more behind", "\x02\x01\x07\x07", 4, true, 1 },
	{ "no length of its own", "\x30\x80\x05\x00\x00\x00", 6, false, 0 },
	{ "a long form that is short", "\x02\x81\x01\x07", 4, false, 0 },
	{ "a zero in front", "\x02\x82\x00\x80", 4, false, 0 },
	{ "too many length bytes", "\x02\x84\x00\x00\x00\x01\x07", 7, false,
	  0 },
	{ "huge", "\x02\x83\xff\xff\xff\x07", 6, false, 0 },
	{ "no end of length", "\x02\xff", 2, false, 0 },
	{ "a cut length", "\x02\x82\x01", 3, false, 0 },
	{ "a tag that goes on", "\x1f\x81\x01\x00", 4, false, 0 },
};

static void reader(void)
{
	char big[200] = "\x04\x81\x81";

	for (size_t i = 0; i < LEN(elements); i++) {
		struct str in = guarded(0, (struct str){ elements[i].in,
							 elements[i].n });
		struct str rest = in, body = STR_NULL;
		unsigned tag;
		bool good = der_next(&rest, &tag, &body);

		ok(good == elements[i].good, "%s", elements[i].name);
		ok(good ? body.n == elements[i].body && tag ==
			  (unsigned char)in.p[0] :
		   rest.n == in.n && rest.p == in.p, "%s",
		   good ? "its body" : "nothing is taken");
	}
	for (size_t n = 131; n <= 133; n++) {
		struct str rest = guarded(0, (struct str){ big, n }), body;

		ok(der_take(&rest, DER_OCTETS, &body) == (n >= 132) &&
		   rest.n == (n < 132 ? n : n - 132),
		   "129 bytes of body in %zu", n);
	}
}

static const struct { const char *name, *in; size_t n; bool good;
		      size_t value; } uints[] = {
	{ "zero", "\x02\x01\x00", 3, true, 0 },
	{ "one", "\x02\x01\x01", 3, true, 1 },
	{ "127", "\x02\x01\x7f", 3, true, 1 },
	{ "-128", "\x02\x01\x80", 3, false, 0 },
	{ "128", "\x02\x02\x00\x80", 4, true, 1 },
	{ "127 with a zero", "\x02\x02\x00\x7f", 4, false, 0 },
	{ "zero twice", "\x02\x02\x00\x00", 4, false, 0 },
	{ "128 with two", "\x02\x03\x00\x00\x80", 5, false, 0 },
	{ "none", "\x02\x00", 2, false, 0 },
	{ "another tag", "\x04\x01\x01", 3, false, 0 },
};

static void numbers(void)
{
	for (size_t i = 0; i < LEN(uints); i++) {
		struct str rest = guarded(0, (struct str){ uints[i].in,
							   uints[i].n });
		struct str v = STR_NULL;
		size_t n = rest.n;

		ok(der_uint(&rest, &v) == uints[i].good &&
		   (uints[i].good ? v.n == uints[i].value && !rest.n :
				    rest.n == n), "%s", uints[i].name);
	}
}

/* Keys */

static void sizes(void)
{
	static const struct { size_t bits; bool good; } all[] = {
		{ 512, false }, { 1016, false }, { 1023, false },
		{ 1024, true }, { 1025, true }, { 1031, true }, { 2047, true },
		{ 2048, true }, { 3072, true }, { 4095, true }, { 4096, true },
		{ 4097, false }, { 4104, false }, { 8192, false },
		{ 16384, false },
	};
	struct rsa_private k, got;
	struct rsa_public pub;

	for (size_t i = 0; i < LEN(all); i++) {
		struct err e = { 0 };

		k = made(all[i].bits);
		ok(rsa_bits(&k.pub) == all[i].bits, "%zu bits", all[i].bits);
		ok(!rsa_read_pkcs8(&got, guarded(0, pkcs8(&k)), &e) ==
		   all[i].good && (all[i].good ? same(&k, &got) :
				   e.code == ERR_INVALID), "PKCS#8: %s",
		   e.msg);
		ok(!rsa_read_pkcs1(&got, guarded(0, pkcs1(&k)), &e) ==
		   all[i].good && (!all[i].good || same(&k, &got)), "PKCS#1");
		ok(!rsa_read_spki(&pub, guarded(0, spki(k.pub.n, k.pub.e)),
				  &e) == all[i].good &&
		   (!all[i].good || same_public(&k.pub, &pub)), "SPKI");
	}
}

static void writers(void)
{
	static const size_t bits[] = { 1024, 1025, 2048, 4096 };
	char out[RSA_DER_MAX], more[RSA_DER_MAX];

	for (size_t i = 0; i < LEN(bits); i++) {
		struct rsa_private k = made(bits[i]);
		struct str want = pkcs8(&k);
		size_t n = rsa_write_pkcs8(&k, out, sizeof out);

		ok(str_eq(want, (struct str){ out, n }),
		   "PKCS#8 of %zu bits: %zu bytes", bits[i], n);
		ok(rsa_write_pkcs8(&k, more, n) == n && !memcmp(out, more, n),
		   "in room for exactly that");
		ok(!rsa_write_pkcs8(&k, more, n - 1), "not in one less");
		ok(!rsa_write_pkcs8(&k, more, 3), "nor in three bytes");
		want = spki(k.pub.n, k.pub.e);
		n = rsa_write_spki(&k.pub, out, sizeof out);
		ok(str_eq(want, (struct str){ out, n }),
		   "SPKI: %zu bytes", n);
		ok(rsa_write_spki(&k.pub, more, n) == n &&
		   !rsa_write_spki(&k.pub, more, n - 1) &&
		   !rsa_write_spki(&k.pub, more, 0), "so is the room for it");
	}
}

/* Cut anywhere, each of its bytes missing, or one too many. */
static void torn(const char *name, struct str good,
		 int (*read)(struct str, struct err *))
{
	size_t cut = 0, lost = 0;
	struct err e = { 0 };

	for (size_t n = 0; n < good.n; n++) {
		struct str without = join(str_take(good, n),
					  str_skip(good, n + 1));

		cut += read(guarded(0, str_take(good, n)), &e) < 0 &&
		       e.code == ERR_INVALID && e.msg[0];
		lost += read(guarded(0, without), &e) < 0;
	}
	ok(read(guarded(0, good), &e) == 0, "%s is read", name);
	ok(cut == good.n, "cut anywhere: %zu of %zu refused", cut, good.n);
	ok(lost == good.n, "without a byte: %zu of %zu refused", lost, good.n);
	ok(read(guarded(0, join(good, STR("\0"))), &e) < 0,
	   "with one behind: %s", e.msg);
}

static int try_pkcs8(struct str s, struct err *e)
{
	struct rsa_private k;

	return rsa_read_pkcs8(&k, s, e);
}

static int try_pkcs1(struct str s, struct err *e)
{
	struct rsa_private k;

	return rsa_read_pkcs1(&k, s, e);
}

static int try_spki(struct str s, struct err *e)
{
	struct rsa_public k;

	return rsa_read_spki(&k, s, e);
}

static void refused(const char *what, int (*read)(struct str, struct err *),
		    struct str der)
{
	struct err e = { 0 };

	ok(read(guarded(0, der), &e) < 0 && e.code == ERR_INVALID && e.msg[0],
	   "%s: %s", what, e.msg);
}

static void odd_public(void)
{
	struct str n = number(2048, 0x55), e = STR("\1\0\1"), key;
	struct rsa_public k;

	key = join(STR("\0"), public_key(n, e));
	refused("an even modulus", try_spki, spki(number(2048, 2), e));
	refused("no exponent", try_spki, spki(n, STR_NULL));
	refused("exponent 1", try_spki, spki(n, STR("\1")));
	refused("exponent 4", try_spki, spki(n, STR("\4")));
	refused("exponent of 9 bytes", try_spki, spki(n, number(65, 1)));
	ok(!rsa_read_spki(&k, spki(n, number(64, 1)), NULL), "of 8: taken");
	ok(!rsa_read_spki(&k, spki(n, STR("\3")), NULL), "3: taken");
	ok(!rsa_read_spki(&k, spki_of(el(DER_SEQUENCE, STR(OID)), key), NULL),
	   "no parameters: taken");
	refused("bits left over", try_spki, spki_of(algorithm(),
		join(STR("\1"), public_key(n, e))));
	refused("no bits", try_spki, spki_of(algorithm(), STR_NULL));
	refused("parameters", try_spki, spki_of(el(DER_SEQUENCE,
		STR(OID "\x05\x01\x00")), key));
	refused("two parameters", try_spki, spki_of(el(DER_SEQUENCE,
		STR(OID NUL NUL)), key));
	refused("an elliptic curve", try_spki, spki_of(el(DER_SEQUENCE,
		STR("\x06\x07\x2a\x86\x48\xce\x3d\x02\x01")), key));
	refused("RSA-PSS", try_spki, spki_of(el(DER_SEQUENCE,
		STR("\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a")), key));
	refused("behind the exponent", try_spki, spki_of(algorithm(),
		join(STR("\0"), el(DER_SEQUENCE, join(join(uint(n), uint(e)),
						      uint(e))))));
	refused("a private key", try_spki, pkcs8(&(struct rsa_private){
		.pub = { n, e } }));
}

static void odd_private(void)
{
	const struct rsa_private good = made(2048);
	const struct { const char *name; size_t at; struct str v; } odd[] = {
		{ "p even", offsetof(struct rsa_private, p), number(1024, 2) },
		{ "q even", offsetof(struct rsa_private, q), number(1024, 2) },
		{ "p zero", offsetof(struct rsa_private, p), STR_NULL },
		{ "p as long as n", offsetof(struct rsa_private, p),
		  number(2048, 1) },
		{ "q too short", offsetof(struct rsa_private, q),
		  number(900, 1) },
		{ "no d", offsetof(struct rsa_private, d), STR_NULL },
		{ "d too long", offsetof(struct rsa_private, d),
		  number(2056, 1) },
		{ "no dp", offsetof(struct rsa_private, dp), STR_NULL },
		{ "dp too long", offsetof(struct rsa_private, dp),
		  number(1032, 1) },
		{ "dq too long", offsetof(struct rsa_private, dq),
		  number(1500, 1) },
		{ "no iq", offsetof(struct rsa_private, iq), STR_NULL },
		{ "iq huge", offsetof(struct rsa_private, iq),
		  number(16000, 1) },
	};

	for (size_t i = 0; i < LEN(odd); i++) {
		struct rsa_private k = good;

		memcpy((char *)&k + odd[i].at, &odd[i].v, sizeof odd[i].v);
		refused(odd[i].name, try_pkcs8, pkcs8(&k));
	}
	refused("more than two factors", try_pkcs1, el(DER_SEQUENCE,
		join(uint(STR("\1")), str_skip(parts(&good), 3))));
	refused("a number more", try_pkcs1, el(DER_SEQUENCE,
		join(parts(&good), uint(STR("\1")))));
	refused("version 1", try_pkcs8, pkcs8_of(uint(STR("\1")), algorithm(),
		pkcs1(&good), STR_NULL));
	refused("something else behind", try_pkcs8, pkcs8_of(uint(STR_NULL),
		algorithm(), pkcs1(&good), uint(STR("\1"))));
	ok(!try_pkcs8(pkcs8_of(uint(STR_NULL), algorithm(), pkcs1(&good),
			       el(DER_ATTRIBUTES, STR("x"))), NULL),
	   "attributes: taken");
	refused("PKCS#1 is not PKCS#8", try_pkcs8, pkcs1(&good));
	refused("nor the other way", try_pkcs1, pkcs8(&good));
	refused("text", try_pkcs8, STR("-----BEGIN PRIVATE KEY-----"));
}

int main(void)
{
	struct rsa_private k;

	arena_init(&arena, 64 << 20);
	k = made(1024);
	reader();
	numbers();
	sizes();
	writers();
	torn("PKCS#8", pkcs8(&k), try_pkcs8);
	torn("PKCS#1", pkcs1(&k), try_pkcs1);
	torn("SPKI", spki(k.pub.n, k.pub.e), try_spki);
	odd_public();
	odd_private();
	arena_release(&arena);
	return tap_done();
}
