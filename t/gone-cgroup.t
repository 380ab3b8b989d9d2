#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1091,SC2034
# The same as gone.t, in a cgroup2 that is delegated to the hub.
gone_in=user.delegate
. "${0%/*}/gone.t"
