// SPDX-License-Identifier: GPL-2.0-only
/*
 * observe/dump.c - the same in the kernel log, for a machine that hangs
 *
 * No mutex, no memory: they may be called where a driver or a debugger has
 * nothing else left.  RCU keeps queues and pwqs (D2 in wq.c); what is printed
 * is copied under the pool's lock first.
 */
#include "observe.h"

#include <linux/nmi.h>
#include <linux/rculist.h>

#define SHOWN	8	/* items of a pwq by name, each kind */

struct shown_item {
	cmwq_func_t func;
	pid_t pid;
	unsigned int ms;
};

struct shown_pwq {
	int active, max_active;
	unsigned int inactive, inbox, nr_running, nr_waiting;
	struct shown_item running[SHOWN];
	cmwq_func_t waiting[SHOWN];
};

static void copy_waiting(struct shown_pwq *s, struct cmwq_pwq *pwq,
			 struct list_head *items)
{
	struct cmwq_work *work;

	list_for_each_entry(work, items, entry) {
		if (cmwq_data_pwq(atomic_long_read(&work->data)) != pwq)
			continue;
		if (s->nr_waiting < SHOWN)
			s->waiting[s->nr_waiting] = work->func;
		s->nr_waiting++;
	}
}

/* Return: false if there is nothing to tell. */
static bool copy_pwq(struct shown_pwq *s, struct cmwq_pwq *pwq)
{
	struct cmwq_pool *pool = pwq->pool;
	struct cmwq_worker *worker;
	struct shown_item *item;
	unsigned long flags;

	memset(s, 0, sizeof(*s));
	raw_spin_lock_irqsave(&pool->lock, flags);
	s->active = pwq->nr_active;
	s->max_active = pwq->max_active;
	s->inactive = cmwq_list_length(&pwq->inactive);
	s->inbox = cmwq_inbox_length(pool, pwq);
	list_for_each_entry(worker, &pool->workers, node) {
		copy_waiting(s, pwq, &worker->scheduled);
		if (worker->current_pwq != pwq)
			continue;
		if (s->nr_running < SHOWN) {
			item = &s->running[s->nr_running];
			item->func = worker->current_func;
			item->pid = worker->task ?
				task_pid_nr(worker->task) : 0;
			item->ms = jiffies_to_msecs(jiffies - worker->since);
		}
		s->nr_running++;
	}
	copy_waiting(s, pwq, &pool->worklist);
	copy_waiting(s, pwq, &pwq->inactive);
	raw_spin_unlock_irqrestore(&pool->lock, flags);
	return s->active || s->inactive || s->inbox;
}

static void print_queue(struct cmwq_workqueue *wq)
{
	char text[96];

	pr_info("queue %s of %s: %s\n", wq->name, cmwq_owner_name(wq->owner),
		cmwq_flags_text(text, sizeof(text), wq));
}

static void print_pwq(struct shown_pwq *s, struct cmwq_pool *pool)
{
	unsigned int i;

	pr_info("  pool %d cpu %d nice %d: %d of %d active, %u more wait for that, %u not looked at\n",
		pool->id, pool->key.cpu, pool->key.nice, s->active, s->max_active,
		s->inactive, s->inbox);
	for (i = 0; i < min_t(unsigned int, s->nr_running, SHOWN); i++)
		pr_info("    runs: %ps in pid %d for %u ms\n",
			s->running[i].func, s->running[i].pid,
			s->running[i].ms);
	for (i = 0; i < min_t(unsigned int, s->nr_waiting, SHOWN); i++)
		pr_info("    waits: %ps\n", s->waiting[i]);
	if (s->nr_running > SHOWN || s->nr_waiting > SHOWN)
		pr_info("    %u run and %u wait in all\n", s->nr_running,
			s->nr_waiting);
}

/* In an RCU read-side section. */
static void show_queue(struct cmwq_workqueue *wq)
{
	struct shown_pwq s;
	struct cmwq_pwq *pwq;
	bool first = true;

	list_for_each_entry_rcu(pwq, &wq->pwqs, node) {
		if (!copy_pwq(&s, pwq))
			continue;
		if (first)
			print_queue(wq);
		first = false;
		print_pwq(&s, pwq->pool);
	}
	/* A console may be slow, and interrupts off. */
	touch_nmi_watchdog();
}

void cmwq_show_one_workqueue(struct cmwq_workqueue *wq)
{
	rcu_read_lock();
	if (cmwq_wq_alive(wq, "cmwq_show_one_workqueue",
			  __builtin_return_address(0)))
		show_queue(wq);
	rcu_read_unlock();
}
EXPORT_SYMBOL_GPL(cmwq_show_one_workqueue);

