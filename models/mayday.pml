/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mayday.pml - a pool that gets no worker: keeper, mayday timer, rescuer, and a
 * pwq that goes meanwhile (M1 to M3 in rescuer.c, R3 in pool.c)
 *
 * What stands for what:
 *   producer	pool.c:cmwq_pool_kick, pool.c:cmwq_pool_pick
 *   worker	pool.c:work_for_a_while, pool.c:run_item,
 *		worker.c:cmwq_manage_workers, worker.c:create_as_manager,
 *		worker.c:cmwq_create_worker, worker.c:leave_to_keeper
 *   irq	sched_hook.c:cmwq_kick_irq_work (raised by
 *		sched_hook.c:account_out)
 *   timer	rescuer.c:cmwq_mayday_timer_fn, rescuer.c:mayday; armed by
 *		rescuer.c:cmwq_pool_in_need
 *   rescuer	rescuer.c:cmwq_rescuer_thread, rescuer.c:next_pwq,
 *		rescuer.c:rescue, rescuer.c:run_items, rescuer.c:item_of
 *   keeper	keeper.c:keeper_fn, keeper.c:feed_starved,
 *		keeper.c:cmwq_keeper_ask, worker.c:cmwq_pool_create_starved
 *   changer	route.c:retire_before
 *   reaper	route.c:succeed, route.c:reap_queue, route.c:retired_and_idle,
 *		raised by drain.c:cmwq_pwq_colour_done, too
 *   finish()	active.c:cmwq_pwq_activate, called by
 *		cmwq_internal.h:cmwq_pwq_finish
 *
 * A section under the pool's lock is one step as seen by others that take it;
 * submit.pml has the accesses without it.
 *
 * Items 0 and 1 are of queue R, which has a rescuer and max_active 1.  Item 2 is
 * of queue N, which has none, and sleeps until memory is free: until 0 and 1
 * have run.  Creating a worker sleeps until then or fails, or, if there is LUCK,
 * succeeds.  Who tries again after some time (keeper, back-off) does it when it
 * would succeed: nothing changes before.
 *
 * Left out: caps of workers, CPUs, nice values and policies, BH pools, the end of
 * the queue (M4).
 *
 * Shown: all items run, once; the retired pwq is freed, and not as long as the
 * rescuer has it; it is on the rescuer's list once at most; nobody waits for
 * good, and nothing goes round for ever.
 *
 * run retire	-DRETIRE		R's pwq goes meanwhile
 * run luck	-DLUCK=1		creation may also succeed at once
 * run plain	-DLUCK=0 loops
 * run keeper	-DKEEPER loops		no rescuer; memory comes by itself
 *
 * NO_M1_MANAGER	plain	who goes to make a worker does not arm the timer
 * NO_M1_PICK	plain	who finds nobody idle does not
 * NO_MAYDAY_FLAG	retire	the timer hands over a pwq that the rescuer has
 * NO_M3_FLAG	retire	the pwq is freed although the rescuer has it
 * NO_M3_LOCK	retire	the rescuer clears the flag when it has dropped the lock
 * NO_M3_RAISE	retire	the rescuer does not have the reaper look once more
 * NO_HAND_BACK	luck	the rescuer goes without picking a worker
 * NO_NEXT_LOOK	plain	the rescuer sleeps without a last look at its list
 * NO_ASKED	keeper	the keeper sleeps without a last look at its flag
 *
 * LESS_STARVED	keeper	who cannot create a worker does not tell the keeper:
 *		cmwq_pool_pick() does when the need is there
 * LESS_REARM	plain	the timer does not arm itself while there is need:
 *		cmwq_pool_pick(), which it calls first, does; sooner even
 */

#ifndef LUCK
#define LUCK	0
#endif
#define R_ITEMS	3		/* the set {0, 1} */
#define ALL	7
#define TARGET	1
#define NOBODY	2
#define VISIT	1		/* VISIT_ITEMS */
#ifdef KEEPER
#define CALLS	false
#elif defined(NO_MAYDAY_FLAG)
#define CALLS	(worklist & R_ITEMS)
#else
#define CALLS	((worklist & R_ITEMS) && !mayday)
#endif
#ifdef RETIRE
#define RETIRES	1
#else
#define RETIRES	0
#endif
#ifdef NO_M3_FLAG
#define REAP	true
#else
#define REAP	!mayday
#endif
#define BOTH	3		/* workers */
#define IN(n, set)	((set) & (1 << (n)))

