/* SPDX-License-Identifier: MIT */
/*
 * The library does arithmetic, hashes and random numbers. Its decoder of
 * private keys writes behind its buffer, so files are read by auth/der, and it
 * sees numbers whose sizes are checked.
 */
#include "auth/keys.h"

#include "base/b64.h"
#include "base/fmt.h"
#include "sys/os.h"

#include <bearssl.h>
#include <string.h>

#define COLUMNS  64
#define EXPONENT 65537
#define SEED     48             /* what HMAC_DRBG with SHA-256 takes for 256
                                 * bits of strength: entropy and nonce */

void key_wipe(struct str pem)
{
	wipe((void *)(uintptr_t)pem.p, pem.n);
}

void sha256(struct str s, unsigned char out[SHA256_SIZE])
{
	br_sha256_context c;

	br_sha256_init(&c);
	br_sha256_update(&c, s.p, s.n);
	br_sha256_out(&c, out);
}

void key_id(struct str public_pem, char kid[KID_SIZE])
{
	unsigned char hash[SHA256_SIZE];

	sha256(public_pem, hash);
	b64u_write((struct str){ (char *)hash, sizeof hash }, kid, KID_SIZE);
}

/* PEM (RFC 7468) */

static struct str pem_write(const char *label, struct str der,
			    struct arena *a)
{
	char text[B64_SIZE(RSA_DER_MAX)], *pem = NULL;
	struct str left = { text, b64_write(der, text, sizeof text) }, line;
	size_t room = left.n + left.n / COLUMNS + 100, n = 0;

	if (left.n)
		pem = arena_alloc(a, room);
	if (pem)
		n = (size_t)fmt(pem, room, "-----BEGIN %s-----\n", label);
	for (; pem && left.n; left = str_skip(left, line.n)) {
		line = str_take(left, COLUMNS);
		n += (size_t)fmt(pem + n, room - n, "%.*s\n", STR_ARG(line));
	}
	if (pem)
		n += (size_t)fmt(pem + n, room - n, "-----END %s-----\n",
				 label);
	wipe(text, sizeof text);
	return (struct str){ pem, n };
}

static bool take(struct str *s, struct str what)
{
	if (!str_starts(*s, what))
		return false;
	*s = str_skip(*s, what.n);
	return true;
}

/* The bytes of a PEM text with that label; 0: it is none. */
static size_t pem_read(const char *label, struct str pem,
		       char der[RSA_DER_MAX])
{
	struct str s = str_trim(pem, " \t\r\n"), dashes = STR("-----");
	char text[B64_SIZE(RSA_DER_MAX)];
	size_t n = 0, got = 0;
	bool good;

	good = take(&s, dashes) && take(&s, STR("BEGIN ")) &&
	       take(&s, str_of(label)) && take(&s, dashes);
	for (; good && s.n && s.p[0] != '-'; s = str_skip(s, 1)) {
		if (strchr(" \t\r\n", s.p[0]) && s.p[0])
			continue;
		good = n < sizeof text;
		if (good)
			text[n++] = s.p[0];
	}
	good = good && take(&s, dashes) && take(&s, STR("END ")) &&
	       take(&s, str_of(label)) && take(&s, dashes) && !s.n &&
	       b64_read((struct str){ text, n }, der, RSA_DER_MAX, &got);
	wipe(text, sizeof text);
	return good ? got : 0;
}

/* Making */

struct numbers {
	unsigned char secret[BR_RSA_KBUF_PRIV_SIZE(KEY_BITS)];
	unsigned char open[BR_RSA_KBUF_PUB_SIZE(KEY_BITS)];
	unsigned char d[KEY_BITS / 8];
	br_rsa_private_key sk;
	br_rsa_public_key pk;
	size_t d_len;
};

static struct str number(const unsigned char *p, size_t n)
{
	struct str s = { (const char *)p, n };

	while (s.n && !s.p[0])
		s = str_skip(s, 1);
	return s;
}

static struct str text_of_private(const struct numbers *k, struct arena *a)
{
	const struct rsa_private key = {
		.pub = { number(k->pk.n, k->pk.nlen),
			 number(k->pk.e, k->pk.elen) },
		.d = number(k->d, k->d_len),
		.p = number(k->sk.p, k->sk.plen),
		.q = number(k->sk.q, k->sk.qlen),
		.dp = number(k->sk.dp, k->sk.dplen),
		.dq = number(k->sk.dq, k->sk.dqlen),
		.iq = number(k->sk.iq, k->sk.iqlen),
	};
	char der[RSA_DER_MAX];
	size_t n = rsa_write_pkcs8(&key, der, sizeof der);
	struct str text = pem_write("PRIVATE KEY", (struct str){ der, n }, a);

	wipe(der, sizeof der);
	return text;
}

static struct str text_of_public(const struct numbers *k, struct arena *a)
{
	const struct rsa_public key = { number(k->pk.n, k->pk.nlen),
					number(k->pk.e, k->pk.elen) };
	char der[RSA_DER_MAX];
	size_t n = rsa_write_spki(&key, der, sizeof der);

	return pem_write("PUBLIC KEY", (struct str){ der, n }, a);
}

