/* SPDX-License-Identifier: MIT */
/*
 * A key that is read has the sizes that the arithmetic can take, lies within
 * the input, and comes back the same from what is written of it. And the
 * elements of anything lie within it, one behind the other.
 */
#include "auth/der.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_number(struct str v, size_t most, struct str in)
{
	if (!v.n || v.n > most || !v.p[0])
		BUG("a number that was to be refused");
	if (v.p < in.p || v.p + v.n > in.p + in.n)
		BUG("a number from elsewhere");
}

static bool same_public(const struct rsa_public *a, const struct rsa_public *b)
{
	return str_eq(a->n, b->n) && str_eq(a->e, b->e);
}

static void public_key(struct str in)
{
	struct rsa_public k, again;
	struct err e = { 0 };
	char out[RSA_DER_MAX];
	size_t n;

	if (rsa_read_spki(&k, in, &e) < 0) {
		if (e.code != ERR_INVALID || !e.msg[0])
			BUG("refused without a reason");
		return;
	}
	check_number(k.n, RSA_BYTES_MAX, in);
	check_number(k.e, RSA_E_MAX, in);
	n = rsa_write_spki(&k, out, sizeof out);
	if (!n || rsa_read_spki(&again, (struct str){ out, n }, NULL) < 0 ||
	    !same_public(&k, &again))
		BUG("not read back as it was written");
}

static void private_key(struct str in, int (*read)(struct rsa_private *,
						   struct str, struct err *))
{
	struct rsa_private k, again;
	struct err e = { 0 };
	char out[RSA_DER_MAX];
	size_t n, most = RSA_BYTES_MAX / 2 + 4;

	if (read(&k, in, &e) < 0) {
		if (e.code != ERR_INVALID || !e.msg[0])
			BUG("refused without a reason");
		return;
	}
	check_number(k.pub.n, RSA_BYTES_MAX, in);
	check_number(k.pub.e, RSA_E_MAX, in);
	check_number(k.d, RSA_BYTES_MAX, in);
	check_number(k.p, most, in);
	check_number(k.q, most, in);
	check_number(k.dp, most, in);
	check_number(k.dq, most, in);
	check_number(k.iq, most, in);
	n = rsa_write_pkcs8(&k, out, sizeof out);
	if (!n || rsa_read_pkcs8(&again, (struct str){ out, n }, NULL) < 0 ||
	    !same_public(&k.pub, &again.pub) || !str_eq(k.d, again.d) ||
	    !str_eq(k.p, again.p) || !str_eq(k.q, again.q) ||
	    !str_eq(k.dp, again.dp) || !str_eq(k.dq, again.dq) ||
	    !str_eq(k.iq, again.iq))
		BUG("not read back as it was written");
}

static void elements(struct str in)
{
	struct str rest = in, body, value, was;
	unsigned tag;

	for (was = rest; der_next(&rest, &tag, &body); was = rest) {
		if (body.p < was.p + 2 || body.p + body.n != rest.p ||
		    rest.n >= was.n)
			BUG("an element from elsewhere");
		if (der_uint(&was, &value) && (tag != DER_INTEGER ||
		    was.p != rest.p || (value.n && !value.p[0])))
			BUG("another number");
	}
	if (rest.p != was.p || rest.n != was.n)
		BUG("taken, and refused");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = { (const char *)data, size };

	public_key(in);
	private_key(in, rsa_read_pkcs1);
	private_key(in, rsa_read_pkcs8);
	elements(in);
	return 0;
}