bit locked;
byte worklist, inactive;	/* sets of items; active ones, and of R beyond */
byte nr_active;			/* of R */
byte nr_running;
byte waking = NOBODY;
byte idle = 1, exists = 1;	/* sets of workers */
bit asleep[2];
bit raised;			/* kick_work */
bit manager, starved, back_off;
bit armed;			/* mayday_timer */
bit mayday;			/* of R's pwq */
byte listed;			/* how often it is on the rescuer's list */
bit rescuer_sleeps, keeper_sleeps, asked;
bit retired, succeed, freed;

/* For the properties only. */
byte started, done;

#ifdef KEEPER
bit memory;
#else
#define memory		((done & R_ITEMS) == R_ITEMS)
#endif
#define others_done	((done & R_ITEMS) == R_ITEMS)
#define need_more	(worklist && nr_running < TARGET)
#define lacks_worker	(need_more && !idle)
#define may_create	(!manager && (!back_off || memory))
#define lock()		atomic { !locked -> locked = 1 }
#define unlock()	locked = 0
#define keeper_ask()	asked = 1; keeper_sleeps = 0

inline pick()
{
	if
	:: waking != NOBODY || !need_more
	:: waking == NOBODY && need_more && idle ->
		waking = (IN(0, idle) -> 0 : 1);
		asleep[waking] = 0
	:: waking == NOBODY && need_more && !idle ->
#ifndef NO_M1_PICK
		armed = 1;
#endif
		if
		:: manager || starved
		:: else ->
			starved = 1;
			keeper_ask()
		fi
	fi
}

/* cmwq_pwq_link(), then cmwq_pool_pick() */
proctype producer(byte item)
{
	atomic {
		!locked ->
		if
		:: item < 2 && nr_active -> inactive = inactive | (1 << item)
		:: item < 2 && !nr_active ->
			nr_active++;
			worklist = worklist | (1 << item)
		:: item == 2 -> worklist = worklist | (1 << item)
		fi;
		pick()
	}
}

inline finish(item)
{
	done = done | (1 << item);
	if
	:: item < 2 ->
		assert(!freed);
		nr_active--;
		if
		:: inactive ->		/* one at most */
			nr_active++;
			worklist = worklist | inactive;
			inactive = 0
		:: !inactive && retired && !(worklist & R_ITEMS) -> succeed = 1
		:: else
		fi
	:: else
	fi
}

inline start(item)
{
	worklist = worklist & ~(1 << item);
	assert(!IN(item, started));
	started = started | (1 << item)
}

proctype irq()
{
end:	do
	:: raised -> raised = 0; atomic { !locked -> pick() }
	od
}

/* cmwq_create_worker(), without the lock and then with it. */
inline create(ok)
{
	if
	:: memory -> ok = 1
#if LUCK
	:: !memory -> ok = 1
#endif
	:: !memory -> ok = 0
	:: !memory -> memory; ok = 1	/* it sleeps for memory */
	fi;
	lock();
	if
	:: ok && exists != BOTH ->
		exists = BOTH;
		idle = idle | 2;
		asleep[1] = 0
	:: !ok ->
		back_off = 1;
#ifndef LESS_STARVED
		starved = 1;
		keeper_ask()
#endif
	:: else
	fi;
	manager = 0;
	ok = 0
}

proctype worker(byte me)
{
	byte item;
	bit ok;

end_none:
	IN(me, exists);
up:	lock();
	atomic {
		idle = idle & ~(1 << me);
		if
		:: waking == me -> waking = NOBODY
		:: else
		fi
	};
look:	if
	:: !need_more -> goto to_idle
	:: need_more && !idle && exists != BOTH && may_create ->
		atomic {
			manager = 1;
#ifndef NO_M1_MANAGER
			armed = 1;
#endif
			unlock()
		};
		create(ok);
		goto look
	:: need_more && !idle && exists != BOTH && !may_create ->
		atomic {
			if
			:: manager
			:: else ->
#ifndef LESS_STARVED
				starved = 1;
				keeper_ask()
#endif
			fi
		}
	:: need_more && (idle || exists == BOTH)
	fi;
	nr_running++;
next:	atomic {
		if
		:: IN(0, worklist) -> item = 0
		:: IN(1, worklist) -> item = 1
		:: IN(2, worklist) -> item = 2
		fi;
		start(item);
		unlock()
	};
	if
	:: item == 2 && !others_done ->
		atomic {
			nr_running--;
			if
			:: waking == NOBODY && worklist && nr_running < TARGET ->
				raised = 1
			:: else
			fi
		};
		others_done;
		nr_running++
	:: else
	fi;
	lock();
	finish(item);
	item = 0;
	if
	:: worklist && nr_running <= TARGET -> goto next
	:: else
	fi;
	nr_running--;
	if
	:: waking != NOBODY -> goto to_idle
	:: else -> goto look
	fi;
to_idle:
	atomic {
		idle = idle | (1 << me);
		asleep[me] = 1;
		unlock()
	};
end_idle:
	!asleep[me] -> goto up
}

