/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * observe.h - what the views and the dumps share
 */
#ifndef _CMWQ_OBSERVE_H
#define _CMWQ_OBSERVE_H

#include "../cmwq_internal.h"

unsigned int cmwq_list_length(struct list_head *list);
unsigned int cmwq_inbox_length(struct cmwq_pool *pool, struct cmwq_pwq *pwq);
const char *cmwq_flags_text(char *buf, size_t size, struct cmwq_workqueue *wq);

#endif /* _CMWQ_OBSERVE_H */
