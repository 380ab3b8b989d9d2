# Fuzz targets: each t/fuzz/NAME.c defines LLVMFuzzerTestOneInput().
# SPDX-License-Identifier: MIT
#
#   make fuzz T=json SECONDS=600    look for new inputs (needs clang)
#   make fuzz-merge T=json          keep those that reach new code
#   make replay                     every corpus, with the usual compiler
#
# What was found stays in $O/corpus/NAME, what failed in $O/fuzz/NAME-*.
# t/corpus/NAME holds what is worth keeping, and every input that ever made
# the target fail: copy it there, under a name that says what it is. A target
# is linked with the layers in fuzz_layers_NAME, highest first, and with the
# third-party code in fuzz_vendor_NAME.

FUZZ_CC = clang
SECONDS = 60
fuzz_layers = wire base
fuzz_layers_services = hub sys wire base
fuzz_layers_manifest = hub sys wire base
fuzz_layers_exits = hub sys wire base
fuzz_layers_notify = keep hub sys wire base
fuzz_layers_health = keep hub sys wire base
fuzz_layers_supervise = hub sys wire base
fuzz_layers_logpipe = hub sys wire base
fuzz_layers_cri = log hub sys wire base
fuzz_layers_logidx = log hub sys wire base
fuzz_layers_jwt = auth hub sys wire base
fuzz_layers_der = auth hub sys wire base

fuzzers := $(sort $(patsubst t/fuzz/%.c,%,\
	$(filter-out t/fuzz/replay.c,$(wildcard t/fuzz/*.c))))
replays := $(fuzzers:%=$O/t/replay/%.t)

fuzz_use   = $(or $(fuzz_layers_$1),$(fuzz_layers))
fuzz_san   = address,undefined
fuzz_flags = -std=c11 -D_POSIX_C_SOURCE=200809L \
	-DPC_VERSION='"$(VERSION)"' -iquote lib -iquote t -g -O1 \
	-fno-omit-frame-pointer -fno-sanitize-recover=all

$O/fuzz/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(FUZZ_CC) $(fuzz_flags) $(fuzz_san) $(LOOP)' | \
		cmp -s - $@ || \
		echo '$(FUZZ_CC) $(fuzz_flags) $(fuzz_san) $(LOOP)' > $@

$O/fuzz/obj/%.o: %.c $O/fuzz/flags
	@mkdir -p $(@D)
	$(FUZZ_CC) $(fuzz_flags) $(see) -fsanitize=fuzzer-no-link,$(fuzz_san) \
		-MMD -MP -c -o $@ $<

define fuzz_rule
# From an archive: what a target does not use may want what it has not got.
$O/fuzz/$1.a: $(patsubst %.c,$O/fuzz/obj/%.o,\
		$(foreach l,$(call fuzz_use,$1),$(call srcs,$l)))
	rm -f $$@ && $$(AR) rcs $$@ $$^
$O/fuzz/$1: $O/fuzz/obj/t/fuzz/$1.o $O/fuzz/$1.a \
		$(call vendored,$(fuzz_vendor_$1))
	$$(FUZZ_CC) -fsanitize=fuzzer,$$(fuzz_san) -o $$@ $$^
$O/t/replay/$1.o: private flags += -DFUZZ_NAME='"$1"'
$O/t/replay/$1.o: t/fuzz/replay.c $O/flags
	@mkdir -p $$(@D)
	$$(CC) $$(flags) -MMD -MP -c -o $$@ $$<
$O/t/replay/$1.t: $O/t/replay/$1.o $O/t/fuzz/$1.o $O/t/tap.o \
		$(patsubst %,$O/lib/%.a,$(call fuzz_use,$1)) \
		$(call vendored,$(fuzz_vendor_$1))
	$$(CC) $$(LDFLAGS) -o $$@ $$(filter %.o,$$^) $$(filter %.a,$$^)
endef
$(foreach t,$(fuzzers),$(eval $(call fuzz_rule,$t)))

fuzz_named = $(if $(filter $(fuzzers),$T),$O/fuzz/$T,fuzz-which)
fuzz-which:
	@echo 'make fuzz T=NAME, one of: $(fuzzers)' >&2; exit 2

fuzz: $(fuzz_named)
	@mkdir -p $O/corpus/$T t/corpus/$T
	$< -max_total_time=$(SECONDS) -timeout=10 -rss_limit_mb=1024 \
		-artifact_prefix=$O/fuzz/$T- $O/corpus/$T t/corpus/$T

# Without counters only edges are told apart, and of the inputs that reach them
# as few as possible are taken.
fuzz-merge: $(fuzz_named)
	@mkdir -p $O/corpus/$T t/corpus/$T
	$< -set_cover_merge=1 -use_counters=0 t/corpus/$T $O/corpus/$T

replay: $(replays)
	prove -e '' $(replays)

.PHONY: fuzz fuzz-merge fuzz-which replay