/* It comes again and again while there is need; each time that matters. */
proctype timer()
{
end:	do
	:: atomic {
		armed && !locked && (!lacks_worker || CALLS) ->
		armed = 0;
		pick();
		if
		:: lacks_worker ->
			if
			:: CALLS ->
				assert(!freed);
				mayday = 1;
				listed++;
				assert(listed == 1);
				rescuer_sleeps = 0
			:: else
			fi;
#ifndef LESS_REARM
			armed = 1
#endif
		:: else
		fi
	   }
	od
}

proctype rescuer()
{
	byte n, item;
	bit more;

top:	do
	:: atomic { listed -> listed-- };
		n = 0;
		lock();
		do
		:: lacks_worker && (worklist & R_ITEMS) && n < VISIT ->
			assert(!freed);
			atomic {
				item = (IN(0, worklist) -> 0 : 1);
				start(item);
				n++;
				unlock()
			};
			lock();
			finish(item);
			item = 0
		:: lacks_worker && (worklist & R_ITEMS) && n == VISIT ->
			more = 1;
			break
		:: !lacks_worker || !(worklist & R_ITEMS) -> break
		od;
#ifdef NO_M3_LOCK
		atomic { pick(); unlock() };
#endif
		assert(!freed);
		if
		:: more -> more = 0; listed++; assert(listed == 1)
		:: else ->
			mayday = 0;			/* M2 */
			assert(!freed);
#ifndef NO_M3_RAISE
			if
			:: retired -> succeed = 1
			:: else
			fi
#endif
		fi;
#ifndef NO_M3_LOCK
		atomic {
#ifndef NO_HAND_BACK
			pick();
#endif
			unlock()
		}
#endif
	:: !listed -> break
	od;
	atomic { rescuer_sleeps = 1; n = 0 };
	if
#ifndef NO_NEXT_LOOK
	:: listed -> goto top
#endif
	:: else
	fi;
end_rest:
	!rescuer_sleeps -> goto top
}

proctype keeper()
{
	bit ok, again;

top:	again = 0;
	if
	:: starved ->			/* feed_starved() */
		lock();
		if
		:: starved && may_create ->
			starved = 0;
			if
			:: !idle && exists != BOTH ->
				atomic { manager = 1; armed = armed | lacks_worker; unlock() };
				create(ok)
			:: else
			fi;
			if
			:: !idle && worklist -> starved = 1
			:: else
			fi
		:: else
		fi;
		unlock();
		again = starved
	:: else
	fi;
	keeper_sleeps = 1;
#ifndef NO_ASKED
	atomic {
		if
		:: asked -> asked = 0; goto top
		:: else
		fi
	};
#endif
end_rest:
	if
	:: !keeper_sleeps
	:: again && starved && exists != BOTH && memory && !manager ->
		keeper_sleeps = 0	/* its timeout, when it would succeed */
	fi;
	goto top
}

#ifdef KEEPER
proctype giver()
{
	memory = 1
}
#endif

/* A new route is there: no new items from here on. */
proctype changer()
{
	((started | worklist | inactive) & R_ITEMS) == R_ITEMS;
	atomic { !locked -> retired = 1 };
	succeed = 1
}

proctype reaper()
{
end:	do
	:: succeed ->
		succeed = 0;
		atomic {
			!locked ->
			if
			:: retired && !nr_active && !inactive && REAP -> freed = 1
			:: else
			fi
		}
	od
}

init
{
	atomic {
		asleep[0] = 1;
		run producer(0);
		run producer(1);
		run producer(2);
		run irq();
		run worker(0);
		run worker(1);
		run timer();
		run keeper();
#ifdef KEEPER
		run giver();
#else
		run rescuer();
#endif
#ifdef RETIRE
		run changer();
		run reaper();
#endif
		skip
	};
	/* No end label: to be stuck here is the error. */
	done == ALL && freed == RETIRES && !nr_running && !mayday
}
