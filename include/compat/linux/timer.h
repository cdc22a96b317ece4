/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Timers that any CPU may expire, and the newer names.
 */
#ifndef _CMWQ_COMPAT_TIMER_H
#define _CMWQ_COMPAT_TIMER_H

#include_next <linux/timer.h>

#ifndef CMWQ_HAVE_ADD_TIMER_GLOBAL	/* 8e7e247f64a1, 6.9 */
static inline void add_timer_global(struct timer_list *timer)
{
	add_timer(timer);
}
#endif

#ifndef CMWQ_HAVE_TIMER_DELETE	/* bb663f0f3c39, 6.2; in older ones, too */
#define timer_delete(timer)		del_timer(timer)
#endif

#ifndef CMWQ_HAVE_TIMER_DELETE_SYNC	/* 9b13df3fb64e, 6.2; likewise */
#define timer_delete_sync(timer)	del_timer_sync(timer)
#endif

#ifndef CMWQ_HAVE_TIMER_DESTROY_ON_STACK	/* 6.17 */
#define timer_destroy_on_stack(timer)	destroy_timer_on_stack(timer)
#endif

#endif /* _CMWQ_COMPAT_TIMER_H */
