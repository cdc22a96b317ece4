/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hotplug.pml - a CPU that goes and comes, its pool, trustee and keeper (O1, O2,
 * O3 in trustee.c, R5 in pool.c), and an offline that is vetoed
 *
 * What stands for what:
 *   cpu	hotplug.c:cpu_down_fn, hotplug.c:cpu_up_fn, hotplug.c:mark, and the
 *		scheduler, which moves workers away (off_cpu)
 *   worker	pool.c:cmwq_worker_thread, pool.c:work_for_a_while,
 *		pool.c:heal_affinity, pool.c:cmwq_off_its_cpu,
 *		worker.c:cmwq_manage_workers, worker.c:create_as_manager
 *   tell()	trustee.c:cmwq_orphan_changed, trustee.c:cmwq_trustee_ask
 *   trustee	trustee.c:trustee_fn, trustee.c:look_after,
 *		worker.c:cmwq_pool_look_after, worker.c:retire_orphans
 *   keeper	keeper.c:keeper_fn, keeper.c:feed_starved,
 *		trustee.c:cmwq_trustee_provide, trustee.c:make,
 *		worker.c:cmwq_pool_create_starved
 *   producer	pool.c:cmwq_pool_kick, pool.c:cmwq_pool_pick
 *   irq	sched_hook.c:cmwq_kick_irq_work
 *   timer	rescuer.c:cmwq_mayday_timer_fn, as far as it picks
 *   conditions	policy.h:needs_trustee, policy.h:orphans_may_go
 *
 * The CPU goes down and stays down (END 0); it comes back, which is the same for
 * us as a veto after our callback, when the other one is called (1); or its going
 * is vetoed before our callback (3): we hear nothing, but the scheduler may have
 * moved workers.  Only there it is looked at where they are.  One creation, of a worker or of the trustee,
 * may fail; trying again after a while is possible at any time.  A cap of two
 * workers.  Item 0 sleeps until item 1 has run.
 *
 * Sections under the pool's lock are one step.  Left out: new pools (P3), pools
 * that are dropped (O4), unload (O5), batches of the trustee, routes of items.
 *
 * Shown: all items run; an item starts on another CPU only if the CPU is on its
 * way down, or was when this worker looked last; no worker is sent
 * away while the CPU is up, nor while it is being woken; in the end a CPU that is
 * down has neither workers nor a trustee, one that is up has no trustee; nobody
 * waits for good, and nothing goes round for ever.
 *
 * run down	-DEND=0 -DFAIL=0
 * run fails	-DEND=0 -DFAIL=1 -DITEMS=1
 * run brief	-DEND=0 -DFAIL=0 -DBRIEF	item 0 sleeps for a while only
 * run back	-DEND=1 -DFAIL=0
 * run unheard	-DEND=3 -DFAIL=0 loops
 * run steady	-DEND=0 -DFAIL=0 -DITEMS=1 loops
 *
 * NO_O1_ASK	down	a trustee that goes does not have the keeper look
 * NO_O2_LOCK	back	the trustee looks at the mark in an earlier section
 * NO_ORPHAN	down	a worker that goes idle does not tell the trustee
 * NO_MARK_TELLS	down	nobody is told that the CPU is down, or back
 * NO_M1	back	the mayday timer is not armed: a trustee that was asked for a
 *		worker may find the CPU back and leave it to nobody
 * NO_R5	brief	a worker that is being woken is sent away
 * NO_T_ASKED	down	the trustee sleeps without a last look at its flag
 * NO_K_ASKED	down	the keeper does
 * NO_RETRY	fails	the keeper does not try again to make a trustee
 * NO_HEAL_LOOP	unheard	a worker does not look where it is between items
 * NO_HEAL_UP	unheard	nor when it is woken
 */

#ifndef ITEMS
#define ITEMS	2
#endif
#define ALL	((1 << ITEMS) - 1)
#define TARGET	1
#define NOBODY	2
#define BOTH	3
#define IN(n, set)	((set) & (1 << (n)))

