# SPDX-License-Identifier: GPL-2.0-only
#
# For the Kbuild file of a module that uses the installed cmwq:
#
#	obj-m := foo.o
#	include /usr/share/cmwq/client.mk
#
# It adds the include path to ccflags-y, and to KBUILD_EXTRA_SYMBOLS the symbols
# of the cmwq.ko that is installed for the kernel the module is built for.

ccflags-y += -I$(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))/include

ifeq ($(CONFIG_MODULES),y)	# make clean reads no configuration
CMWQ_KERNEL := $(shell sed -n 's/^.define UTS_RELEASE "\(.*\)"/\1/p' \
	$(objtree)/include/generated/utsrelease.h)
CMWQ_SYMVERS := $(firstword $(wildcard \
	/lib/modules/$(CMWQ_KERNEL)/updates/cmwq.symvers \
	/var/lib/dkms/cmwq/kernel-$(CMWQ_KERNEL)-*/module/Module.symvers))
ifeq ($(CMWQ_SYMVERS),)
$(error cmwq is not installed for kernel $(CMWQ_KERNEL): see "dkms status cmwq", then dkms install cmwq/VERSION -k $(CMWQ_KERNEL))
endif
KBUILD_EXTRA_SYMBOLS += $(CMWQ_SYMVERS)
endif
