/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CMWQ_OBSERVE_COVER_H
#define CMWQ_OBSERVE_COVER_H

#include <linux/bits.h>

/* What cover.c collects; for tests/modules/cmwq_test_fuzz.c. */
#define CMWQ_COVER_ORDER	16
#define CMWQ_COVER_BITS		BIT(CMWQ_COVER_ORDER)

extern unsigned long cmwq_cover_map[];

void __sanitizer_cov_trace_pc(void);	/* the compiler calls it */

#endif
