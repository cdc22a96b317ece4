// SPDX-License-Identifier: GPL-2.0-only
/*
 * A subsystem that does not let CPUs go.  Loaded before cmwq it is asked after
 * cmwq; cmwq_test_hotplug asks a second one of its own to be asked before.
 */
#include <linux/cpuhotplug.h>
#include <linux/module.h>

#include "cmwq_test_veto.h"

bool cmwq_test_veto;
EXPORT_SYMBOL_GPL(cmwq_test_veto);

static int state;

static int going_down(unsigned int cpu)
{
	return READ_ONCE(cmwq_test_veto) ? -EPERM : 0;
}

static int __init veto_init(void)
{
	state = cpuhp_setup_state_nocalls(CPUHP_AP_ONLINE_DYN, "cmwq_test:veto",
					  NULL, going_down);
	return min(state, 0);
}
module_init(veto_init);

static void __exit veto_exit(void)
{
	cpuhp_remove_state_nocalls(state);
}
module_exit(veto_exit);

MODULE_DESCRIPTION("cmwq tests: a CPU that must not go down");
MODULE_LICENSE("GPL");
