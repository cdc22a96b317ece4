/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cmwq_test.h - a small harness for test modules
 *
 * A test module is one source file with a table of cases:
 *
 *	#include "engine.h"
 *	#include "cmwq_test.h"
 *
 *	static void idle_flush(void)
 *	{
 *		...
 *		EXPECT(!e_flush_work(&work));
 *	}
 *
 *	const struct test_case test_cases[] = {
 *		CASE(idle_flush),
 *		{}
 *	};
 *
 * Loading it starts a thread that runs the cases in order.  Two files in
 * debugfs, in a directory named after the module, tell how it goes: "state" is
 * "running CASE CHECKS" or "done ...", "results" is KTAP.  As long as it runs
 * it cannot be unloaded, so a hang is seen by whoever watches "state" and never
 * becomes a hang of rmmod.
 *
 * A wait that times out means that an item was lost.  Nobody knows what still
 * refers to what then: nothing is freed or destroyed after that, the module
 * stays loaded for good, and after a few losses the rest is not run.
 */
#ifndef _CMWQ_TEST_H
#define _CMWQ_TEST_H

#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#define TEST_MAX_LOST	3	/* losses before the rest is left out */
#define TEST_MAX_DIAGS	8	/* complaints printed per case */
#define TEST_THREADS	32

struct test_case {
	const char *name;
	void (*run)(void);
	bool in_insmod;		/* run in the task that loads the module */
};

#define CASE(fn)	{ #fn, fn }
#define CASE_IN_INSMOD(fn) { #fn, fn, true }

/* What the test source provides; the last one has no name. */
extern const struct test_case test_cases[];

#ifdef TEST_OPENS_FILES
#include <linux/fs.h>
#include <linux/fs_struct.h>
#include <linux/path.h>

/*
 * Files are those of whoever loads the test: the threads of newer kernels see
 * none.
 */
static struct path test_root;

static int test_write_file(const char *name, const char *text)
{
	struct file *file;
	loff_t pos = 0;
	ssize_t ret;

#ifdef TEST_OPEN_ROOT_TAKES_DENTRY
	file = file_open_root(test_root.dentry, test_root.mnt, name, O_WRONLY,
			      0);
#else
	file = file_open_root(&test_root, name, O_WRONLY, 0);
#endif
	if (IS_ERR(file))
		return PTR_ERR(file);
	ret = kernel_write(file, text, strlen(text), &pos);
	filp_close(file, NULL);
	return ret < 0 ? ret : 0;
}
#endif

static char *only;
module_param(only, charp, 0444);
MODULE_PARM_DESC(only, "run this case only");

static unsigned int wait_ms = 20000;
module_param(wait_ms, uint, 0444);
MODULE_PARM_DESC(wait_ms, "when an item counts as lost");

static char test_log[32768];
static size_t test_log_len;
static DEFINE_SPINLOCK(test_log_lock);

static const char *test_name = "-";
static const char *test_done;
static atomic_t test_checks = ATOMIC_INIT(0);
static atomic_t test_failures = ATOMIC_INIT(0);
static bool test_skipped;
static bool test_lost_here;
static int test_losses;

static struct task_struct *test_task;
static struct dentry *test_dir;

static __printf(1, 2) void test_print(const char *fmt, ...)
{
	unsigned long flags;
	va_list args;

	va_start(args, fmt);
	spin_lock_irqsave(&test_log_lock, flags);
	test_log_len += vscnprintf(test_log + test_log_len,
				   sizeof(test_log) - test_log_len, fmt, args);
	spin_unlock_irqrestore(&test_log_lock, flags);
	va_end(args);
}

static __printf(3, 4) __maybe_unused
void test_fail(const char *func, int line, const char *fmt, ...)
{
	char why[160];
	va_list args;

	if (atomic_inc_return(&test_failures) > TEST_MAX_DIAGS)
		return;
	va_start(args, fmt);
	vsnprintf(why, sizeof(why), fmt, args);
	va_end(args);
	test_print("# %s: line %d (%s): %s\n", test_name, line, func, why);
}

#define FAIL(fmt, ...)	test_fail(__func__, __LINE__, fmt, ##__VA_ARGS__)

