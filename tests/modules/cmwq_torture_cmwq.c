// SPDX-License-Identifier: GPL-2.0-only
/* cmwq_torture_cmwq.c - the types of cmwq */
#include "engine.h"

#define TORTURE_TYPES	torture_cmwq_types
#define TORTURE_PREFIX	""
#define TORTURE_LANE	0
#define TORTURE_WORK	cmwq
#define TORTURE_RCU_WORK cmwq_rcu
#include "cmwq_torture_engine.h"
