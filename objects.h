/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * objects.h - the lives of items, for kernels with CONFIG_DEBUG_OBJECTS_WORK
 *
 * An item is active from before it is where a worker finds it until a worker
 * starts it or somebody takes it back.  One that is freed or initialised then is
 * reported, and taken back.  Delays and grace periods are up to the timer and the
 * rcu_head, which the kernel follows itself.  Otherwise nothing is left of it.
 */
#ifndef _CMWQ_OBJECTS_H
#define _CMWQ_OBJECTS_H

#include <cmwq.h>

#ifdef CONFIG_DEBUG_OBJECTS_WORK
void cmwq_object_activate(struct cmwq_work *work);
void cmwq_object_deactivate(struct cmwq_work *work);
void cmwq_object_end(struct cmwq_work *work);
#else
static inline void cmwq_object_activate(struct cmwq_work *work)
{
}

static inline void cmwq_object_deactivate(struct cmwq_work *work)
{
}

static inline void cmwq_object_end(struct cmwq_work *work)
{
}
#endif

#endif
