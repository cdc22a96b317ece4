#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# cmwq/dropin.h and tools/cmwq-prelude at compile time: what is right compiles
# without a warning, and what is wrong is refused with a sentence.
# usage: host-dropin.sh KERNEL

set -u

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/.." && pwd)
kernel=${1:?which kernel?}
kdir=$(readlink -f "$root/build/kernels/$kernel/kdir")
# shellcheck source=tests/lib-host.sh
. "$here/lib-host.sh"

# The compiler as kbuild calls it, learnt from one module.
learn()
{
	mkdir "$dir/learn"
	printf '%s\n' '#include <linux/module.h>' 'MODULE_LICENSE("GPL");' \
		'MODULE_DESCRIPTION("a module");' >"$dir/learn/this.c"
	printf '%s\n' 'obj-m := this.o' "ccflags-y := -I$root/include" \
		>"$dir/learn/Kbuild"
	make -C "$kdir" M="$dir/learn" CONFIG_DEBUG_INFO_BTF_MODULES= \
		modules >"$dir/log" 2>&1 || return 1
	command=$(sed -n 's/^\(saved\)\?cmd_[^ ]*this\.o := //p' \
		"$dir/learn/.this.o.cmd" | sed 's/ ; .*//')
	[ -n "$command" ]
}

# compile OPTION...: $dir/learn/this.c
compile()
{
	(cd "$kdir" && eval "$command $*") >"$dir/log" 2>&1
}

# A driver around stdin, which comes after the drop-in.
driver()
{
	cat - >"$dir/rest"
	cat >"$dir/learn/this.c" <<-C
		#include <linux/module.h>
		#include <linux/slab.h>
		#include <linux/srcu.h>
		#include <linux/workqueue.h>
		${before-}
		struct of_the_kernel {
			struct work_struct work;
			struct delayed_work dwork;
			struct workqueue_struct *wq;
			int (*flush_work)(int i);
		};
		#include <cmwq/dropin.h>
		$(cat "$dir/rest")
	C
	before=
}

right()
{
	compile && [ ! -s "$dir/log" ]
	result "$1" $?
}

# wrong NAME SENTENCE [OPTION...]: does not compile, and says why
wrong()
{
	local name=$1 sentence=$2

	shift 2
	! compile "$@" && grep -qE "error: .*cmwq/dropin.h$sentence" "$dir/log"
	result "$name" $?
}

echo "KTAP version 1"
echo "1..22"
learn
result "a module without it" $?

driver <<'C'
struct mine {
	struct work_struct work;
	struct delayed_work dwork;
	struct work_struct cancel_work;
	bool (*flush_work)(struct work_struct *work);
};
static struct mine m;
static struct of_the_kernel k;
static struct workqueue_struct *wq;
static void fn(struct work_struct *work)
{
	struct mine *p = container_of(work, struct mine, work);

	schedule_work(&p->work);
}
static DECLARE_WORK(declared, fn);
static DECLARE_DELAYED_WORK(delayed, fn);
static struct mine initialised = {
	.work = __WORK_INITIALIZER(initialised.work, fn),
	.dwork = __DELAYED_WORK_INITIALIZER(initialised.dwork, fn, 0),
	.flush_work = flush_work,
};
DEFINE_STATIC_SRCU(of_a_kernel_macro);
static void (*destroy)(struct workqueue_struct *wq) = destroy_workqueue;
static work_func_t func = fn;
int use(void);
int use(void)
{
	struct work_struct *work = &m.work;
	int idx = srcu_read_lock(&of_a_kernel_macro);

	srcu_read_unlock(&of_a_kernel_macro, idx);
	wq = alloc_workqueue("mine%d", WQ_UNBOUND | WQ_MEM_RECLAIM, 1, 3);
	wq = alloc_ordered_workqueue("ordered", 0);
	wq = create_singlethread_workqueue("single");
	INIT_WORK(&m.work, fn);
	INIT_WORK(&m.cancel_work, func);
	INIT_DELAYED_WORK(&m.dwork, fn);
	if (work_pending(work))
		goto queue_work;
	queue_work(wq, work);
queue_work:
	queue_work_on(1, system_wq, &declared);
	queue_delayed_work(system_unbound_wq, &m.dwork, HZ);
	mod_delayed_work_on(WORK_CPU_UNBOUND, wq, &delayed, 0);
	schedule_delayed_work(to_delayed_work(&m.dwork.work), 1);
	cancel_work_sync(&m.cancel_work);
	cancel_delayed_work_sync(&m.dwork);
	disable_work_sync(work);
	enable_work(work);
	flush_workqueue(wq);
	destroy(wq);
	return work_busy(work) & WORK_BUSY_RUNNING;
}
/* What is the kernel's stays so. */
static void kernel_fn(cmwq_stock_work *work)
{
}
int use_of_the_kernel(void);
int use_of_the_kernel(void)
{
	cmwq_stock_workqueue *q = k.wq;

	INIT_WORK(&k.work, kernel_fn);
	INIT_DELAYED_WORK(&k.dwork, kernel_fn);
	queue_work(k.wq, &k.work);
	queue_work_on(1, q, &k.work);
	queue_delayed_work(k.wq, &k.dwork, 1);
	schedule_work(&k.work);
	flush_work(&k.work);
	cancel_delayed_work_sync(to_delayed_work(&k.dwork.work));
	flush_workqueue(q);
	return work_pending(&k.work) + work_busy(&k.work);
}
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("a driver");
C
right "a driver, and what it has of the kernel's"

