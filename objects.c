// SPDX-License-Identifier: GPL-2.0-only
/*
 * objects.c - the lives of items; only with CONFIG_DEBUG_OBJECTS_WORK
 */
#include "cmwq_internal.h"

#include <linux/debugobjects.h>

static const struct debug_obj_descr descr;

static void *function_of(void *addr)
{
	return ((struct cmwq_work *)addr)->func;
}

/* Asked of an item that was queued without an initialisation at run time. */
static bool is_static(void *addr)
{
	struct cmwq_work *work = addr;

	return cmwq_item_sane(work, atomic_long_read(&work->data));
}

/*
 * Take an active one back: what comes next would break a list.  If it is spoilt
 * already, which the cancellation sees, that is all that can be done.
 */
static void take_back(void *addr)
{
	cmwq_cancel_work(addr);
	debug_object_deactivate(addr, &descr);
}

static bool fixup_init(void *addr, enum debug_obj_state state)
{
	if (state != ODEBUG_STATE_ACTIVE)
		return false;
	take_back(addr);
	debug_object_init(addr, &descr);
	return true;
}

static bool fixup_free(void *addr, enum debug_obj_state state)
{
	if (state != ODEBUG_STATE_ACTIVE)
		return false;
	take_back(addr);
	debug_object_free(addr, &descr);
	return true;
}

static const struct debug_obj_descr descr = {
	.name			= "cmwq_work",
	.debug_hint		= function_of,
	.is_static_object	= is_static,
	.fixup_init		= fixup_init,
	.fixup_free		= fixup_free,
};

void __cmwq_object_init(struct cmwq_work *work, bool onstack)
{
	if (onstack)
		debug_object_init_on_stack(work, &descr);
	else
		debug_object_init(work, &descr);
}
EXPORT_SYMBOL_GPL(__cmwq_object_init);

/**
 * cmwq_object_activate - an item is about to be found by workers
 * @work: the item, claimed by the caller
 */
void cmwq_object_activate(struct cmwq_work *work)
{
	debug_object_activate(work, &descr);
}

/**
 * cmwq_object_deactivate - an item is taken from where workers find it
 * @work: the item
 */
void cmwq_object_deactivate(struct cmwq_work *work)
{
	debug_object_deactivate(work, &descr);
}

/**
 * cmwq_object_end - the memory of an item on the stack is used for other things
 * @work: the item
 */
void cmwq_object_end(struct cmwq_work *work)
{
	debug_object_free(work, &descr);
}
