/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * submit.pml - one pool: push, kick, sleep, wake, idle (R1 to R5 in pool.c)
 *
 * What stands for what:
 *   producer	queue.c:cmwq_queue_work_on, queue.c:push, pool.c:cmwq_pool_kick;
 *		its other way in is queue.c:follow (links under the lock)
 *   looker	flush.c:try_steal, flush.c:add_waiter: lock, splice, pick
 *   worker	pool.c:cmwq_worker_thread, pool.c:work_for_a_while,
 *		pool.c:run_item, worker.c:cmwq_enter_idle,
 *		worker.c:cmwq_manage_workers
 *   pick()	pool.c:cmwq_pool_pick, pool.c:__cmwq_pool_splice
 *   block()	sched_hook.c:entry_of_worker (accelerator),
 *		sched_hook.c:account_out, sched_hook.c:account_in
 *   irq	sched_hook.c:cmwq_kick_irq_work
 *   keeper	worker.c:cmwq_pool_create_starved (it succeeds: mayday.pml)
 *   timer	worker.c:cmwq_idle_timer_fn, worker.c:retire
 *   conditions	policy.h:need_more_worker, policy.h:keep_working,
 *		policy.h:may_start_working
 *
 * A step is one access to what others read without the lock: inbox, worklist,
 * nr_running, waking, kick_work.  Under the lock everything else is one step.
 * A barrier is taken away by doing the later read before the earlier write.
 *
 * Left out: the order of items (any may be next), max_active, colours, creation
 * that fails (mayday.pml), CPUs: workers, producers and the irq_work interleave
 * as if each had a CPU of its own, which is more than can happen on one.
 *
 * Item 0 sleeps until all others have run, so a wakeup that is lost while it
 * sleeps is lost for good: nobody comes back to cover it up.  It may be of a
 * CPU-intensive queue, which is never counted.  Others may sleep for a while.
 *
 * Shown: each item runs once; of counted workers that have not slept in an item
 * only one is at work (concurrency 1); nobody waits for good: a state in which
 * nothing can happen has all items done and every worker idle, and there is no
 * endless loop.
 *
 * run handover	-DHANDOVER		sleeping items
 * run accel	-DACCEL			the accelerator is on
 * run intensive	-DHANDOVER -DINTENSIVE=1
 * run splice	-DSPLICE loops		others link items under the lock
 * run retire	-DRETIRE		workers go and are made anew
 *
 * NO_R1_MB_PUSH	handover  push: nr_running is read before the item is visible
 * NO_R1_MB_SLEEP	handover  account_out(): looks for items, then counts down
 * NO_R1_MB_IDLE	handover  going idle: the same
 * NO_IDLE_RECHECK	handover  going idle: does not look again
 * NO_GUARANTEE	handover  account_out() does not raise the irq_work
 * NO_R2_MB	handover  a woken worker looks for items, then clears waking
 * NO_R3_MB_SPLICE	handover  nr_running is read before the item is linked
 * NO_R3_MB_PICK	splice	  the same in pick, for an item linked by its caller
 * NO_R3_PICK	splice	  who splices for other reasons does not pick
 * NO_R5	retire	  the idle timer sends a worker away that is being woken
 * NO_PICK_IN_RUN	intensive run_item() does not pick beside a CPU-intensive item
 * NO_TARGET	handover  a worker that is up does not look at nr_running
 */

#ifdef HANDOVER
#define ITEMS	3
#else
#define ITEMS	2
#endif
#ifndef INTENSIVE
#define INTENSIVE	0
#endif
#define WORKERS	2
#define TARGET	1
#define ALL	((1 << ITEMS) - 1)
#define IN(n, set)	((set) & (1 << (n)))
#define NOBODY	0
#define ALL_IDLE	((1 << WORKERS) - 1)

bit locked;
byte inbox, worklist;		/* sets of items */
byte nr_running;
byte waking;			/* worker + 1 */
byte idle;			/* set of workers: on pool->idle */
byte gone;			/* set of workers: may be created */
byte nr_idle;
bit starved;
bit asleep[WORKERS];		/* an idle worker's task */
bit die[WORKERS];
bit counted[WORKERS];
bit raised;			/* kick_work is pending */

/* For the properties only. */
byte started, done;		/* sets of items */
byte resumed;			/* counted ones that have slept in their item */
byte pushed;

#define lock()		!locked -> locked = 1
#define unlock()	locked = 0
#define wake(w)		if :: w != NOBODY -> asleep[w - 1] = 0; w = NOBODY \
			   :: else fi
#ifdef RETIRE
#define unlock_wake(w)	unlock(); wake(w)	/* may be late */
#else
#define unlock_wake(w)	atomic { unlock(); wake(w) }
#endif

/*
 * cmwq_pool_splice(): the inbox is taken first, then linked.  The lock is taken
 * together with the first step behind it, which makes no difference.
 */
