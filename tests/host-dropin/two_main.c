// SPDX-License-Identifier: GPL-2.0-only
/*
 * two_main.c - the driver's first file: its own header is not its last one
 */
#define pr_fmt(fmt) \
	KBUILD_MODNAME ": " fmt

#include "two.h"

#include <linux/module.h>
#include <linux/usb.h>

static struct two two;

static int __init two_init(void)
{
	two.wq = alloc_workqueue("two", WQ_UNBOUND, 0);
	if (!two.wq)
		return -ENOMEM;
	INIT_WORK(&two.work, two_fn);
	INIT_DELAYED_WORK(&two.dwork, two_fn);
	queue_work(two.wq, &two.work);
	pr_info("queued\n");
	return 0;
}
module_init(two_init);

static void __exit two_exit(void)
{
	cancel_delayed_work_sync(&two.dwork);
	destroy_workqueue(two.wq);
}
module_exit(two_exit);

MODULE_DESCRIPTION("a driver of two files");
MODULE_LICENSE("GPL");