bit locked;
byte worklist;			/* set of items */
byte nr_running;
byte waking = NOBODY;
byte idle = 1, exists = 1;	/* sets of workers */
bit asleep[2], die[2];
bit away[2];			/* not on its CPU, or not bound to it */
bit stays = 1;			/* cmwq_cpu_stays() */
bit pushes;			/* the scheduler moves workers away */
bit marked;			/* POOL_DISASSOCIATED */
bit starved, manager, back_off;
bit raised;
bit armed;			/* mayday_timer */
bit trustee_there, trustee_sleeps, trustee_asked;
bit keeper_sleeps, keeper_asked;
bit fail = FAIL;

/* For the properties only. */
byte started, done;
bit excused[2];		/* the CPU has changed since this worker looked */
bit over;

#define need_more	(worklist && nr_running < TARGET)
#define may_create	(!manager && !back_off)
#define capped		(exists == BOTH)
#define needs_trustee	(marked && (exists || worklist))
#ifdef BRIEF
#define WOKEN		true
#else
#define WOKEN		IN(1, done)
#endif
#ifdef NO_R5
#define MAY_GO		true
#else
#define MAY_GO		(waking == NOBODY)
#endif
#define all_idle	(idle && idle == exists && !worklist)
#define orphans_may_go	(marked && MAY_GO && all_idle)
#if END > 2		/* else it is not looked at where they are */
#define off_its_cpu(w)	(away[w] && !marked)
#else
#define off_its_cpu(w)	false
#endif
#if END > 2
#define AWAY	!stays
#define EXCUSED	1
#else
#define AWAY	0
#define EXCUSED	0
#endif
#define lock()		atomic { !locked -> locked = 1 }
#define unlock()	locked = 0
#define keeper_ask()	keeper_asked = 1; keeper_sleeps = 0
#define starve()	starved = 1; keeper_ask()

inline trustee_ask(yes)
{
	trustee_asked = 1;
	yes = trustee_there;
	if
	:: yes -> trustee_sleeps = 0
	:: else
	fi
}

inline tell(yes)
{
	trustee_ask(yes);
	if
	:: yes
	:: else -> keeper_ask()
	fi;
	yes = 0
}

inline pick(yes)
{
	if
	:: waking != NOBODY || !need_more
	:: waking == NOBODY && need_more && idle ->
		waking = (IN(0, idle) -> 0 : 1);
		asleep[waking] = 0
	:: waking == NOBODY && need_more && !idle ->
#ifndef NO_M1
		armed = 1;
#endif
		if
		:: manager || starved
		:: else ->
			yes = 0;
			if
			:: marked -> trustee_ask(yes)
			:: else
			fi;
			if
			:: yes -> yes = 0
			:: else -> starve()
			fi
		fi
	fi
}

proctype producer(byte item)
{
	bit yes;

	atomic { !locked -> worklist = worklist | (1 << item); pick(yes) };
#if ITEMS > 1
	item = 1;
	atomic { !locked -> worklist = worklist | (1 << item); pick(yes) }
#endif
}

proctype irq()
{
	bit yes;

end:	do
	:: raised -> raised = 0; atomic { !locked -> pick(yes) }
	od
}

/* It comes again while there is need; each time that matters. */
proctype timer()
{
	bit yes;

end:	do
	:: atomic {
		armed && !locked &&
		(!need_more || idle || !manager && !starved &&
		 !(marked && trustee_there)) ->
		armed = 0;
		pick(yes)
	   }
	od
}

/* The lock is dropped, and taken again here.  A thread that goes has
 * to be gone before its place is used. */
inline create(ok)
{
	atomic {
		!locked && (!die[0] && !IN(0, exists) ||
			    !die[1] && !IN(1, exists) || capped) ->
		locked = 1;
		if
		:: fail -> fail = 0; ok = 0; back_off = 1; starve()
		:: true ->
			ok = 1;
			if
			:: capped
			:: !capped && !IN(0, exists) && !die[0] ->
				exists = exists | 1;
				idle = idle | 1;
				asleep[0] = 0;
				away[0] = AWAY;
				excused[0] = EXCUSED
			:: !capped && !IN(1, exists) && !die[1] ->
				exists = exists | 2;
				idle = idle | 2;
				asleep[1] = 0;
				away[1] = AWAY;
				excused[1] = EXCUSED
			fi
		fi
	}
}

