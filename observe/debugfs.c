// SPDX-License-Identifier: GPL-2.0-only
/*
 * observe/debugfs.c - what the pools, queues and workers do, for people and awk
 *
 * Every file starts with its name and format version.  Tables have their column
 * names in the second line and no blanks inside a field.
 */
#include "observe.h"

#include <linux/ctype.h>
#include <linux/debugfs.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/seq_file.h>

static struct dentry *root;

/**
 * cmwq_list_length - count the entries of a list
 * @list: the list; its lock is held
 *
 * Return: how many.
 */
unsigned int cmwq_list_length(struct list_head *list)
{
	struct list_head *pos;
	unsigned int n = 0;

	list_for_each(pos, list)
		n++;
	return n;
}

/**
 * cmwq_inbox_length - count what producers pushed
 * @pool:	the pool; its lock is held, so nobody takes any
 * @pwq:	of this pwq only; NULL for all
 *
 * Looking must not link or kick them.
 *
 * Return: how many items.
 */
unsigned int cmwq_inbox_length(struct cmwq_pool *pool, struct cmwq_pwq *pwq)
{
	struct cmwq_work *work;
	unsigned int n = 0;

	llist_for_each_entry(work, READ_ONCE(pool->inbox.first), inbox)
		n += !pwq || pwq ==
		     cmwq_data_pwq(atomic_long_read(&work->data));
	return n;
}

/* Without blanks, for awk. */
static void show_word(struct seq_file *m, int width, const char *s)
{
	char word[64];
	int i;

	strscpy(word, *s ? s : "-", sizeof(word));
	for (i = 0; word[i]; i++)
		if (isspace(word[i]) || !isprint(word[i]))
			word[i] = '_';
	seq_printf(m, "%-*s ", width, word);
}

/* %ps says "function [module]". */
static void show_func(struct seq_file *m, cmwq_func_t func)
{
	char name[64] = "";
	char *blank;

	if (func) {
		snprintf(name, sizeof(name), "%ps", func);
		blank = strchr(name, ' ');
		if (blank)
			memmove(blank, blank + 1, strlen(blank));
	}
	show_word(m, 0, name);
}

static unsigned int nr_inactive(struct cmwq_pool *pool)
{
	struct cmwq_workqueue *wq;
	struct cmwq_pwq *pwq;
	unsigned int n = 0;

	lockdep_assert_held(&cmwq_wq_mutex);
	list_for_each_entry(wq, &cmwq_workqueues, node) {
		mutex_lock(&wq->mutex);
		cmwq_for_each_pwq(pwq, wq) {
			if (pwq->pool != pool)
				continue;
			raw_spin_lock_irq(&pool->lock);
			n += cmwq_list_length(&pwq->inactive);
			raw_spin_unlock_irq(&pool->lock);
		}
		mutex_unlock(&wq->mutex);
	}
	return n;
}

static void show_policy(struct seq_file *m, const struct cmwq_pool_key *key)
{
	if (key->bh)
		seq_puts(m, "softirq");
	else if (key->policy == SCHED_NORMAL)
		seq_puts(m, "normal");
	else
		seq_printf(m, "%s:%d",
			   key->policy == SCHED_FIFO ? "fifo" : "rr",
			   key->priority);
}

static const char *pool_flags_text(unsigned int flags, pid_t trustee)
{
	static const char * const text[] = {
		"-", "disassociated", "starved", "disassociated,starved",
		"disassociated,trustee", "disassociated,trustee,starved",
	};
	int i = !!(flags & POOL_DISASSOCIATED);

	if (flags & POOL_STARVED)
		i += 2;
	return text[trustee ? 4 + i / 2 : i];
}

