/* SPDX-License-Identifier: MIT */
#ifndef AUTH_DER_H
#define AUTH_DER_H

/*
 * RSA keys as bytes (DER, X.690): SubjectPublicKeyInfo (RFC 5280), PKCS#8
 * (RFC 5958) and PKCS#1 (RFC 8017). Pure; what is read points into the input.
 *
 * Strict: definite and shortest lengths, shortest integers, nothing behind
 * the end. A key that is read has 1024 to 4096 bits, an odd modulus, an odd
 * exponent of at most 8 bytes, and factors of about half its length each: what
 * the arithmetic under it is made for. Whether its parts belong together is
 * not asked here; a signature that is made is verified before it leaves.
 */

#include "base/err.h"
#include "base/str.h"

#define RSA_BITS_MIN    1024
#define RSA_BITS_MAX    4096    /* BearSSL's arithmetic holds no more */
#define RSA_BYTES_MAX   (RSA_BITS_MAX / 8)
#define RSA_E_MAX       8
#define RSA_DER_MAX     8192    /* PKCS#8 of 4096 bits has 2,375 bytes; one
                                 * too large is to be read, and told so */

/* Numbers: unsigned, the most significant byte first and never 0. */
struct rsa_public {
	struct str n, e;
};
struct rsa_private {
	struct rsa_public pub;
	struct str d, p, q, dp, dq, iq;
};

/* ERR_INVALID for another kind of key, a size out of bounds, or no key. */
int rsa_read_spki(struct rsa_public *, struct str der, struct err *);
int rsa_read_pkcs8(struct rsa_private *, struct str der, struct err *);
int rsa_read_pkcs1(struct rsa_private *, struct str der, struct err *);

unsigned rsa_bits(const struct rsa_public *);

/* The length written, or 0 when out has not that much room. */
size_t rsa_write_spki(const struct rsa_public *, char *out, size_t size);
size_t rsa_write_pkcs8(const struct rsa_private *, char *out, size_t size);

/*
 * The reader below: takes the next element off *rest. False, and *rest as it
 * was, when there is none, or none with that tag. A uint is an INTEGER that
 * is not negative; its value is without the zero in front, 0 is empty.
 */
enum {
	DER_INTEGER = 0x02,
	DER_BITS = 0x03,
	DER_OCTETS = 0x04,
	DER_NULL = 0x05,
	DER_OID = 0x06,
	DER_SEQUENCE = 0x30,
	DER_ATTRIBUTES = 0xa0,  /* [0], of PKCS#8 */
};
bool der_next(struct str *rest, unsigned *tag, struct str *body);
bool der_take(struct str *rest, unsigned tag, struct str *body);
bool der_uint(struct str *rest, struct str *value);

#endif
