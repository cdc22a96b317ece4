/* SPDX-License-Identifier: GPL-2.0-only */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM cmwq

#if !defined(_TRACE_CMWQ_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_CMWQ_H

#include <linux/string.h>
#include <linux/tracepoint.h>

#include <cmwq.h>

/**
 * cmwq_queue_work - an item is about to be pushed to a pool
 * @work:	the item
 * @function:	its function
 * @queue:	name of the queue
 * @pool:	id of the pool, as in the pools view
 */
TRACE_EVENT(cmwq_queue_work,
	TP_PROTO(struct cmwq_work *work, const char *queue, int pool),
	TP_ARGS(work, queue, pool),
	TP_STRUCT__entry(
		__field(void *,	work)
		__field(void *,	function)
		__array(char,	queue,	CMWQ_NAME_LEN)
		__field(int,	pool)
	),
	TP_fast_assign(
		__entry->work = work;
		__entry->function = work->func;
		strscpy(__entry->queue, queue, CMWQ_NAME_LEN);
		__entry->pool = pool;
	),
	TP_printk("work=%p function=%ps queue=%s pool=%d", __entry->work,
		  __entry->function, __entry->queue, __entry->pool)
);

/**
 * cmwq_activate_work - max_active lets an item onto the worklist
 * @work:	the item
 */
TRACE_EVENT(cmwq_activate_work,
	TP_PROTO(struct cmwq_work *work),
	TP_ARGS(work),
	TP_STRUCT__entry(
		__field(void *,	work)
		__field(void *,	function)
	),
	TP_fast_assign(
		__entry->work = work;
		__entry->function = work->func;
	),
	TP_printk("work=%p function=%ps", __entry->work, __entry->function)
);

/**
 * cmwq_execute_start - a worker calls an item's function
 * @work:	the item
 * @function:	its function
 */
DECLARE_EVENT_CLASS(cmwq_execute,
	TP_PROTO(struct cmwq_work *work, cmwq_func_t function),
	TP_ARGS(work, function),
	TP_STRUCT__entry(
		__field(void *,	work)
		__field(void *,	function)
	),
	TP_fast_assign(
		__entry->work = work;
		__entry->function = function;
	),
	TP_printk("work=%p function=%ps", __entry->work, __entry->function)
);

DEFINE_EVENT(cmwq_execute, cmwq_execute_start,
	TP_PROTO(struct cmwq_work *work, cmwq_func_t function),
	TP_ARGS(work, function)
);

/**
 * cmwq_execute_end - it has returned, and the item may be gone
 * @work:	the item
 * @function:	its function
 */
DEFINE_EVENT(cmwq_execute, cmwq_execute_end,
	TP_PROTO(struct cmwq_work *work, cmwq_func_t function),
	TP_ARGS(work, function)
);

/**
 * cmwq_mayday - a queue's rescuer is called to a pool
 * @queue:	name of the queue
 * @pool:	id of the pool
 */
TRACE_EVENT(cmwq_mayday,
	TP_PROTO(const char *queue, int pool),
	TP_ARGS(queue, pool),
	TP_STRUCT__entry(
		__array(char,	queue,	CMWQ_NAME_LEN)
		__field(int,	pool)
	),
	TP_fast_assign(
		strscpy(__entry->queue, queue, CMWQ_NAME_LEN);
		__entry->pool = pool;
	),
	TP_printk("queue=%s pool=%d", __entry->queue, __entry->pool)
);

/**
 * cmwq_rescue - a rescuer is about to run an item
 * @queue:	name of the queue
 * @pool:	id of the pool
 * @function:	the item's function
 */
TRACE_EVENT(cmwq_rescue,
	TP_PROTO(const char *queue, int pool, cmwq_func_t function),
	TP_ARGS(queue, pool, function),
	TP_STRUCT__entry(
		__array(char,	queue,	CMWQ_NAME_LEN)
		__field(int,	pool)
		__field(void *,	function)
	),
	TP_fast_assign(
		strscpy(__entry->queue, queue, CMWQ_NAME_LEN);
		__entry->pool = pool;
		__entry->function = function;
	),
	TP_printk("queue=%s pool=%d function=%ps", __entry->queue,
		  __entry->pool, __entry->function)
);

#endif /* _TRACE_CMWQ_H */

#include <trace/define_trace.h>
