/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * flush.pml - one item, two pools: queue, run, flush, cancel, delay, move
 * (Q1 in queue.c, R6 in pool.c, F2 in flush.c, L1 in delayed.c, W1 and W5 in
 * evacuate.c)
 *
 * What stands for what:
 *   queue()	queue.c:cmwq_queue_work_on, queue.c:cmwq_claim,
 *		queue.c:queue_slow; queue_claimed(): queue.c:cmwq_queue_claimed,
 *		queue.c:follow, queue.c:push
 *   delayer	delayed.c:cmwq_queue_delayed_work_on, delayed.c:start_delay
 *   timer	delayed.c:cmwq_delayed_work_timer_fn
 *   worker	pool.c:run_item, pool.c:cmwq_wake_waiters; the item's function
 *		may queue itself again
 *   wait_until_idle()	flush.c:wait_until_idle, flush.c:add_waiter
 *   flusher	flush.c:cmwq_flush_work; of a delayed item
 *		delayed.c:cmwq_flush_delayed_work
 *   steal()	flush.c:steal, flush.c:try_steal, flush.c:unlink_item
 *   canceller	flush.c:cancel_sync, flush.c:certainly_idle, flush.c:take_off,
 *		flush.c:give_up_claim, flush.c:enable
 *   mover	evacuate.c:take, evacuate.c:give
 *   splice()	pool.c:__cmwq_pool_splice, pool.c:cmwq_pwq_link
 *
 * The state word is one number, so that an exchange that comes too late may
 * succeed if the word is the same again.  A step is one access to the word, to an
 * inbox or to the timer, or a whole section under a pool's lock but for what
 * others see without it.  Who would try again waits for a change instead.
 *
 * Left out: wakeups of workers (submit.pml), max_active (INACTIVE is like ACTIVE
 * here), colours, RCU items, ordered queues (S3), queues that share the item.
 *
 * Shown: the item never runs twice at once; each queueing that returned true
 * runs once or is cancelled; a flush returns when all that was queued before has
 * run or is cancelled; a cancel_sync returns when what was queued before it, or
 * from there by the item itself, is over; nobody waits for good.
 *
 * run queue	-DQ2=2 -DSELF=1 -DTWO loops
 * run flush	-DQ2=1 -DSELF=1 -DFLUSH loops
 * run cancel	-DQ2=1 -DSELF=1 -DCANCEL loops
 * run both	-DSELF=1 -DFLUSH -DCANCEL
 * run few	-DFLUSH -DCANCEL loops
 * run move	-DQ2=1 -DSELF=1 -DFLUSH -DMOVE loops
 * run delay	-DDELAY -DFLUSH -DCANCEL
 *
 * NO_Q1_CLAIM	queue	looks where the item runs, then claims it
 * NO_FOLLOW	queue	does not look
 * NO_BUSY	queue	a worker does not look whether another one runs the item
 * NO_R6	flush	PENDING is cleared in one section, hashed in the next
 * NO_F2_CLAIM	delay	add_waiter() takes a claimed item for an idle one
 * NO_F2_UNLINKED	flush	the same for one on its way to the inbox
 * NO_STEAL_CHECK	cancel	try_steal() does not look at the word under the lock
 * NO_IDLE_CHECK	cancel	certainly_idle() does not compare the word again
 * NO_DISABLE	cancel	cancel_sync() does not disable the item
 * NO_ADOPT	flush	run_item() leaves the waiters on the pool's list
 * NO_UNLINK_WAKE	few	unlink_item() does
 * NO_AGAIN	move	who waited for an item that moves is told it is over
 * NO_W5	move	an item moves although it runs
 * NO_L1	delay	a flusher does not wait for a timer that has expired
 * NO_DELAYED_FIRST	delay	the timer is started before DELAYED is set
 *
 * LESS_HAND_OVER	few	unlink_item() does not hand the waiters to the worker that
 *		still runs the item: told to look once more, they find it
 */

