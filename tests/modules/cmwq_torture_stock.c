// SPDX-License-Identifier: GPL-2.0-only
/* cmwq_torture_stock.c - the types of the kernel's own workqueue: a control */
#define ENGINE_STOCK
#include "engine.h"

#define TORTURE_TYPES	torture_stock_types
#define TORTURE_PREFIX	"stock-"
#define TORTURE_LANE	TORTURE_LANES
#define TORTURE_WORK	stock
#define TORTURE_RCU_WORK stock_rcu
#include "cmwq_torture_engine.h"
