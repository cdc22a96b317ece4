/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * two.h - a driver's own header, with items in a structure
 */
#ifndef TWO_H
#define TWO_H

#include <linux/workqueue.h>

struct two {
	struct work_struct work;
	struct delayed_work dwork;
	struct workqueue_struct *wq;
};

void two_fn(struct work_struct *work);

#endif /* TWO_H */