#define PENDING		1
#define WHERE		6
#define UNLINKED	2
#define ACTIVE		4
#define WAITED		8	/* on a queue */
#define DELAYED		8	/* off queue */
#define DEPTH		16
#define POOL(p)		((p) * 32)
#define pool_of(d)	((d) / 32)
#define IS_PENDING(d)	((d) & PENDING)
#define IS_ACTIVE(d)	(((d) & WHERE) == ACTIVE)
#define IS_UNLINKED(d)	(((d) & WHERE) == UNLINKED)
#define IS_OFFQ(d)	(((d) & WHERE) == 0)
#define IS_DELAYED(d)	(IS_OFFQ(d) && ((d) & DELAYED))
#define IS_CLAIMED(d)	(((d) & (PENDING | WHERE | DELAYED)) == PENDING)

#ifdef NO_F2_CLAIM
#define F2_CLAIMED(d)	false
#else
#define F2_CLAIMED(d)	IS_CLAIMED(d)
#endif
#ifdef NO_F2_UNLINKED
#define F2_UNLINKED(d)	false
#else
#define F2_UNLINKED(d)	IS_UNLINKED(d)
#endif
#ifdef NO_W5
#define W5_STAYS	false
#else
#define W5_STAYS	busy(A)
#endif

#define A	1
#define B	2
#ifdef TWO
#define WORKERS	3		/* two of pool A, one of B */
#else
#define WORKERS	2
#endif
#ifndef Q2
#define Q2	0
#endif
#ifndef SELF
#define SELF	0
#endif
#define FLUSHER		1
#define CANCELLER	2

byte data;			/* the state word; pool 0: never queued */
bit locked[3];
bit inbox[3], worklist[3];
bit scheduled[WORKERS];
bit runs[WORKERS];		/* hashed as busy */
byte pool_waiters[3], worker_waiters[WORKERS];	/* sets */
byte completed, again;		/* sets of waiters */
bit armed;			/* the timer may be deleted */
byte own = SELF;		/* how often it queues itself */
byte todo;			/* who may still queue */

/* For the properties only: is it of those to be waited for? */
byte executing;
bit queued;
bit starting;			/* the delayer has not returned yet */
bit f_pending, f_running;
bit c_pending, c_running;

/* Of pool p; worker 2 is of A, too. */
#ifdef TWO
#define busy(p)		((p) == A && (runs[0] || runs[2]) || \
			 (p) == B && runs[1])
#define busy_worker(p)	((p) == B -> 1 : (runs[0] -> 0 : 2))
#else
#define busy(p)		((p) != 0 && runs[((p) + 1) % 2])
#define busy_worker(p)	((p) - 1)
#endif

/* To try again would come to the same.  The item is in somebody's hands. */
#define ON_ITS_WAY(d)	(IS_UNLINKED(d) && !inbox[pool_of(d)])
#define WAITER_STUCK	(F2_CLAIMED(data) || ON_ITS_WAY(data))
#define STEALER_STUCK	(IS_PENDING(data) && (ON_ITS_WAY(data) || \
			 IS_OFFQ(data) && !(IS_DELAYED(data) && armed)))

#define lock(p)		!locked[p] -> locked[p] = 1
#define unlock(p)	locked[p] = 0

inline splice(p)
{
	if
	:: inbox[p] ->
		assert(IS_PENDING(data) && IS_UNLINKED(data) &&
		       pool_of(data) == p && !worklist[p]);
		inbox[p] = 0;
		worklist[p] = 1;
		data = POOL(p) | PENDING | ACTIVE
	:: else
	fi
}

