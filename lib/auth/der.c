/* SPDX-License-Identifier: MIT */
#include "auth/der.h"

#include <string.h>

#define RSA_OID STR("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01")
#define LENGTH_BYTES 3          /* no key has more than 16 MiB */

static unsigned byte(struct str s, size_t at)
{
	return at < s.n ? (unsigned char)s.p[at] : 0;
}

/* X.690 8.1.3: one byte, or how many follow; 10.1: as short as can be. */
static bool take_length(struct str *rest, size_t *len)
{
	size_t k;

	if (!rest->n)
		return false;
	*len = byte(*rest, 0);
	*rest = str_skip(*rest, 1);
	if (*len < 0x80)
		return *len <= rest->n;
	k = *len & 0x7f;
	if (!k || k > LENGTH_BYTES || k > rest->n || !byte(*rest, 0))
		return false;
	*len = 0;
	for (size_t i = 0; i < k; i++)
		*len = *len << 8 | byte(*rest, i);
	*rest = str_skip(*rest, k);
	return *len >= 0x80 && *len <= rest->n;
}

bool der_next(struct str *rest, unsigned *tag, struct str *body)
{
	struct str left = str_skip(*rest, 1);
	size_t len;

	/* 31 would say that the tag goes on; no key has such. */
	if (!rest->n || (byte(*rest, 0) & 31) == 31 ||
	    !take_length(&left, &len))
		return false;
	*tag = byte(*rest, 0);
	*body = str_take(left, len);
	*rest = str_skip(left, len);
	return true;
}

bool der_take(struct str *rest, unsigned tag, struct str *body)
{
	struct str left = *rest;
	unsigned got;

	if (!der_next(&left, &got, body) || got != tag)
		return false;
	*rest = left;
	return true;
}

bool der_uint(struct str *rest, struct str *value)
{
	struct str left = *rest, v;

	if (!der_take(&left, DER_INTEGER, &v) || !v.n || byte(v, 0) > 0x7f)
		return false;
	if (v.n > 1 && !byte(v, 0) && byte(v, 1) < 0x80)
		return false;
	*rest = left;
	*value = str_skip(v, !byte(v, 0));
	return true;
}

static bool is_small(struct str v, unsigned want)
{
	return want ? v.n == 1 && byte(v, 0) == want : !v.n;
}

static bool is_odd(struct str v)
{
	return v.n && byte(v, v.n - 1) & 1;
}

/* What an AlgorithmIdentifier says; rsaEncryption has NULL for parameters,
 * which some leave out. */
static bool take_algorithm(struct str *rest)
{
	struct str left = *rest, id, oid, none;

	if (!der_take(&left, DER_SEQUENCE, &id) ||
	    !der_take(&id, DER_OID, &oid) || !str_eq(oid, RSA_OID))
		return false;
	if (id.n && (!der_take(&id, DER_NULL, &none) || none.n || id.n))
		return false;
	*rest = left;
	return true;
}

/* Not a sequence with nothing behind it: *body is empty. */
static void whole(struct str der, struct str *body)
{
	if (!der_take(&der, DER_SEQUENCE, body) || der.n)
		*body = STR_NULL;
}

unsigned rsa_bits(const struct rsa_public *k)
{
	unsigned bits = (unsigned)k->n.n * 8;

	for (unsigned b = byte(k->n, 0); k->n.n && b < 0x80; b <<= 1)
		if (!b || !bits--)
			return 0;
	return bits;
}

static int check_public(const struct rsa_public *k, struct err *e)
{
	if (k->n.n > RSA_BYTES_MAX || rsa_bits(k) < RSA_BITS_MIN)
		return err_set(e, ERR_INVALID, "an RSA key of %u bits; %d to "
			       "%d are supported", rsa_bits(k), RSA_BITS_MIN,
			       RSA_BITS_MAX);
	if (!is_odd(k->n) || !is_odd(k->e) || is_small(k->e, 1) ||
	    k->e.n > RSA_E_MAX)
		return err_set(e, ERR_INVALID, "an RSA key with a modulus or "
			       "exponent that cannot be one");
	return 0;
}

static bool take_public(struct str *rest, struct rsa_public *k)
{
	return der_uint(rest, &k->n) && der_uint(rest, &k->e);
}

int rsa_read_spki(struct rsa_public *k, struct str der, struct err *e)
{
	struct str info, bits, key;

	whole(der, &info);
	if (!take_algorithm(&info))
		return err_set(e, ERR_INVALID, "not an RSA public key");
	/* The first byte says how many bits of the last one do not count. */
	if (!der_take(&info, DER_BITS, &bits) || info.n || !bits.n ||
	    byte(bits, 0))
		return err_set(e, ERR_INVALID, "a damaged public key");
	whole(str_skip(bits, 1), &key);
	if (!take_public(&key, k) || key.n)
		return err_set(e, ERR_INVALID, "a damaged public key");
	return check_public(k, e);
}

