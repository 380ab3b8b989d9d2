#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1091,SC2034
# The same as killed.t, in a cgroup2 that is delegated to the hub.
killed_in=trusted.delegate
. "${0%/*}/killed.t"
