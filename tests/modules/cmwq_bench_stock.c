// SPDX-License-Identifier: GPL-2.0-only
/* cmwq_bench_stock.c - the measured code on the kernel's own workqueue */
#define ENGINE_STOCK
#include "engine.h"

#define BENCH_ENGINE	bench_stock
#include "cmwq_bench_engine.h"
