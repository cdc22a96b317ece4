// SPDX-License-Identifier: GPL-2.0-only
/*
 * two_work.c - the driver's second file
 */
#include <linux/jiffies.h>
#include "two.h"

void two_fn(struct work_struct *work)
{
	struct two *two = container_of(work, struct two, work);

	schedule_delayed_work(&two->dwork, HZ);
}