/* heal_affinity(); the look at where it is counts. */
inline heal(w)
{
#if END > 2
	atomic {
		if
		:: off_its_cpu(w) && stays -> away[w] = 0
		:: else
		fi;
		excused[w] = marked || !stays
	}
#else
	skip
#endif
}

proctype worker(byte me)
{
	byte item;
	bit ok;

end_none:
	IN(me, exists) || die[me];
up:
#ifndef NO_HEAL_UP
	heal(me);
#else
	excused[me] = EXCUSED && (marked || !stays);
#endif
	lock();
	if
	:: die[me] -> atomic { die[me] = 0; unlock(); goto end_none }
	:: else
	fi;
	atomic {
		idle = idle & ~(1 << me);
		if
		:: waking == me -> waking = NOBODY
		:: else
		fi
	};
look:	if
	:: !need_more -> goto to_idle
	:: need_more && !idle && !capped && may_create ->
		atomic {
			ok = 0;
			if
			:: marked -> trustee_ask(ok)
			:: else
			fi;
			if
			:: ok -> ok = 0; goto go
			:: else -> manager = 1; unlock()
			fi
		};
		create(ok);
		atomic { ok = 0; manager = 0 };
		goto look
	:: need_more && !idle && !capped && !may_create ->
		atomic {
			if
			:: manager
			:: else -> starve()
			fi
		}
	:: need_more && (idle || capped)
	fi;
go:	nr_running++;
next:	atomic {
		if
		:: IN(0, worklist) -> item = 0
		:: IN(1, worklist) -> item = 1
		fi;
		worklist = worklist & ~(1 << item);
		assert(!IN(item, started));
		started = started | (1 << item);
		assert(!away[me] || marked || !stays || excused[me]);
		excused[me] = 0;
		unlock()
	};
	if
	:: item == 0 && ITEMS > 1 && !IN(1, done) ->
		atomic {
			nr_running--;
			if
			:: waking == NOBODY && worklist && nr_running < TARGET ->
				raised = 1
			:: else
			fi
		};
		WOKEN;
		nr_running++
	:: else
	fi;
	lock();
	done = done | (1 << item);
	item = 0;
	if
#ifdef NO_HEAL_LOOP
	:: worklist && nr_running <= TARGET -> goto next
#else
	:: worklist && nr_running <= TARGET && !off_its_cpu(me) -> goto next
#endif
	:: else
	fi;
	nr_running--;
	if
	:: waking != NOBODY -> goto to_idle
	:: waking == NOBODY && off_its_cpu(me) ->
		unlock();
		heal(me);
		lock();
		goto look
	:: else -> goto look
	fi;
to_idle:
	atomic {
		idle = idle | (1 << me);
#ifndef NO_ORPHAN
		if
		:: orphans_may_go -> tell(ok)
		:: else
		fi;
#endif
		asleep[me] = 1;
		unlock()
	};
end_idle:
	!asleep[me] -> goto up
}

inline retire()
{
	assert(marked);
	assert(waking == NOBODY);
	if
	:: IN(0, idle) -> die[0] = 1; asleep[0] = 0
	:: else
	fi;
	if
	:: IN(1, idle) -> die[1] = 1; asleep[1] = 0
	:: else
	fi;
	idle = 0;
	exists = 0;
	starved = 0
}