/* The sizes that the factors and what belongs to them may have. */
static bool is_private(const struct rsa_private *k)
{
	size_t n = k->pub.n.n, both = k->p.n + k->q.n, most = n / 2 + 4;

	return is_odd(k->p) && is_odd(k->q) && k->p.n <= most &&
	       k->q.n <= most && both >= n && both <= n + 1 &&
	       k->d.n && k->d.n <= n && k->dp.n && k->dp.n <= k->p.n &&
	       k->dq.n && k->dq.n <= k->q.n && k->iq.n && k->iq.n <= k->p.n;
}

int rsa_read_pkcs1(struct rsa_private *k, struct str der, struct err *e)
{
	struct str key, version;

	whole(der, &key);
	/* Version 1 has more than two factors. */
	if (!der_uint(&key, &version) || !is_small(version, 0) ||
	    !take_public(&key, &k->pub) || !der_uint(&key, &k->d) ||
	    !der_uint(&key, &k->p) || !der_uint(&key, &k->q) ||
	    !der_uint(&key, &k->dp) || !der_uint(&key, &k->dq) ||
	    !der_uint(&key, &k->iq) || key.n)
		return err_set(e, ERR_INVALID, "a damaged private key");
	if (check_public(&k->pub, e) < 0)
		return -1;
	if (!is_private(k))
		return err_set(e, ERR_INVALID, "a private key whose parts do "
			       "not fit together");
	return 0;
}

int rsa_read_pkcs8(struct rsa_private *k, struct str der, struct err *e)
{
	struct str info, version, key, attributes;

	whole(der, &info);
	if (!der_uint(&info, &version) || !is_small(version, 0) ||
	    !take_algorithm(&info))
		return err_set(e, ERR_INVALID, "not an RSA private key");
	if (!der_take(&info, DER_OCTETS, &key))
		return err_set(e, ERR_INVALID, "a damaged private key");
	if (info.n && (!der_take(&info, DER_ATTRIBUTES, &attributes) ||
		       info.n))
		return err_set(e, ERR_INVALID, "a damaged private key");
	return rsa_read_pkcs1(k, key, e);
}

/* Writing goes from the end to the front: what is inside is known before the
 * length of what is around it. */

struct back {
	char *out;
	size_t at, size;
	bool full;
};

static void put(struct back *b, struct str s)
{
	b->full = b->full || s.n > b->at;
	if (b->full || !s.n)
		return;
	b->at -= s.n;
	memcpy(b->out + b->at, s.p, s.n);
}

static void put_byte(struct back *b, unsigned v)
{
	char c = (char)v;

	put(b, (struct str){ &c, 1 });
}

/* Tag and length of all that was written since `end` was the place. */
static void put_head(struct back *b, unsigned tag, size_t end)
{
	size_t len = end - b->at, k = 0;

	if (len >= 0x80) {
		for (size_t v = len; v; v >>= 8, k++)
			put_byte(b, v & 0xff);
		put_byte(b, 0x80 | (unsigned)k);
	} else {
		put_byte(b, (unsigned)len);
	}
	put_byte(b, tag);
}

static void put_uint(struct back *b, struct str v)
{
	size_t end = b->at;

	put(b, v);
	if (!v.n || byte(v, 0) > 0x7f)
		put_byte(b, 0);
	put_head(b, DER_INTEGER, end);
}

static void put_algorithm(struct back *b)
{
	size_t end = b->at;

	put_head(b, DER_NULL, end);
	put(b, RSA_OID);
	put_head(b, DER_OID, b->at + RSA_OID.n);
	put_head(b, DER_SEQUENCE, end);
}

/* To the front with it. */
static size_t finish(struct back *b)
{
	size_t n = b->size - b->at;

	if (b->full)
		return 0;
	memmove(b->out, b->out + b->at, n);
	return n;
}

size_t rsa_write_spki(const struct rsa_public *k, char *out, size_t size)
{
	struct back b = { out, size, size, false };

	put_uint(&b, k->e);
	put_uint(&b, k->n);
	put_head(&b, DER_SEQUENCE, size);
	put_byte(&b, 0);
	put_head(&b, DER_BITS, size);
	put_algorithm(&b);
	put_head(&b, DER_SEQUENCE, size);
	return finish(&b);
}

size_t rsa_write_pkcs8(const struct rsa_private *k, char *out, size_t size)
{
	const struct str parts[] = { k->iq, k->dq, k->dp, k->q, k->p, k->d,
				     k->pub.e, k->pub.n, STR_NULL };
	struct back b = { out, size, size, false };

	for (size_t i = 0; i < LEN(parts); i++)
		put_uint(&b, parts[i]);
	put_head(&b, DER_SEQUENCE, size);
	put_head(&b, DER_OCTETS, size);
	put_algorithm(&b);
	put_uint(&b, STR_NULL);
	put_head(&b, DER_SEQUENCE, size);
	return finish(&b);
}
