/* SPDX-License-Identifier: MIT */
#ifndef FRONT_OPERATOR_H
#define FRONT_OPERATOR_H

#include "auth/token.h"

/*
 * What operator.token says, when it is one of ours that is still good; its
 * issuer may be any. That issuer counts as this hub's as long as the file is
 * there: a public one is never re-issued towards loopback, and to take an
 * origin back must not lock the operator out. The claims are valid until the
 * next call of auth_check().
 */
bool operator_claims(const struct home *, struct auth *,
		     const struct claims **out);

#endif