proctype trustee()
{
	bit left, ok;

end_none:
	trustee_there;
look:	lock();
#ifdef NO_O2_LOCK
	if
	:: orphans_may_go ->
		unlock();
		lock();
		if
		:: all_idle && MAY_GO -> atomic { retire() }
		:: else
		fi
#else
	if
	:: orphans_may_go -> atomic { retire() }
#endif
	:: !orphans_may_go && needs_trustee && !idle && worklist && !manager ->
		if
		:: !may_create || capped -> atomic { starve() }
		:: else ->
			atomic { manager = 1; unlock() };
			create(ok);
			manager = 0;
			if
			:: ok -> ok = 0
			:: else -> atomic { starve() }
			fi
		fi
	:: else
	fi;
	atomic { left = needs_trustee; unlock() };
	if
	:: left ->
		atomic { left = 0; trustee_sleeps = 1 };
#ifndef NO_T_ASKED
		atomic {
			if
			:: trustee_asked -> trustee_asked = 0; goto look
			:: else
			fi
		};
#endif
end_rest:	!trustee_sleeps -> goto look
	:: else
	fi;
	trustee_there = 0;					/* O1 */
#ifndef NO_O1_ASK
	atomic { keeper_ask() };
#endif
	goto end_none
}

#define hopeless	(starved && capped && !idle && worklist && \
			 (!marked || trustee_there))

proctype keeper()
{
	bit ok, again, orphan;

top:	again = 0;
	if
	:: marked ->			/* cmwq_trustee_provide() */
		atomic {
			!locked ->
			orphan = needs_trustee;
			ok = 0;
			if
			:: orphan -> trustee_ask(ok)
			:: else
			fi
		};
		if
		:: orphan && !ok ->
			atomic {
				if
				:: fail -> fail = 0; again = 1
				:: true -> trustee_there = 1; trustee_sleeps = 0
				fi
			}
		:: else
		fi;
		atomic { ok = 0; orphan = 0 }
	:: else
	fi;
#ifdef NO_RETRY
	again = 0;
#endif
	if
	:: starved ->			/* cmwq_pool_create_starved() */
		lock();
		if
		:: starved && may_create ->
			starved = 0;
			if
			:: !idle && !capped ->
				atomic { manager = 1; unlock() };
				create(ok);
				atomic { ok = 0; manager = 0 }
			:: else
			fi;
			if
			:: !idle && worklist -> starved = 1
			:: else
			fi
		:: else
		fi;
		atomic { again = again | starved; unlock() }
	:: else
	fi;
	keeper_sleeps = 1;
#ifndef NO_K_ASKED
	atomic {
		if
		:: keeper_asked -> keeper_asked = 0; goto top
		:: else
		fi
	};
#endif
end_rest:
	atomic {
		if
		:: !keeper_sleeps
		:: again && !hopeless && !manager ->	/* its timeout */
			keeper_sleeps = 0;
			back_off = 0
		fi
	};
	goto top
}

inline mark(down)
{
	atomic {
		!locked ->
		marked = down;
		excused[0] = EXCUSED;
		excused[1] = EXCUSED;
#ifndef NO_MARK_TELLS
		tell(yes)
#endif
	}
}

/* Balance push, in hotplug; it may do so a bit longer than cpu_dying() says. */
proctype off_cpu(byte w)
{
end:	atomic { pushes -> away[w] = 1; excused[w] = EXCUSED }
}

proctype cpu()
{
	bit yes;

	atomic { stays = 0; pushes = 1; excused[0] = EXCUSED; excused[1] = EXCUSED };
#if END != 3
	mark(1);
#endif
#if END == 1
	mark(0);
	if				/* cmwq_pool_first_worker() */
	:: exists
	:: else -> create(yes); atomic { yes = 0; unlock() }
	fi;
#endif
#if END
	atomic { stays = 1; excused[0] = EXCUSED; excused[1] = EXCUSED };
	pushes = 0;
#endif
	over = 1
}

init
{
	atomic {
		asleep[0] = 1;
		run worker(0);
		run worker(1);
		run producer(0);
		run irq();
		run timer();
		run trustee();
		run keeper();
#if END > 2
		run off_cpu(0);
		run off_cpu(1);
#endif
		run cpu()
	};
	/* No end label: to be stuck here is the error. */
	done == ALL && over && !nr_running && !trustee_there &&
		(!marked || !exists)
}