cp "$here/host-dropin-names.c" "$dir/learn/this.c"
right "every name of the API"

# Which of the two is called?
calls()
{
	local object=$dir/learn/this.o

	nm "$object" | grep -q " U $1\$" && ! nm "$object" | grep -q " U $2\$"
	result "$3" $?
}
driver <<'C'
bool own(struct work_struct *work) { return flush_work(work); }
C
compile
calls cmwq_flush_work flush_work "an item of the driver goes to cmwq"
driver <<'C'
bool own(struct of_the_kernel *k) { return flush_work(&k->work); }
C
compile
calls flush_work cmwq_flush_work "an item of the kernel goes to the kernel"

driver <<'C'
#include <cmwq/dropin.h>
struct mine { struct work_struct work; };
C
right "a second one is harmless"

driver <<'C'
struct mine { struct work_struct work; };
C
wrong "C++" ' is for C only' -E -D__cplusplus=201103L
wrong "built in" ' is for modules only' -UMODULE

printf '%s\n' '#include <cmwq/dropin.h>' '#include <linux/module.h>' \
	>"$dir/learn/this.c"
wrong "before the first #include" ' .* after the last #include: <linux/workq'

echo 'struct late { struct work_struct work; };' >"$dir/learn/late.h"
driver <<'C'
#include "late.h"
C
wrong "a header with an item after it" ' .* after the last #include: this h'
echo 'void late(struct workqueue_struct *wq);' >"$dir/learn/late.h"
wrong "a header with a queue after it" ' .* after the last #include: this h'
echo '#include "late2.h"' >"$dir/learn/late.h"
echo 'struct late { struct delayed_work *work; };' >"$dir/learn/late2.h"
wrong "a header of a header" ' .* after the last #include: this h'
driver <<'C'
#include <linux/usb.h>
C
wrong "a header of the kernel" ' .* after the last #include: this h'
echo '#define LATE 1' >"$dir/learn/late.h"
driver <<'C'
#include "late.h"
struct mine { struct work_struct work[LATE]; };
C
right "a header without any may come after it"

echo '#include <cmwq/dropin.h>' >"$dir/learn/early.h"
printf '%s\n' '#include <linux/module.h>' '#include <linux/workqueue.h>' \
	'#include "early.h"' >"$dir/learn/this.c"
wrong "from a header" ' has to be included by the source file itself'

driver <<'C'
void mixed(struct of_the_kernel *k) { queue_work(system_wq, &k->work); }
C
wrong "an item of the kernel on a queue of cmwq" ': an item of the kernel on a queue of cmwq'
driver <<'C'
void mixed(struct of_the_kernel *k, struct delayed_work *dwork)
{
	queue_delayed_work(k->wq, dwork, 1);
}
C
wrong "an item of cmwq on a queue of the kernel" ': an item of cmwq on a queue of the kernel'

# The prelude: a driver of two files with a header that holds an item.
mkdir "$dir/two"
cp "$here"/host-dropin/* "$dir/two/"
"$root/tools/cmwq-prelude" "$dir/two" >"$dir/two/prelude.h" 2>"$dir/log" &&
	! grep -q 'two.h' "$dir/two/prelude.h" &&
	grep -q '^#define pr_fmt(fmt).*": " fmt$' "$dir/two/prelude.h" &&
	[ "$(tail -n 1 "$dir/two/prelude.h")" = "#include <cmwq/dropin.h>" ]
result "the prelude of a driver with a header of its own" $?
two()
{
	make -C "$kdir" M="$dir/two" CONFIG_DEBUG_INFO_BTF_MODULES= \
		KBUILD_MODPOST_WARN=1 CMWQ_INCLUDE="$root/include" \
		TWO_FLAGS="$*" modules >"$dir/log" 2>&1
}
two -include "$dir/two/prelude.h" &&
	! grep -E '(warning|error):' "$dir/log" &&
	nm "$dir/two/two.ko" | grep -q ' U cmwq_queue_work_on$' &&
	! nm "$dir/two/two.ko" | grep -q ' U queue_work_on$'
result "it builds with it" $?
for file in "$dir"/two/*.c; do
	sed -i "$(grep -n '^#include' "$file" | tail -n 1 | cut -d: -f1)a \\
#include <cmwq/dropin.h>" "$file"
done
! two && grep -q 'error: .*incompatible' "$dir/log"
result "it does not with the line in its files alone" $?
"$root/tools/cmwq-prelude" "$dir/nothing" >"$dir/log" 2>&1
[ $? = 1 ] && grep -q 'cmwq-prelude: .*no such' "$dir/log"
result "the prelude of nothing" $?
mkdir "$dir/none"
echo 'int i;' >"$dir/none/none.c"
"$root/tools/cmwq-prelude" "$dir/none" >"$dir/log" 2>&1
[ $? = 1 ] && grep -q 'cmwq-prelude: .*include nothing of the kernel' "$dir/log"
result "the prelude of what is no driver" $?
exit $failed