/* Check @cond; the value of the whole is whether it held. */
#define EXPECT(cond)							\
({									\
	bool __ok = (cond);						\
									\
	atomic_inc(&test_checks);					\
	if (!__ok)							\
		test_fail(__func__, __LINE__, "not so: %s", #cond);	\
	__ok;								\
})

/* The same for "@a @op @b" on integers; shows both. */
#define EXPECT_OP(a, op, b)						\
({									\
	long __a = (long)(a), __b = (long)(b);				\
	bool __ok = __a op __b;						\
									\
	atomic_inc(&test_checks);					\
	if (!__ok)							\
		test_fail(__func__, __LINE__, "not so: %s %s %s (%ld, %ld)", \
			  #a, #op, #b, __a, __b);			\
	__ok;								\
})

#define EXPECT_EQ(a, b)	EXPECT_OP(a, ==, b)

/* The case ends here, and this is why. */
static __maybe_unused void test_skip(const char *why)
{
	test_print("ok %s # SKIP %s\n", test_name, why);
	test_skipped = true;
}

/* How long to wait: much less once an item was lost. */
static inline unsigned long test_timeout(void)
{
	return msecs_to_jiffies(READ_ONCE(test_losses) ? wait_ms / 8 : wait_ms);
}

static void test_lost(const char *func, int line, const char *what)
{
	test_fail(func, line, "timed out: %s", what);
	WRITE_ONCE(test_lost_here, true);
	WRITE_ONCE(test_losses, test_losses + 1);
}

static __maybe_unused bool
test_wait(struct completion *done, const char *func, int line, const char *what)
{
	atomic_inc(&test_checks);
	if (wait_for_completion_timeout(done, test_timeout()))
		return true;
	test_lost(func, line, what);
	return false;
}

/* Wait for a completion; false means that it timed out and was reported. */
#define WAIT(done)	test_wait(done, __func__, __LINE__, #done)

/* Wait until @cond holds. */
#define WAIT_FOR(cond)							\
({									\
	unsigned long __end = jiffies + test_timeout();			\
	bool __ok;							\
									\
	while (!(__ok = (cond)) && time_before(jiffies, __end))		\
		usleep_range(500, 1000);				\
	atomic_inc(&test_checks);					\
	if (!__ok)							\
		test_lost(__func__, __LINE__, #cond);			\
	__ok;								\
})

/* The same; time is up when the atomic_t @progress has stood for that long. */
#define WAIT_WHILE_MOVING(cond, progress)				\
({									\
	unsigned long __end = jiffies + test_timeout();			\
	const atomic_t *__progress = (progress);			\
	int __was = atomic_read(__progress), __now;			\
	bool __ok;							\
									\
	while (!(__ok = (cond)) && time_before(jiffies, __end)) {	\
		usleep_range(500, 1000);				\
		__now = atomic_read(__progress);			\
		if (__now == __was)					\
			continue;					\
		__was = __now;						\
		__end = jiffies + test_timeout();			\
		atomic_inc(&test_checks);				\
	}								\
	atomic_inc(&test_checks);					\
	if (!__ok)							\
		test_lost(__func__, __LINE__, #cond);			\
	__ok;								\
})

/* In an item: wait for a gate that the test opens, however it ends. */
static __maybe_unused void test_gate(struct completion *gate)
{
	wait_for_completion_timeout(gate, 2 * msecs_to_jiffies(wait_ms));
}

/* Use the CPU for that long, preemptible under every preemption model. */
static __maybe_unused void test_burn_us(unsigned int us)
{
	ktime_t end = ktime_add_us(ktime_get(), us);

	while (ktime_before(ktime_get(), end)) {
		cpu_relax();
		cond_resched();
	}
}

/* The next of a series of pseudo-random numbers; @state is not zero. */
static __maybe_unused u32 test_random(u32 *state)
{
	u32 x = *state;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return *state = x;
}

/* Make @most the largest @n that it was given. */
static __maybe_unused void test_raise(atomic_t *most, int n)
{
	int was = atomic_read(most);

	while (n > was && !atomic_try_cmpxchg(most, &was, n))
		;
}

static inline bool test_may_free(void)
{
	return !READ_ONCE(test_lost_here);
}

/* The last step of a case: the queue, unless an item was lost. */
static __maybe_unused void test_destroy(struct e_wq *wq)
{
	if (wq && test_may_free())
		e_destroy_workqueue(wq);
}

/* Threads */

struct test_thread {
	void (*fn)(int nr);
	int nr;
	struct task_struct *task;
	struct completion done;
};

static struct test_thread test_threads[TEST_THREADS];
static int test_nr_threads;

static int test_thread_main(void *data)
{
	struct test_thread *t = data;

	t->fn(t->nr);
	complete(&t->done);
	while (!kthread_should_stop())
		schedule_timeout_interruptible(HZ);
	return 0;
}

/* Start one more thread that runs @fn(@nr), on @cpu unless that is negative. */
static __maybe_unused struct test_thread *
test_thread_start(void (*fn)(int nr), int nr, int cpu)
{
	struct test_thread *t = &test_threads[test_nr_threads];

	if (test_nr_threads == TEST_THREADS) {
		FAIL("too many threads");
		return NULL;
	}
	t->fn = fn;
	t->nr = nr;
	init_completion(&t->done);
	t->task = kthread_create(test_thread_main, t, "cmwq_test/%d", nr);
	if (IS_ERR(t->task)) {
		FAIL("no thread: %ld", PTR_ERR(t->task));
		return NULL;
	}
	if (cpu >= 0)
		kthread_bind(t->task, cpu);
	test_nr_threads++;
	wake_up_process(t->task);
	return t;
}

/* Wait until @t sleeps in whatever its function called. */
static __maybe_unused bool test_thread_sleeps(struct test_thread *t)
{
	int seen = 0;

	return WAIT_FOR((seen = READ_ONCE(t->task->TEST_TASK_STATE) &
				TASK_UNINTERRUPTIBLE ? seen + 1 : 0) > 8 ||
			completion_done(&t->done));
}

/*
 * All threads: wait for their functions, then for themselves.  They may take
 * as long as they need while they count checks.
 */
static __maybe_unused bool test_threads_join(void)
{
	int i, checks;

	for (i = 0; i < test_nr_threads; i++) {
		do {
			checks = atomic_read(&test_checks);
			if (wait_for_completion_timeout(&test_threads[i].done,
							test_timeout()))
				break;
			if (checks == atomic_read(&test_checks)) {
				test_lost(__func__, __LINE__, "a thread");
				return false;
			}
		} while (1);
		atomic_inc(&test_checks);
	}
	while (test_nr_threads)
		kthread_stop(test_threads[--test_nr_threads].task);
	return true;
}

/* Run @fn(0) ... @fn(@n - 1) at once, on the online CPUs in turn. */
static __maybe_unused bool test_run_threads(void (*fn)(int nr), int n)
{
	int cpu = -1, i;

	for (i = 0; i < n; i++) {
		cpu = cpumask_next(cpu, cpu_online_mask);
		if (cpu >= nr_cpu_ids)
			cpu = cpumask_first(cpu_online_mask);
		if (!test_thread_start(fn, i, cpu))
			break;
	}
	return test_threads_join() && i == n;
}

/* The runner */

static int test_passed, test_skips, test_failed;

static void test_run_case(const struct test_case *c)
{
	test_skipped = false;
	test_lost_here = false;
	atomic_set(&test_failures, 0);
	WRITE_ONCE(test_name, c->name);
	c->run();
	if (atomic_read(&test_failures)) {
		if (!test_skipped)
			test_print("not ok %s\n", c->name);
		pr_err("%s: failed\n", c->name);
		test_failed++;
	} else if (test_skipped) {
		test_skips++;
	} else {
		test_print("ok %s\n", c->name);
		test_passed++;
	}
}

static void test_run_cases(bool in_insmod)
{
	const struct test_case *c;

	for (c = test_cases; c->name; c++) {
		if (c->in_insmod != in_insmod ||
		    (only && strcmp(only, c->name)))
			continue;
		if (test_losses < TEST_MAX_LOST) {
			test_run_case(c);
			continue;
		}
		test_print("not ok %s\n", c->name);
		test_failed++;
	}
}

static int test_main(void *unused)
{
	test_run_cases(false);
	test_print("# %s: %d passed, %d failed, %d skipped, %d checks\n",
		   ENGINE_NAME, test_passed, test_failed, test_skips,
		   atomic_read(&test_checks));
	/* Pairs with the load in test_state_show(): "done" means all is there. */
	smp_store_release(&test_done, test_failed ? "fail" : "pass");
	/* What was lost may come back and use our code and data. */
	if (!test_losses)
		module_put(THIS_MODULE);
	while (!kthread_should_stop())
		schedule_timeout_interruptible(HZ);
	return 0;
}

static int test_results_show(struct seq_file *m, void *v)
{
	seq_write(m, test_log, READ_ONCE(test_log_len));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(test_results);

static int test_state_show(struct seq_file *m, void *v)
{
	const char *done = smp_load_acquire(&test_done); /* by test_main() */

	if (done)
		seq_printf(m, "done %s\n", done);
	else
		seq_printf(m, "running %s %d\n", READ_ONCE(test_name),
			   atomic_read(&test_checks));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(test_state);

static int __init test_init(void)
{
#ifdef TEST_OPENS_FILES
	get_fs_root(current->fs, &test_root);
#endif
	test_run_cases(true);
	test_task = kthread_create(test_main, NULL, KBUILD_MODNAME);
	if (IS_ERR(test_task)) {
#ifdef TEST_OPENS_FILES
		path_put(&test_root);
#endif
		return PTR_ERR(test_task);
	}
	test_dir = debugfs_create_dir(KBUILD_MODNAME, NULL);
	debugfs_create_file("results", 0400, test_dir, NULL,
			    &test_results_fops);
	debugfs_create_file("state", 0400, test_dir, NULL, &test_state_fops);
	__module_get(THIS_MODULE);
	wake_up_process(test_task);
	return 0;
}
module_init(test_init);

static void __exit test_exit(void)
{
	kthread_stop(test_task);
	debugfs_remove_recursive(test_dir);
#ifdef TEST_OPENS_FILES
	path_put(&test_root);
#endif
}
module_exit(test_exit);

MODULE_DESCRIPTION("cmwq tests: " KBUILD_MODNAME);
MODULE_LICENSE("GPL");

#endif /* _CMWQ_TEST_H */
