/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lockdep.h - what lockdep is told: an item runs with the "locks" of its queue
 * and of itself held, and whoever waits for either takes it for a moment
 *
 * So a wait with a lock held that the item takes is reported as what it is, and
 * so are items that wait for each other.  Without CONFIG_LOCKDEP nothing is
 * left of it.
 */
#ifndef _CMWQ_LOCKDEP_H
#define _CMWQ_LOCKDEP_H

#include "cmwq_internal.h"

#ifdef CONFIG_LOCKDEP

/* A copy, since the item may free itself. */
struct cmwq_map {
	struct lockdep_map map;
};

static inline void cmwq_map_copy(struct cmwq_map *map, struct cmwq_work *work)
{
	lockdep_copy_map(&map->map, &work->lockdep_map);
}

static inline void cmwq_map_enter(struct cmwq_workqueue *wq,
				  struct cmwq_map *map)
{
	lock_map_acquire(wq->lockdep_map);
	lock_map_acquire(&map->map);
}

static inline void cmwq_map_leave(struct cmwq_workqueue *wq,
				  struct cmwq_map *map)
{
	lock_map_release(&map->map);
	lock_map_release(wq->lockdep_map);
}

void cmwq_touch_work(struct cmwq_work *work);
void cmwq_touch_wq(struct cmwq_workqueue *wq);
void cmwq_touch_flushed(struct cmwq_work *work);
void cmwq_wq_map_init(struct cmwq_workqueue *wq, struct lockdep_map *map);
void cmwq_wq_map_exit(struct cmwq_workqueue *wq);

#else /* CONFIG_LOCKDEP */

struct cmwq_map {
};

static inline void cmwq_map_copy(struct cmwq_map *map, struct cmwq_work *work)
{
}

static inline void cmwq_map_enter(struct cmwq_workqueue *wq,
				  struct cmwq_map *map)
{
}

static inline void cmwq_map_leave(struct cmwq_workqueue *wq,
				  struct cmwq_map *map)
{
}

static inline void cmwq_touch_work(struct cmwq_work *work)
{
}

static inline void cmwq_touch_wq(struct cmwq_workqueue *wq)
{
}

static inline void cmwq_touch_flushed(struct cmwq_work *work)
{
}

static inline void cmwq_wq_map_init(struct cmwq_workqueue *wq,
				    struct lockdep_map *map)
{
}

static inline void cmwq_wq_map_exit(struct cmwq_workqueue *wq)
{
}

#endif /* CONFIG_LOCKDEP */

#endif /* _CMWQ_LOCKDEP_H */