#define lock_take(set)	atomic { lock(); set = inbox; inbox = 0 }
#define take(set)	atomic { set = inbox; inbox = 0 }
#define link(set)	if :: set -> atomic { worklist = worklist | set; set = 0 } \
			   :: else fi

/* @seen: nr_running as the condition finds it. */
inline decide(seen, who)
{
	if
	:: waking || !worklist || seen >= TARGET -> who = NOBODY
	:: else ->
		if
		:: IN(0, idle) -> who = 1
		:: IN(1, idle) -> who = 2
		:: !idle -> who = NOBODY; starved = 1	/* cmwq_keeper_ask() */
		fi;
		if
		:: who != NOBODY -> waking = who
		:: else
		fi
	fi
}

/* worker.c:cmwq_create_worker: it is woken, and looks by itself. */
inline create()
{
	d_step {
		if
		:: IN(0, gone) -> w_new = 0
		:: else -> w_new = WORKERS - 1
		fi;
		gone = gone & ~(1 << w_new);
		idle = idle | (1 << w_new);
		nr_idle++;
		die[w_new] = 0;
		asleep[w_new] = 0
	}
}

/* After take() */
inline pick(set, seen, who)
{
	link(set);
	atomic { seen = nr_running; decide(seen, who); seen = 0 }
}

proctype producer(byte first, last)
{
	byte item = first, set, seen, who;

	do
	:: item > last -> break
	:: else ->
		if
		:: true ->				/* push() */
#ifdef NO_R1_MB_PUSH
			seen = nr_running;
#endif
			atomic { set = inbox; inbox = inbox | (1 << item); pushed++ };
			if
			:: set -> set = 0; goto next	/* R4 */
			:: else
			fi;
#ifndef NO_R1_MB_PUSH
			seen = nr_running;
#endif
			if
			:: seen >= TARGET -> goto next	/* R1 */
			:: else
			fi;
			if
			:: waking -> goto next		/* R2 */
			:: else
			fi;
			lock_take(set);
			pick(set, seen, who);
			unlock_wake(who)
#ifdef SPLICE
		:: item == last ->			/* follow() */
			lock_take(set);
			link(set);
#ifdef NO_R3_MB_PICK
			seen = nr_running;
			atomic { worklist = worklist | (1 << item); pushed++ };
			atomic { decide(seen, who) }
#else
			atomic { worklist = worklist | (1 << item); pushed++ };
			pick(set, seen, who);
#endif
			unlock_wake(who)
#endif
		fi;
next:		seen = 0;
		item++
	od
}

proctype looker()
{
	byte set, seen, who;

	lock_take(set);
#ifndef NO_R3_PICK
	pick(set, seen, who);
#else
	link(set);
#endif
	unlock_wake(who)
}

proctype irq()
{
	byte set, seen, who;

end:	do
	:: raised ->
		raised = 0;
		lock_take(set);
		pick(set, seen, who);
		unlock_wake(who)
	od
}

proctype keeper()
{
	byte w_new;

end:	do
	:: atomic {
		starved && gone && !locked ->
		starved = 0;
		if
		:: !nr_idle -> create()
		:: else
		fi;
		w_new = 0
	   }
	od
}

/* Sends one worker away, once. */
proctype timer()
{
	byte w;

	atomic {
		lock();
		if
		:: nr_idle > 1 ->		/* too_many_workers() */
			if
			:: w = 0
			:: w = 1
			fi;
			if
			:: !IN(w, idle) -> skip
#ifndef NO_R5
			:: IN(w, idle) && waking == w + 1 -> skip
			:: IN(w, idle) && waking != w + 1 ->
#else
			:: IN(w, idle) ->
#endif
				idle = idle & ~(1 << w);
				nr_idle--;
				die[w] = 1;
				asleep[w] = 0
			fi
		:: else
		fi;
		unlock()
	}
}

/* schedule() in an item, until @until. */
inline block(until)
{
#ifdef ACCEL
	/* entry_of_worker(); it may be on or off, and guess wrong */
	if
	:: counted[me] && nr_running <= TARGET ->
		if
		:: waking -> skip
		:: else ->
			if
			:: !worklist && !inbox -> skip
			:: else ->
				atomic { lock(); nr_running--; take(set) };
				pick(set, seen, who);
				nr_running++;
				unlock_wake(who)
			fi
		fi
	:: true
	fi;
#endif
	if
	:: until			/* or preempted only: as you were */
	:: true ->			/* account_out() */
		if
		:: counted[me] ->
#ifdef NO_R1_MB_SLEEP
			set = worklist | inbox;
#endif
			atomic {
				counted[me] = 0;
				nr_running--;
				seen = nr_running;
				if
				:: again -> resumed--; again = 0
				:: else
				fi
			};
#ifndef NO_GUARANTEE
			if
			:: seen < TARGET ->
				if
				:: waking -> skip
				:: else ->
#ifndef NO_R1_MB_SLEEP
					set = worklist;
					set = set | inbox;
#endif
					if
					:: set -> raised = 1
					:: else
					fi
				fi
			:: else
			fi;
#endif
			seen = 0; set = 0
		:: else
		fi;
		until;			/* asleep, and woken */
		atomic {		/* account_in() */
			if
			:: !noncounted ->
				counted[me] = 1;
				nr_running++;
				resumed++;
				again = 1
			:: else
			fi
		}
	fi
}

