/* SPDX-License-Identifier: MIT */
#ifndef AUTH_KEYS_H
#define AUTH_KEYS_H

/*
 * Signing keys: RSA, made with 2048 bits, used with RSASSA-PKCS1-v1_5 and
 * SHA-256 (RS256), kept as PEM text. The text of a key that we make is exactly
 * the reference's (64 columns, LF, one at the end), since its kid is a hash of
 * it; a kid that stands in hub.db is never computed again.
 *
 * A private key exists as numbers only while it signs, and is wiped then. Who
 * has its PEM text wipes that with key_wipe() before the memory goes.
 */

#include "auth/der.h"
#include "base/arena.h"

#define KEY_BITS        2048
#define KID_SIZE        44              /* of one that we make, with NUL */
#define SHA256_SIZE     32

struct key_public {
	size_t n_len, e_len;
	unsigned char n[RSA_BYTES_MAX], e[RSA_E_MAX];
};

struct key_pair {
	char kid[KID_SIZE];
	struct str public_pem, private_pem;     /* in the arena */
};

/* Takes a fifth of a second, or a whole one. */
int key_make(struct key_pair *, struct arena *, struct err *);

/* base64url(SHA-256(the text, all of it)) */
void key_id(struct str public_pem, char kid[KID_SIZE]);

/* SubjectPublicKeyInfo. Line ends and widths may be others than ours. */
int key_read(struct key_public *, struct str public_pem, struct err *);

/* PKCS#8 or PKCS#1. The signature is as long as the modulus; one that does
 * not verify (the key's parts do not belong together) is ERR_INVALID. */
int key_sign(struct str private_pem, struct str text,
	     char signature[RSA_BYTES_MAX], size_t *n, struct err *);

bool key_verify(const struct key_public *, struct str text,
		struct str signature);

void key_wipe(struct str pem);

void sha256(struct str, unsigned char out[SHA256_SIZE]);

#endif
