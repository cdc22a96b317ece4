// SPDX-License-Identifier: GPL-2.0-only
/* cmwq_bench_cmwq.c - the measured code on cmwq */
#include "engine.h"

#define BENCH_ENGINE	bench_cmwq
#include "cmwq_bench_engine.h"
