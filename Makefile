# SPDX-License-Identifier: GPL-2.0-only
#
# For people.  What the kernel's build system reads is in Kbuild.

KERNELS	:= 6.1 6.12
ALL_KERNELS := $(shell awk '/^[^\#]/ { print $$1 }' tests/vm/kernels.txt)
KERNEL	?=
kernels	:= $(if $(KERNEL),$(KERNEL),$(KERNELS))
SHELL	:= /bin/bash
export BENCH_TIMEOUT

help:
	@echo "cmwq $$(cat VERSION): concurrency-managed workqueues as a module"
	@echo
	@echo "  make demo      see it work, in an emulated machine (installs what is missing)"
	@echo "  make test      run the test suite on stock kernels in emulated machines"
	@echo "  make test-all  more suites on every kernel of tests/vm/kernels.txt, and a table"
	@echo "                 (hours; root or sudo: build roots of other Debian releases)"
	@echo "  make test-drivers  the kernel's own loop, nbd and dm-crypt on cmwq"
	@echo "  make test-debug  on kernels with KASAN, lockdep, KCSAN, ..., which are built"
	@echo "                 first (hours); make remove-debug removes them"
	@echo "  make coverage  which lines of it the suites run (hours; FLOOR=PERCENT KEEP=1)"
	@echo "  make torture MINUTES=N  everything at once for that long (TORTURE=TYPES SEED=N)"
	@echo "  make fuzz SEQUENCES=N  random calls against a model, random writes (SEED=N)"
	@echo "  make soak HOURS=N  everything in turn, in one boot: is anything left?"
	@echo "  make modules   build in build/<kernel>/"
	@echo "  make load      build for the running kernel and load it on this machine"
	@echo "  make unload    take it out again"
	@echo "  make model     search models of its protocols for lost wakeups and the like"
	@echo "  make install   into /lib/modules, for KDIR=; make uninstall takes it out"
	@echo "  make dkms-install  the same by dkms, which rebuilds it for each kernel"
	@echo "  make deb       Debian packages cmwq-dkms and cmwq-dev in build/deb/"
	@echo "  make preflight what stands in the way on this machine, if anything"
	@echo "  make test-packages  packages and dkms in fresh Debian 12 and 13 (as root)"
	@echo "  make bench     compare with the kernel's own workqueue, in instructions"
	@echo "  make check     checkpatch, sparse, shellcheck, gcc W=1: no warning passes"
	@echo "  make probe     what does the kernel in KDIR=DIRECTORY (or KERNEL=) offer cmwq?"
	@echo "  make clean     remove what was built (make distclean: fetched kernels too)"
	@echo
	@echo "  KERNEL=6.1 | 6.12 | DIRECTORY   only that kernel   (default: $(KERNELS))"
	@echo "  KERNEL=\"7.3 5.10\"               others of tests/vm/kernels.txt: $(filter-out $(KERNELS),$(ALL_KERNELS))"
	@echo "  SUITE=REGEX, JOBS=N, V=1        which tests, how many guests, live output"
	@echo "  hooks=auto PARAM=VALUE...       for make load: see modinfo cmwq.ko"

setup-build setup-vm setup-checks setup-drivers setup-model setup-coverage:
	@tests/vm/setup.sh --$(@:setup-%=%) $(filter $(ALL_KERNELS),$(KERNEL))

setup-all:
	@tests/vm/setup.sh --vm $(or $(KERNEL),all)

# Kernels fetched by setup need no installed headers, others bring their own.
modules: $(if $(findstring /,$(KERNEL)),setup-build,setup-vm)
	@set -e; for k in $(kernels); do tools/build.sh $$k; done

demo: setup-vm
	@set -e; for k in $(or $(KERNEL),6.1); do \
		tools/build.sh $$k; demo/demo.sh --kernel $$k; done

test: setup-vm
	@tests/run.sh $(kernels)

test-all: setup-all
	@SUITES="suites.txt suites-more.txt" TABLE=1 \
		tests/run.sh $(or $(KERNEL),$(ALL_KERNELS))

torture: setup-vm
	@tests/torture.sh $(kernels)

fuzz: setup-vm
	@tests/fuzz.sh $(kernels)

soak: setup-vm
	@tests/soak.sh $(kernels)

test-drivers: setup-drivers
	@tests/drivers.sh $(kernels)

# Kernels that look for mistakes, built when they are first wanted.
DEBUG_KERNELS := $(shell tests/vm/debug-kernel list)
debug_kernels := $(or $(KERNEL),6.12-kasan 6.12-kcsan 6.12-rtlockdep 6.1-kasan)

test-debug: setup-vm
	@tests/vm/debug-kernel build $(debug_kernels)
	@SUITES="suites-debug.txt suites.txt" tests/run.sh $(debug_kernels)

coverage_kernels := $(or $(KERNEL),6.12-gcov 6.12-kasan-gcov)

coverage: setup-coverage
	@tests/vm/debug-kernel build $(coverage_kernels)
	@tests/coverage.sh $(coverage_kernels)

remove-debug:
	@tests/vm/debug-kernel remove $(filter $(DEBUG_KERNELS),$(KERNEL))

model: setup-model
	@tests/model.sh

bench: setup-vm
	@set -e; for k in $(kernels); do tools/build.sh $$k; done
	@tests/bench.sh $(kernels)

check: setup-vm setup-checks
	@checks/check.sh $(kernels)

install uninstall dkms-install dkms-uninstall:
	@KDIR="$(KDIR)" PREFIX="$(PREFIX)" DESTDIR="$(DESTDIR)" \
		tools/install.sh $@

deb:
	@tools/deb.sh

preflight:
	@KDIR="$(KDIR)" tools/cmwq-preflight

test-packages: setup-vm
	@tests/packages.sh

probe:
	@tools/probe.sh $(or $(KDIR),$(KERNEL),/lib/modules/$(shell uname -r)/build)

load:
	@tools/load.sh load $(foreach p,$(load_params),$(p)=$($(p)))

unload:
	@tools/load.sh unload

# Module parameters given on make's command line go to insmod.
load_params := $(foreach v,$(.VARIABLES),$(if \
	$(filter command line,$(origin $(v))),$(filter-out \
	KERNEL KDIR SUITE JOBS V BENCH_TIMEOUT MAKEFLAGS MAKEOVERRIDES,$(v))))

clean:
	@tests/vm/roots.sh empty
	@cd build 2>/dev/null && rm -rf -- $$(ls -A | grep -vxE 'kernels|tools|apt|roots') || true

clean-roots:
	@tests/vm/roots.sh clean

distclean: clean-roots
	@rm -rf build

.PHONY: help setup-build setup-vm setup-checks setup-drivers setup-model setup-all
.PHONY: modules demo test test-all torture test-drivers bench check model
.PHONY: test-debug remove-debug fuzz coverage setup-coverage soak
.PHONY: probe load unload clean clean-roots distclean
.PHONY: install uninstall dkms-install dkms-uninstall deb preflight test-packages
.DEFAULT_GOAL := help