inline count()
{
	atomic {
		counted[me] = 1;
		nr_running++
	}
}

inline uncount()
{
	atomic {
		if
		:: counted[me] ->
			counted[me] = 0;
			nr_running--;
			if
			:: again -> resumed--; again = 0
			:: else
			fi
		:: else
		fi
	}
}

proctype worker(byte me)
{
	byte item, set, seen, who, w_new;
	bit again;		/* is one of resumed */
	bit noncounted;		/* WORKER_CPU_INTENSIVE */

up:
	atomic { lock(); who = NOBODY };
	if
	:: die[me] ->
		/* Gone; the structure and a thread may be made anew. */
		atomic { gone = gone | (1 << me); unlock() };
end_gone:	!IN(me, gone) -> goto up
	:: else
	fi;
	atomic { idle = idle & ~(1 << me); nr_idle-- };
	if
	:: waking == me + 1 ->
#ifdef NO_R2_MB
		set = inbox;		/* early; the store below is late */
		waking = NOBODY;
		if
		:: !set && !worklist -> goto to_idle
		:: else
		fi;
		set = 0
#else
		waking = NOBODY
#endif
	:: else
	fi;

look:	/* work_for_a_while() */
#ifdef NO_R3_MB_SPLICE
	atomic { set = inbox; inbox = 0 };
	seen = nr_running;
	atomic { worklist = worklist | set; set = 0 };
#else
	take(set);
	link(set);
	seen = nr_running;
#endif
	if
#ifdef NO_TARGET
	:: !worklist -> goto to_idle
#else
	:: !worklist || seen >= TARGET -> goto to_idle
#endif
	:: else
	fi;
	seen = 0;
	if
	:: !nr_idle && gone ->		/* cmwq_manage_workers() */
		unlock();
		atomic {
			lock();
			if
			:: gone -> create()
			:: else
			fi
		};
		goto look
	:: else
	fi;
	count();
next:	/* run_item() */
	atomic {
		if
		:: IN(0, worklist) -> item = 0
		:: IN(1, worklist) -> item = 1
#if ITEMS > 2
		:: IN(2, worklist) -> item = 2
#endif
		fi;
		worklist = worklist & ~(1 << item);
		assert(!IN(item, started));
		started = started | (1 << item);
		assert(nr_running <= TARGET + resumed)
	};
	if
	:: item == 0 && INTENSIVE ->
		noncounted = 1;
		uncount();
#ifndef NO_PICK_IN_RUN
		if
		:: nr_running < TARGET -> take(set); pick(set, seen, who)
		:: else
		fi
#endif
	:: else
	fi;
	unlock_wake(who);
	if
	:: item == 0 -> block((done | 1) == ALL)
	:: item -> block(true)
	:: item -> skip
	fi;
	atomic {
		lock();
		done = done | (1 << item);
		item = 0
	};
	if
	:: noncounted -> noncounted = 0; count()
	:: else
	fi;
	take(set);
	link(set);
	seen = nr_running;
	if
	:: worklist && seen <= TARGET -> seen = 0; goto next
	:: else
	fi;
	seen = 0;
#ifdef NO_R1_MB_IDLE
	set = inbox;
	uncount();
	if
	:: !set && !worklist -> goto to_idle
	:: else
	fi;
	set = 0;
#else
	uncount();
#endif
#ifndef NO_IDLE_RECHECK
	if
	:: waking -> skip		/* that one looks */
	:: else -> goto look		/* R1 */
	fi;
#endif
to_idle:
	atomic {
		idle = idle | (1 << me);
		nr_idle++;
		asleep[me] = 1;
		set = 0; seen = 0;
		unlock()
	};
end_idle:
	!asleep[me] -> goto up
}

init
{
	atomic {
		idle = ALL_IDLE;
		nr_idle = WORKERS;
		asleep[0] = 1;
		asleep[1] = 1;
		run irq();
#ifdef HANDOVER
		run producer(0, 1);
		run producer(2, 2);
#endif
#ifdef SPLICE
		run producer(0, 0);
		run producer(1, 1);
		run looker();
#endif
#ifdef ACCEL
		run producer(0, 0);
		run producer(1, 1);
#endif
#ifdef RETIRE
		run producer(0, 0);
		run producer(1, 1);
		run timer();
		run keeper();
#endif
		run worker(0);
		run worker(1)
	};
	/* No end label: to be stuck here is the error. */
	atomic {
		done == ALL && idle + gone == ALL_IDLE ->
		assert(!inbox && !worklist && !nr_running)
	}
}