void cmwq_show_freezable_workqueues(void)
{
	struct cmwq_workqueue *wq;

	rcu_read_lock();
	pr_info("busy freezable queues:\n");
	list_for_each_entry_rcu(wq, &cmwq_workqueues, node)
		if (wq->flags & CMWQ_FREEZABLE)
			show_queue(wq);
	rcu_read_unlock();
}
EXPORT_SYMBOL_GPL(cmwq_show_freezable_workqueues);

static void show_pool(struct cmwq_pool *pool)
{
	int workers, idle, running;
	unsigned int waiting;
	unsigned long flags;
	pid_t manager = 0;

	raw_spin_lock_irqsave(&pool->lock, flags);
	workers = pool->nr_workers;
	idle = pool->nr_idle;
	running = atomic_read(&pool->nr_running);
	waiting = cmwq_list_length(&pool->worklist) +
		  cmwq_inbox_length(pool, NULL);
	if (pool->manager)
		manager = task_pid_nr(pool->manager);
	raw_spin_unlock_irqrestore(&pool->lock, flags);
	/* The only one of a BH pool is no thread and not among nr_workers. */
	if (pool->key.bh)
		workers++;
	if (idle == workers && !waiting)
		return;
	pr_info("pool %d cpu %d nice %d: %d workers, %d idle, %d counted, %u items wait, manager %d\n",
		pool->id, pool->key.cpu, pool->key.nice, workers, idle, running,
		waiting, manager);
}

void cmwq_show_all_workqueues(void)
{
	struct cmwq_workqueue *wq;
	struct cmwq_pool *pool;
	int id;

	rcu_read_lock();
	pr_info("busy queues and pools:\n");
	list_for_each_entry_rcu(wq, &cmwq_workqueues, node)
		show_queue(wq);
	for (id = 1; id < cmwq_max_pools; id++) {
		pool = READ_ONCE(cmwq_pools[id]);		/* P1 */
		if (pool)
			show_pool(pool);
	}
	rcu_read_unlock();
}
EXPORT_SYMBOL_GPL(cmwq_show_all_workqueues);

/* Worker threads, seen from outside and without their pool's lock */

static struct cmwq_worker *worker_of(struct task_struct *task)
{
	struct cmwq_worker *worker;

	if (!(task->flags & PF_KTHREAD) ||
	    kthread_func(task) != cmwq_worker_thread)
		return NULL;
	/* Structures are recycled, and freed at unload. */
	worker = kthread_data(task);
	return READ_ONCE(worker->task) == task ? worker : NULL;
}

struct worker_text {
	cmwq_func_t func;
	char queue[CMWQ_NAME_LEN];
	char desc[CMWQ_WORKER_DESC_LEN];
};

/* Return: false if @task is no worker that runs an item. */
static bool copy_worker_text(struct worker_text *t, struct task_struct *task)
{
	struct cmwq_worker *worker;
	struct cmwq_pwq *pwq = NULL;

	rcu_read_lock();					/* D2 */
	worker = worker_of(task);
	if (worker)
		pwq = READ_ONCE(worker->current_pwq);
	if (pwq) {
		t->func = READ_ONCE(worker->current_func);
		strscpy(t->queue, pwq->wq->name, sizeof(t->queue));
		memcpy(t->desc, worker->desc, sizeof(t->desc));
		t->desc[sizeof(t->desc) - 1] = '\0';
	}
	rcu_read_unlock();
	return pwq;
}

void cmwq_print_worker_info(const char *log_lvl, struct task_struct *task)
{
	struct worker_text t;

	if (!log_lvl || !task) {
		cmwq_report("cmwq_print_worker_info",
			    __builtin_return_address(0), -EINVAL,
			    task ? "the log level is NULL" :
				   "the task is NULL");
		return;
	}
	if (!copy_worker_text(&t, task))
		return;
	if (t.desc[0])
		printk("%sWorkqueue: %s %ps (%s)\n", log_lvl, t.queue, t.func,
		       t.desc);
	else
		printk("%sWorkqueue: %s %ps\n", log_lvl, t.queue, t.func);
}
EXPORT_SYMBOL_GPL(cmwq_print_worker_info);

void cmwq_wq_worker_comm(char *buf, size_t size, struct task_struct *task)
{
	struct worker_text t;

	if (!buf || !size || !task) {
		cmwq_report("cmwq_wq_worker_comm", __builtin_return_address(0),
			    -EINVAL,
			    task ? "no room for the name" : "the task is NULL");
		return;
	}
	if (copy_worker_text(&t, task))
		scnprintf(buf, size, "%s+%s", task->comm,
			  t.desc[0] ? t.desc : t.queue);
	else
		strscpy(buf, task->comm, size);
}
EXPORT_SYMBOL_GPL(cmwq_wq_worker_comm);