/* The item is claimed; @d: the word as claimed. */
inline queue_claimed(to, d)
{
	if
#ifndef NO_FOLLOW
	:: pool_of(d) && pool_of(d) != to ->
		atomic {
			lock(pool_of(d));
			if
#ifdef NO_Q1_CLAIM
			:: follows ->
#else
			:: busy(pool_of(d)) ->
#endif
				splice(pool_of(d));
				worklist[pool_of(d)] = 1;
				data = POOL(pool_of(d)) | PENDING | ACTIVE;
				unlock(pool_of(d));
				d = 0;
				to = 0
			:: else -> unlock(pool_of(d))
			fi
		}
#endif
	:: else
	fi;
	if
	:: to ->
		atomic { data = POOL(to) | PENDING | UNLINKED; d = 0 };
		atomic { inbox[to] = 1; to = 0 }
	:: else
	fi
}

/* A claim has succeeded, by the item itself if @self. */
inline note_queued(self)
{
	assert(!f_pending && !c_pending && !queued);
	queued = 1;
	c_pending = self && c_running
}

/* Queue on pool @to, once. */
inline queue(to, d, self)
{
	atomic {
		d = data;
#ifdef NO_Q1_CLAIM
		follows = 0
#endif
	};
#ifdef NO_Q1_CLAIM
	if
	:: !IS_PENDING(d) && pool_of(d) && pool_of(d) != to ->
		atomic {
			lock(pool_of(d));
			follows = busy(pool_of(d));
			unlock(pool_of(d))
		}
	:: else
	fi;
#endif
	do
	:: IS_PENDING(d) || d >= DEPTH && (d & DEPTH) -> to = 0; break
	:: else ->
		atomic {
			if
			:: data == d ->
				note_queued(self);
				if		/* the fast path claims at once */
				:: d == 0 || d == POOL(to) ->
					data = POOL(to) | PENDING | UNLINKED;
					d = POOL(to) | PENDING
				:: else ->
					data = d | PENDING;
					d = data
				fi;
				break
			:: else -> d = data
			fi
		}
	od;
	if
	:: to -> queue_claimed(to, d)
	:: else
	fi;
	d = 0
}

proctype producer(byte where, times)
{
	byte d, to;
	bit follows;

	do
	:: times -> times--; to = where; queue(to, d, false)
	:: else -> break
	od;
	todo--
}

#ifdef DELAY
proctype delayer()
{
	byte d;

	d = data;
	do
	:: IS_PENDING(d) || (d & DEPTH) -> break
	:: else ->
		atomic {
			if
			:: data == d ->
				note_queued(false);
				data = d | PENDING;
				d = 0;
				starting = 1;
				goto claimed
			:: else -> d = data
			fi
		}
	od;
	goto out;
claimed:
#ifdef NO_DELAYED_FIRST
	armed = 1;
	data = data | DELAYED;
#else
	data = data | DELAYED;
	armed = 1;
#endif
out:	atomic { starting = 0; todo-- }
}

proctype timer()
{
	byte d, to;
	bit follows;

end:	do
	:: atomic { armed -> armed = 0 };
		d = data;
		to = B;
		queue_claimed(to, d);
		d = 0
	od
}
#endif

proctype worker(byte me, pool)
{
	byte d, to;
	bit follows;

end:	do
	:: atomic {
		!locked[pool] && (inbox[pool] || worklist[pool] ||
				  scheduled[me]) ->
		locked[pool] = 1;
		splice(pool);
		if
		:: scheduled[me] -> scheduled[me] = 0
		:: else ->
			worklist[pool] = 0;
#if defined(TWO) && !defined(NO_BUSY)
			if
			:: pool == A && runs[2 - me] ->
				scheduled[2 - me] = 1;
				unlock(pool);
				goto end
			:: else
			fi
#endif
		fi;
#ifndef NO_R6
		runs[me] = 1;
#endif
#ifndef NO_ADOPT
		if
		:: data & WAITED ->
			worker_waiters[me] = worker_waiters[me] |
					     pool_waiters[pool];
			pool_waiters[pool] = 0
		:: else
		fi;
#endif
		data = POOL(pool);
		executing++;
		assert(executing == 1);
		assert(queued);
		queued = 0;
		f_running = f_pending; f_pending = 0;
		c_running = c_pending; c_pending = 0;
		unlock(pool)
	   };
#ifdef NO_R6
		atomic { lock(pool); runs[me] = 1; unlock(pool) };
#endif
		if			/* the function */
		:: own -> own--; to = A; queue(to, d, true)
		:: own -> own--; to = B; queue(to, d, true)
		:: true
		fi;
		atomic {
			executing--;
			f_running = 0;
			c_running = 0
		};
		atomic {
			lock(pool);
			runs[me] = 0;
			completed = completed | worker_waiters[me];
			worker_waiters[me] = 0;
			unlock(pool)
		}
	od
}