static int draw(struct numbers *k, struct err *e)
{
	unsigned char seed[SEED];
	br_hmac_drbg_context rng;
	bool good;

	if (os_random(seed, sizeof seed) < 0)
		return err_sys(e, "random numbers for a key");
	br_hmac_drbg_init(&rng, &br_sha256_vtable, seed, sizeof seed);
	good = br_rsa_keygen_get_default()(&rng.vtable, &k->sk, k->secret,
		&k->pk, k->open, KEY_BITS, EXPONENT);
	if (good)
		k->d_len = br_rsa_compute_privexp_get_default()(k->d, &k->sk,
								EXPONENT);
	wipe(seed, sizeof seed);
	wipe(&rng, sizeof rng);
	return good && k->d_len ? 0 : err_set(e, ERR_FAILED, "no key was made");
}

int key_make(struct key_pair *pair, struct arena *a, struct err *e)
{
	struct numbers k = { .d_len = 0 };
	int rc = draw(&k, e);

	if (rc == 0) {
		pair->public_pem = text_of_public(&k, a);
		pair->private_pem = text_of_private(&k, a);
		key_id(pair->public_pem, pair->kid);
	}
	wipe(&k, sizeof k);
	if (rc == 0 && arena_failed(a))
		return err_set(e, ERR_NO_MEMORY, "no memory for a key");
	return rc;
}

/* Using */

int key_read(struct key_public *k, struct str public_pem, struct err *e)
{
	char der[RSA_DER_MAX];
	struct str text = { der, pem_read("PUBLIC KEY", public_pem, der) };
	struct rsa_public pub;

	if (!text.n)
		return err_set(e, ERR_INVALID, "not a public key in PEM");
	if (rsa_read_spki(&pub, text, e) < 0)
		return -1;
	*k = (struct key_public){ .n_len = pub.n.n, .e_len = pub.e.n };
	memcpy(k->n, pub.n.p, pub.n.n);
	memcpy(k->e, pub.e.p, pub.e.n);
	return 0;
}

/* It takes pointers to what may be written, and writes nothing. */
static unsigned char *bytes(struct str s)
{
	return (unsigned char *)(uintptr_t)s.p;
}

bool key_verify(const struct key_public *k, struct str text,
		struct str signature)
{
	const br_rsa_public_key pk = {
		.n = (unsigned char *)(uintptr_t)k->n, .nlen = k->n_len,
		.e = (unsigned char *)(uintptr_t)k->e, .elen = k->e_len,
	};
	unsigned char want[SHA256_SIZE], got[SHA256_SIZE], differ = 0;

	if (!br_rsa_pkcs1_vrfy_get_default()(bytes(signature), signature.n,
			BR_HASH_OID_SHA256, sizeof got, &pk, got))
		return false;
	sha256(text, want);
	for (size_t i = 0; i < sizeof want; i++)
		differ |= want[i] ^ got[i];
	return !differ;
}

static int sign(const struct rsa_private *k, struct str text,
		char signature[RSA_BYTES_MAX], struct err *e)
{
	const br_rsa_private_key sk = {
		.n_bitlen = rsa_bits(&k->pub),
		.p = bytes(k->p), .plen = k->p.n,
		.q = bytes(k->q), .qlen = k->q.n,
		.dp = bytes(k->dp), .dplen = k->dp.n,
		.dq = bytes(k->dq), .dqlen = k->dq.n,
		.iq = bytes(k->iq), .iqlen = k->iq.n,
	};
	struct key_public pub = { .n_len = k->pub.n.n, .e_len = k->pub.e.n };
	unsigned char hash[SHA256_SIZE];

	memcpy(pub.n, k->pub.n.p, pub.n_len);
	memcpy(pub.e, k->pub.e.p, pub.e_len);
	sha256(text, hash);
	/* A signature that is wrong in one half gives the factors away. */
	if (!br_rsa_pkcs1_sign_get_default()(BR_HASH_OID_SHA256, hash,
			sizeof hash, &sk, (unsigned char *)signature) ||
	    !key_verify(&pub, text, (struct str){ signature, pub.n_len })) {
		wipe(signature, RSA_BYTES_MAX);
		return err_set(e, ERR_INVALID, "a private key whose parts do "
			       "not belong together");
	}
	return 0;
}

static int read_private(struct rsa_private *k, struct str pem,
			char der[RSA_DER_MAX], struct err *e)
{
	struct str key = { der, pem_read("PRIVATE KEY", pem, der) };

	if (key.n)
		return rsa_read_pkcs8(k, key, e);
	key.n = pem_read("RSA PRIVATE KEY", pem, der);
	if (key.n)
		return rsa_read_pkcs1(k, key, e);
	err_set(e, ERR_INVALID, "not a private key in PEM");
	return -1;
}

int key_sign(struct str private_pem, struct str text,
	     char signature[RSA_BYTES_MAX], size_t *n, struct err *e)
{
	struct rsa_private k;
	char der[RSA_DER_MAX];
	int rc = read_private(&k, private_pem, der, e);

	if (rc == 0)
		rc = sign(&k, text, signature, e);
	if (rc == 0)
		*n = k.pub.n.n;
	wipe(der, sizeof der);
	return rc;
}