static int pools_show(struct seq_file *m, void *unused)
{
	struct cmwq_pool *pool;

	seq_puts(m, "cmwq pools v3\n");
	seq_puts(m, "# pool cpu node cpus pod nice policy target workers idle busy running waiting inactive manager created retired failed capped handovers prewakes repatriated strays stalls evacuated hook flags\n");
	mutex_lock(&cmwq_wq_mutex);
	cmwq_for_each_pool(pool) {
		unsigned int inactive, waiting, busy = 0, flags;
		struct cmwq_worker *worker;
		char manager[16] = "-", cpu[12] = "-", node[12] = "-";
		const struct cpumask *mask, *pod;
		int workers, idle, running;
		pid_t trustee;
		u64 counts[10];

		raw_spin_lock_irq(&pool->lock);
		waiting = cmwq_list_length(&pool->worklist) +
			  cmwq_inbox_length(pool, NULL);
		list_for_each_entry(worker, &pool->workers, node)
			busy += !!worker->current_work;
		workers = pool->nr_workers;
		idle = pool->key.bh ? 0 : pool->nr_idle;
		running = atomic_read(&pool->nr_running);
		flags = pool->flags;
		trustee = flags & POOL_DISASSOCIATED && !pool->key.bh ?
			cmwq_trustee_pid(pool->key.cpu) : 0;
		if (pool->manager || trustee)
			snprintf(manager, sizeof(manager), "%d", pool->manager ?
				 task_pid_nr(pool->manager) : trustee);
		counts[0] = pool->created;
		counts[1] = pool->retired;
		counts[2] = pool->create_failed;
		counts[3] = pool->capped;
		counts[4] = pool->handovers;
		counts[5] = pool->prewakes;
		counts[6] = pool->repatriated;
		counts[7] = pool->strays;
		counts[8] = READ_ONCE(pool->stalls);
		counts[9] = pool->evacuated;
		raw_spin_unlock_irq(&pool->lock);

		inactive = nr_inactive(pool);
		mask = pool->key.allowed;
		if (pool->key.cpu >= 0) {
			snprintf(cpu, sizeof(cpu), "%d", pool->key.cpu);
			mask = cpumask_of(pool->key.cpu);
		}
		pod = pool->key.pod ?: mask;
		if (pool->node != NUMA_NO_NODE)
			snprintf(node, sizeof(node), "%d", pool->node);
		seq_printf(m, "%-4d %3s %2s %*pbl %*pbl %3d ", pool->id, cpu,
			   node, cpumask_pr_args(mask), cpumask_pr_args(pod),
			   pool->key.nice);
		show_policy(m, &pool->key);
		seq_printf(m, " %2d %4d %4d %4d %3d %5u %5u %s %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu %s %s\n",
			   pool->target, workers, idle, busy, running, waiting,
			   inactive, manager, counts[0], counts[1], counts[2],
			   counts[3], counts[4], counts[5], counts[6],
			   counts[7], counts[8], counts[9],
			   cmwq_hook_of_pool(pool),
			   pool_flags_text(flags, trustee));
	}
	mutex_unlock(&cmwq_wq_mutex);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(pools);

static const char * const flag_names[] = {
	[0] = "bh", [1] = "unbound", [2] = "freezable", [3] = "mem_reclaim",
	[4] = "highpri", [5] = "cpu_intensive", [6] = "sysfs",
	[7] = "power_efficient", [8] = "percpu", [17] = "ordered",
	[18] = "system", [19] = "legacy",
};

/**
 * cmwq_flags_text - a queue's flags as words, and whether it is frozen
 * @buf:	where to put them
 * @size:	bytes there
 * @wq:		the queue
 *
 * Return: @buf.
 */
const char *cmwq_flags_text(char *buf, size_t size, struct cmwq_workqueue *wq)
{
	const char *sep = "";
	size_t len = 0;
	int i;

	buf[0] = '\0';
	for (i = 0; i < ARRAY_SIZE(flag_names); i++) {
		if (!(wq->flags & BIT(i)) || !flag_names[i])
			continue;
		len += scnprintf(buf + len, size - len, "%s%s", sep,
				 flag_names[i]);
		sep = ",";
	}
	if (READ_ONCE(wq->frozen))
		scnprintf(buf + len, size - len, ",frozen");
	return buf;
}

static const char *intake_name(struct cmwq_workqueue *wq)
{
	switch (READ_ONCE(wq->intake)) {
	case CMWQ_OPEN:
		return "open";
	case CMWQ_DRAINING:
		return "draining";
	default:
		return "destroying";
	}
}

static int workqueues_show(struct seq_file *m, void *unused)
{
	struct cmwq_workqueue *wq;

	seq_puts(m, "cmwq workqueues v2\n");
	seq_puts(m, "# name owner intake max_active active inactive queued executed cancelled displaced maydays rescued rescuer flags\n");
	mutex_lock(&cmwq_wq_mutex);
	list_for_each_entry(wq, &cmwq_workqueues, node) {
		u64 executed, cancelled, maydays, rescued, in_flight = 0;
		unsigned int active = 0, inactive = 0;
		struct cmwq_pwq *pwq;
		char text[128];
		int i;

		mutex_lock(&wq->mutex);
		executed = wq->gone_executed;
		cancelled = wq->gone_cancelled;
		maydays = wq->gone_maydays;
		rescued = wq->gone_rescued;
		cmwq_for_each_pwq(pwq, wq) {
			raw_spin_lock_irq(&pwq->pool->lock);
			in_flight += cmwq_inbox_length(pwq->pool, pwq);
			active += pwq->nr_active;
			inactive += cmwq_list_length(&pwq->inactive);
			executed += pwq->executed;
			cancelled += pwq->cancelled;
			maydays += pwq->maydays;
			rescued += pwq->rescued;
			for (i = 0; i < WORK_COLOURS; i++)
				in_flight += pwq->in_flight[i];
			raw_spin_unlock_irq(&pwq->pool->lock);
		}
		mutex_unlock(&wq->mutex);
		show_word(m, 24, wq->name);
		show_word(m, 16, wq->owner ? wq->owner->name : "");
		seq_printf(m, "%-10s %4d %4u %4u %llu %llu %llu %ld %llu %llu %d ",
			   intake_name(wq), READ_ONCE(wq->max_active), active,
			   inactive, executed + cancelled + in_flight,
			   executed, cancelled,
			   atomic_long_read(&wq->displaced), maydays, rescued,
			   cmwq_rescuer_pid(wq));
		seq_printf(m, "%s\n", cmwq_flags_text(text, sizeof(text), wq));
	}
	mutex_unlock(&cmwq_wq_mutex);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(workqueues);

/* One worker, copied under the pool's lock and printed without it. */
struct worker_line {
	pid_t pid;
	int id;
	const char *state;
	unsigned long since;
	cmwq_func_t func;
	char queue[CMWQ_NAME_LEN];
	char desc[CMWQ_WORKER_DESC_LEN];
};

static void copy_worker(struct worker_line *line, struct cmwq_worker *worker,
			struct cmwq_pool *pool)
{
	line->pid = worker->task ? task_pid_nr(worker->task) : 0;
	line->id = worker->id;
	line->since = worker->since;
	line->func = worker->current_func;
	strscpy(line->queue, worker->current_pwq ?
		worker->current_pwq->wq->name : "", sizeof(line->queue));
	strscpy(line->desc, worker->desc, sizeof(line->desc));
	if (worker->task && pool->manager == worker->task)
		line->state = "managing";
	else if (worker->flags & WORKER_IDLE)
		line->state = "idle";
	else if (!worker->current_work)
		line->state = "between";
	else if (worker->flags & WORKER_RESCUER)
		line->state = "rescuing";
	else if (worker->task &&
		 cmwq_task_state(worker->task) != TASK_RUNNING)
		line->state = "sleeping";
	else
		line->state = "running";
}

static int workers_show(struct seq_file *m, void *unused)
{
	struct worker_line *lines;
	struct cmwq_pool *pool;
	int i, n, room;

	seq_puts(m, "cmwq workers v1\n");
	seq_puts(m, "# pid pool cpu id state ms function queue desc\n");
	cmwq_for_each_pool(pool) {
		struct cmwq_worker *worker;

		room = READ_ONCE(pool->nr_workers) + 16;
		lines = kvmalloc_array(room, sizeof(*lines), GFP_KERNEL);
		if (!lines) {
			cmwq_pool_put(pool);
			return -ENOMEM;
		}
		n = 0;
		raw_spin_lock_irq(&pool->lock);
		list_for_each_entry(worker, &pool->workers, node) {
			if (n == room)
				break;
			if (!worker->task && !worker->current_work)
				continue;	/* a BH worker at rest */
			copy_worker(&lines[n++], worker, pool);
		}
		raw_spin_unlock_irq(&pool->lock);

		for (i = 0; i < n; i++) {
			seq_printf(m, "%-6d %-4d ", lines[i].pid,
				   pool->id);
			if (pool->key.cpu >= 0)
				seq_printf(m, "%3d ", pool->key.cpu);
			else
				seq_puts(m, "  - ");
			seq_printf(m, "%-4d %-8s %8u ", lines[i].id,
				   lines[i].state,
				   jiffies_to_msecs(jiffies - lines[i].since));
			show_func(m, lines[i].func);
			show_word(m, 0, lines[i].queue);
			show_word(m, 0, lines[i].desc);
			seq_putc(m, '\n');
		}
		kvfree(lines);
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(workers);

static int stats_show(struct seq_file *m, void *unused)
{
	u64 created = 0, retired = 0, failed = 0, capped = 0;
	u64 handovers = 0, prewakes = 0, strays = 0, stalls = 0, evacuated = 0;
	int pools = 0, trustees = 0;
	struct cmwq_pool *pool;
	unsigned int cpu;

	cmwq_for_each_pool(pool) {
		pools++;
		raw_spin_lock_irq(&pool->lock);
		created += pool->created;
		retired += pool->retired;
		failed += pool->create_failed;
		capped += pool->capped;
		handovers += pool->handovers;
		prewakes += pool->prewakes;
		strays += pool->strays;
		stalls += READ_ONCE(pool->stalls);
		evacuated += pool->evacuated;
		raw_spin_unlock_irq(&pool->lock);
	}
	seq_puts(m, "cmwq stats v1\n");
	seq_printf(m, "pools %d\n", pools);
	seq_printf(m, "workers %d\n", atomic_read(&cmwq_nr_workers));
	for_each_possible_cpu(cpu)
		trustees += !!cmwq_trustee_pid(cpu);
	seq_printf(m, "trustees %d\n", trustees);
	seq_printf(m, "workers_created %llu\n", created);
	seq_printf(m, "workers_retired %llu\n", retired);
	seq_printf(m, "worker_creations_failed %llu\n", failed);
	seq_printf(m, "worker_creations_capped %llu\n", capped);
	seq_printf(m, "handovers %llu\n", handovers);
	seq_printf(m, "prewakes %llu\n", prewakes);
	seq_printf(m, "strays %llu\n", strays);
	seq_printf(m, "stalls %llu\n", stalls);
	seq_printf(m, "evacuated %llu\n", evacuated);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(stats);

static int hogs_show(struct seq_file *m, void *unused)
{
	struct cmwq_hog *hogs, *hog;

	hogs = kmalloc_array(CMWQ_HOGS + 1, sizeof(*hogs), GFP_KERNEL);
	if (!hogs)
		return -ENOMEM;
	seq_puts(m, "cmwq hogs v1\n");
	seq_puts(m, "# hits longest_us total_us function\n");
	mutex_lock(&cmwq_hogs_mutex);
	cmwq_hogs_copy(hogs);
	for (hog = hogs; hog <= hogs + CMWQ_HOGS; hog++) {
		if (!hog->hits)
			continue;
		seq_printf(m, "%6llu %8llu %10llu ", hog->hits,
			   div_u64(hog->longest, NSEC_PER_USEC),
			   div_u64(hog->total, NSEC_PER_USEC));
		if (hog->func)
			show_func(m, hog->func);
		else
			seq_puts(m, "(others)");
		seq_putc(m, '\n');
	}
	mutex_unlock(&cmwq_hogs_mutex);
	kfree(hogs);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(hogs);

static int config_show(struct seq_file *m, void *unused)
{
	seq_puts(m, "cmwq config v1\n");
	seq_printf(m, "version %s\n", CMWQ_VERSION);
	cmwq_hooks_show(m);
	seq_printf(m, "concurrency %u\n", cmwq_concurrency);
	seq_printf(m, "pool_max_workers %u\n",
		   READ_ONCE(cmwq_pool_max_workers));
	seq_printf(m, "total_max_workers %u\n",
		   READ_ONCE(cmwq_total_max_workers));
	seq_printf(m, "idle_timeout_ms %u\n", READ_ONCE(cmwq_idle_timeout_ms));
	seq_printf(m, "cpu_intensive_thresh_us %u\n",
		   READ_ONCE(cmwq_cpu_intensive_thresh_us));
	seq_printf(m, "cpu_intensive_warning_thresh %u\n",
		   READ_ONCE(cmwq_cpu_intensive_warning_thresh));
	seq_printf(m, "watchdog_thresh %u\n", READ_ONCE(cmwq_watchdog_thresh));
	seq_printf(m, "watchdog_evacuate %d\n",
		   READ_ONCE(cmwq_watchdog_evacuate));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(config);

int cmwq_debugfs_init(void)
{
	/* A kernel without debugfs does without the views. */
	root = debugfs_create_dir("cmwq", NULL);
	if (IS_ERR(root)) {
		pr_warn("no debugfs views (errno %ld)\n", PTR_ERR(root));
		root = NULL;
		return 0;
	}
	d_inode(root)->i_mode &= ~(umode_t)0077;
	debugfs_create_file("pools", 0400, root, NULL, &pools_fops);
	debugfs_create_file("workqueues", 0400, root, NULL, &workqueues_fops);
	debugfs_create_file("workers", 0400, root, NULL, &workers_fops);
	debugfs_create_file("stats", 0400, root, NULL, &stats_fops);
	debugfs_create_file("hogs", 0400, root, NULL, &hogs_fops);
	debugfs_create_file("config", 0400, root, NULL, &config_fops);
	return 0;
}

void cmwq_debugfs_exit(void)
{
	debugfs_remove_recursive(root);
}