/* @who waits until the item is idle. */
inline wait_until_idle(who, d, p)
{
	do
	:: d = data;
		if
		:: F2_CLAIMED(d) ->
			goto changed
		:: else
		fi;
		p = pool_of(d);
		if
		:: !p -> break
		:: else
		fi;
		atomic {
			lock(p);
			splice(p);
			d = data;
			if
			:: pool_of(d) != p || F2_UNLINKED(d) || F2_CLAIMED(d) ->
				unlock(p);
				goto changed
			:: else
			fi;
			if
			:: IS_ACTIVE(d) ->
				pool_waiters[p] = pool_waiters[p] | who;
				data = d | WAITED
			:: !IS_ACTIVE(d) && busy(p) ->
				worker_waiters[busy_worker(p)] =
					worker_waiters[busy_worker(p)] | who
			:: else ->
				unlock(p);
				goto idle
			fi;
			d = 0;
			unlock(p)
		};
		atomic { completed & who -> completed = completed & ~who };
		atomic {
			if
			:: again & who -> again = again & ~who
			:: else -> break
			fi
		};
		goto cont;
changed:	!WAITER_STUCK;
cont:		skip
	od;
idle:	atomic { d = 0; p = 0 }
}

#ifdef FLUSH
proctype flusher()
{
	byte d, p, to;
	bit follows;

	atomic {
		f_running = executing > 0;
		f_pending = IS_PENDING(data) && queued && !starting
	};
#ifdef DELAY
	do				/* cmwq_flush_delayed_work() */
	:: d = data;
		if
		:: IS_DELAYED(d) ->
			atomic {
				if
				:: armed ->
					armed = 0;
					goto push
				:: else
				fi
			}
		:: else -> break
		fi;
#ifdef NO_L1
		break;
#endif
		!IS_DELAYED(data) || armed
	od;
	goto wait;
push:	d = data;
	to = B;
	queue_claimed(to, d);
wait:
#endif
	wait_until_idle(FLUSHER, d, p);
	assert(!f_running && !f_pending)
}
#endif

#define STOLEN	atomic { queued = 0; f_pending = 0; c_pending = 0 }

/* @stolen: the item is claimed now; @running: it runs, too, for all we know. */
inline steal(d, p, stolen, running)
{
	stolen = 0;
	do
	:: d = data;
		if
		:: !IS_PENDING(d) -> break
		:: else
		fi;
		running = 1;
		if
		:: IS_DELAYED(d) ->
			atomic {
				if
				:: armed -> armed = 0; stolen = 1
				:: else
				fi
			};
			if
			:: stolen ->
				atomic { data = data & ~DELAYED; STOLEN };
				break
			:: else
			fi
		:: else
		fi;
		if
		:: IS_OFFQ(d) -> !STEALER_STUCK
		:: else ->
			p = pool_of(d);
			atomic {
				lock(p);
				splice(p);
#ifndef NO_STEAL_CHECK
				d = data;
#endif
				if
#ifndef NO_STEAL_CHECK
				:: IS_ACTIVE(d) && pool_of(d) == p ->
#else
				:: true ->
#endif
					unlink(d, p);
					running = busy(p);
					stolen = 1
				:: else
				fi;
				unlock(p)
			};
			if
			:: stolen -> break
			:: else -> !STEALER_STUCK
			fi
		fi
	od;
	atomic { d = 0; p = 0 }
}

/* unlink_item() */
inline unlink(d, p)
{
	assert(worklist[p] || scheduled[0] || scheduled[WORKERS - 1]);
	worklist[p] = 0;
	scheduled[0] = 0;
	scheduled[WORKERS - 1] = 0;
#ifndef NO_UNLINK_WAKE
	if
#ifdef LESS_HAND_OVER
	:: (data & WAITED) ->
#else
	:: (data & WAITED) && busy(p) ->
		worker_waiters[busy_worker(p)] =
			worker_waiters[busy_worker(p)] | pool_waiters[p]
	:: (data & WAITED) && !busy(p) ->
#endif
		completed = completed | pool_waiters[p];
		again = again | pool_waiters[p]
	:: else
	fi;
	pool_waiters[p] = 0;
#endif
	data = POOL(p) | PENDING;
	STOLEN
}

#ifdef CANCEL
proctype canceller()
{
	byte d, p;
	bit stolen, running;

	atomic {
		c_running = executing > 0;
		c_pending = IS_PENDING(data) && queued
	};
	steal(d, p, stolen, running);
	if
	:: stolen && !running -> data = data & ~PENDING; goto out
	:: stolen && running ->
#ifndef NO_DISABLE
		data = (data & ~PENDING) + DEPTH
#else
		data = data & ~PENDING
#endif
	:: else ->
		d = data;		/* certainly_idle() */
		if
		:: IS_PENDING(d) -> skip
		:: !IS_PENDING(d) && !pool_of(d) -> goto out
		:: else ->
			p = pool_of(d);
			atomic {
				lock(p);
				if
#ifndef NO_IDLE_CHECK
				:: !busy(p) && data == d ->
#else
				:: !busy(p) ->
#endif
					unlock(p);
					goto out
				:: else -> unlock(p)
				fi
			}
		fi;
#ifndef NO_DISABLE
		do			/* take_off() */
		:: steal(d, p, stolen, running);
			if
			:: stolen ->
				data = (data & ~PENDING) + DEPTH;
				break
			:: else
			fi;
			d = data;
			atomic {
				if
				:: !IS_PENDING(d) && data == d ->
					data = d + DEPTH;
					break
				:: else
				fi
			}
		od
#endif
	fi;
	wait_until_idle(CANCELLER, d, p);
	assert(!c_running && !c_pending);
#ifndef NO_DISABLE
	assert(executing == 0 && !queued);
	data = data - DEPTH;		/* nobody else disables it */
#endif
	goto end;
out:	assert(!c_running && !c_pending);
end:	skip
}
#endif

#ifdef MOVE
proctype mover()
{
	atomic {
		lock(A);
		splice(A);
		if
		:: worklist[A] && !W5_STAYS ->
			worklist[A] = 0;
			if
			:: data & WAITED ->
				completed = completed | pool_waiters[A];
#ifndef NO_AGAIN
				again = again | pool_waiters[A];
#endif
				pool_waiters[A] = 0
			:: else
			fi;
			data = POOL(A) | PENDING;
			unlock(A)
		:: else -> unlock(A); goto out
		fi
	};
	atomic {
		lock(B);
		splice(B);
		worklist[B] = 1;
		data = POOL(B) | PENDING | ACTIVE;
		unlock(B)
	};
out:	skip
}
#endif

init
{
	atomic {
		todo = 1;
		run worker(0, A);
		run worker(1, B);
#ifdef TWO
		run worker(2, A);
#endif
#if Q2
		todo++;
		run producer(B, Q2);
#endif
		run producer(A, 2);
#ifdef DELAY
		todo++;
		run delayer();
		run timer();
#endif
#ifdef FLUSH
		run flusher();
#endif
#ifdef CANCEL
		run canceller();
#endif
#ifdef MOVE
		run mover();
#endif
	};
	/* No end label: to be stuck here is the error. */
	!todo && !queued && !executing && !(data & PENDING)
}
