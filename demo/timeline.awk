# SPDX-License-Identifier: GPL-2.0-only
#
# Draws the "timeline" section of the guest's output and compares it with the
# documented sequence of events.  Reads lines
#
#	run ENGINE SCENARIO MAX_ACTIVE
#	at ENGINE SCENARIO ITEM PHASE NS
#	gap ENGINE SCENARIO ITEM FROM_NS TO_NS
#
# Ends with 1 if an engine did not do what is documented.

# The documented sequence of a scenario: "MS ITEM PHASE" separated by commas.
function document(name, short, title, total, events)
{
	short_of[name] = short
	order[++nr_scenarios] = name
	title_of[name] = title
	total_of[name] = total
	events_of[name] = events
}

BEGIN {
	columns = 54			# of 1 ms
	tolerance = 0.1			# of the documented total

	document("one", "max_active = 1",
		 "max_active = 1: one item after the other", 50,
		 "0 w0 start,5 w0 sleep,15 w0 wake,20 w0 done," \
		 "20 w1 start,25 w1 sleep,35 w1 wake,35 w1 done," \
		 "35 w2 start,40 w2 sleep,50 w2 wake,50 w2 done")
	document("two", "max_active = 2",
		 "max_active = 2: two items at once, the third waits", 35,
		 "0 w0 start,5 w0 sleep,5 w1 start,10 w1 sleep," \
		 "15 w0 wake,20 w0 done,20 w1 wake,20 w1 done," \
		 "20 w2 start,25 w2 sleep,35 w2 wake,35 w2 done")
	document("many", "max_active = 3",
		 "max_active = 3: whenever one sleeps the next starts",
		 25,
		 "0 w0 start,5 w0 sleep,5 w1 start,10 w1 sleep," \
		 "10 w2 start,15 w2 sleep,15 w0 wake,20 w0 done," \
		 "20 w1 wake,20 w1 done,25 w2 wake,25 w2 done")
	document("intensive", "CPU-intensive",
		 "w1 and w2 on a CPU-intensive queue: they share the CPU", 25,
		 "0 w0 start,5 w0 sleep,5 w1 start,5 w2 start," \
		 "10 w1 sleep,15 w2 sleep,15 w0 wake,20 w0 done," \
		 "20 w1 wake,20 w1 done,25 w2 wake,25 w2 done")
	note_of["intensive"] = \
		"w1 and w2 may both run from 5 ms on; on the one CPU the" \
		" scheduler lets\n   them take turns, so w2's first turn comes" \
		" later than documented."

	nr_engines = split("cmwq kernel", engines, " ")
	heading["cmwq"] = "cmwq.ko"
	heading["kernel"] = "the kernel's own workqueue"
	split("w0 w1 w2", items, " ")
	nr_items = 3
	split("start sleep wake done", phases, " ")

	says["start"] = "starts and burns CPU"
	says["sleep"] = "sleeps"
	says["wake"] = "wakes"
	says["done"] = "is done"
}

$1 == "run" { max_active[$2, $3] = $4 }
$1 == "at"  { if ($6 >= 0) at[$2, $3, $4, $5] = $6 / 1000000 }
$1 == "gap" {
	n = ++gaps[$2, $3, $4]
	gap_from[$2, $3, $4, n] = $5 / 1000000
	gap_to[$2, $3, $4, n] = $6 / 1000000
}

function repeat(s, n,    r)
{
	while (n-- > 0)
		r = r s
	return r
}

function axis(    ms, scale, line)
{
	for (ms = 0; ms < columns; ms += 5) {
		scale = scale sprintf("%-5d", ms)
		line = line "|----"
	}
	sub(/ *$/, " ms", scale)
	line = substr(line, 1, columns)
	print "           " scale
	print "           " line
}

# What an item is doing at a time: burning, asleep, or waiting.
function state(e, s, i, t,    n)
{
	if (t < at[e, s, i, "start"] || t >= at[e, s, i, "done"])
		return " "
	if (t >= at[e, s, i, "sleep"] && t < at[e, s, i, "wake"])
		return "."
	for (n = 1; n <= gaps[e, s, i]; n++)
		if (t >= gap_from[e, s, i, n] && t < gap_to[e, s, i, n])
			return " "
	return "#"
}

function lane(e, s, i,    ms, line)
{
	for (ms = 0; ms < columns; ms++)
		line = line state(e, s, i, ms + 0.5)
	sub(/ *$/, "", line)
	print "       " i "  " line
}

# Fills why[e, s] if engine e departs from what is documented for s.
function check(e, s,    n, m, ev, a, i, j, p, t, busy, name, ms, when, swap)
{
	if (!((e, s) in max_active)) {
		why[e, s] = "it was not run"
		return
	}
	total[e, s] = 0
	for (i = 1; i <= nr_items; i++)
		for (p = 1; p <= 4; p++) {
			if (!((e, s, items[i], phases[p]) in at)) {
				why[e, s] = items[i] " did not " phases[p]
				total[e, s] = 0
				return
			}
			t = at[e, s, items[i], phases[p]]
			if (t > total[e, s])
				total[e, s] = t
		}

	# Where w1 and w2 share the CPU, which one gets through first is the
	# scheduler's choice, not the workqueue's.
	if (s == "intensive" && at[e, s, "w1", "sleep"] > at[e, s, "w2", "sleep"])
		swap = 1

	# What is documented to be earlier has to be earlier; at the same ms,
	# either may be first.
	n = split(events_of[s], ev, ",")
	for (i = 1; i <= n; i++) {
		split(ev[i], a, " ")
		ms[i] = a[1]
		name[i] = a[2] " " a[3]
		if (swap && a[2] != "w0")
			a[2] = (a[2] == "w1") ? "w2" : "w1"
		when[i] = at[e, s, a[2], a[3]]
		for (j = 1; j < i; j++)
			if (ms[j] < ms[i] && when[j] >= when[i]) {
				why[e, s] = "'" name[i] "' came before '" \
					    name[j] "'"
				return
			}
	}

	# However items overlap, no more than max_active may be under way.
	for (i = 1; i <= nr_items; i++) {
		t = at[e, s, items[i], "start"]
		busy = 0
		for (j = 1; j <= nr_items; j++)
			if (at[e, s, items[j], "start"] <= t &&
			    at[e, s, items[j], "done"] > t)
				busy++
		if (busy > max_active[e, s]) {
			why[e, s] = busy " items at once, max_active is " \
				    max_active[e, s]
			return
		}
	}

	# Concurrency is managed: none starts while another one burns.
	for (i = 1; i <= nr_items && s != "intensive"; i++) {
		t = at[e, s, items[i], "start"]
		for (j = 1; j <= nr_items; j++)
			if (i != j && t >= at[e, s, items[j], "start"] &&
			    t < at[e, s, items[j], "done"] &&
			    (t < at[e, s, items[j], "sleep"] ||
			     t >= at[e, s, items[j], "wake"])) {
				why[e, s] = items[i] " started while " \
					    items[j] " was burning"
				return
			}
	}

	m = total[e, s] - total_of[s]
	if (m > tolerance * total_of[s] || m < -tolerance * total_of[s])
		why[e, s] = sprintf("it took %.1f ms instead of %d", \
				    total[e, s], total_of[s])
}

function time(e, s, i, p)
{
	if (!((e, s, i, p) in at))
		return "-"
	return sprintf("%.1f", at[e, s, i, p])
}

function event_row(ms, what, cmwq, kernel)
{
	printf "   %12s   %-30s%10s%10s\n", ms, what, cmwq, kernel
}

function events(s,    n, i, a, ev, what)
{
	event_row("documented", "event", "cmwq", "kernel")
	n = split(events_of[s], ev, ",")
	for (i = 1; i <= n; i++) {
		split(ev[i], a, " ")
		# w1 and w2 have nothing left to do when they wake.
		if (a[2] != "w0" && a[3] == "wake")
			continue
		what = says[a[3]]
		if (a[3] == "wake")
			what = "wakes and burns CPU"
		else if (a[2] != "w0" && a[3] == "done")
			what = "wakes and is done"
		event_row(a[1] " ms", a[2] " " what,
			  time("cmwq", s, a[2], a[3]),
			  time("kernel", s, a[2], a[3]))
	}
}

function verdict(e, s,    text)
{
	if ((e, s) in why)
		text = "NOT as documented: " why[e, s]
	else
		text = sprintf("order as documented, %.1f ms", total[e, s])
	printf "   %-9s%s\n", e ":", text
}

function short_total(e, s)
{
	if (total[e, s] > 0)
		return sprintf("%9.1f ms", total[e, s])
	return sprintf("%12s", "-")
}

function short_order(s)
{
	if ((("cmwq", s) in why) && (("kernel", s) in why))
		return "NOT as documented on either"
	if (("cmwq", s) in why)
		return "NOT as documented on cmwq"
	if (("kernel", s) in why)
		return "NOT as documented on the kernel's"
	return "as documented on both"
}

END {
	bad = 0
	for (k = 1; k <= nr_scenarios; k++) {
		s = order[k]
		printf "   %d. %-54s documented: %d ms\n\n", k, title_of[s],
		       total_of[s]
		axis()
		for (x = 1; x <= nr_engines; x++) {
			e = engines[x]
			check(e, s)
			if ((e, s) in why)
				bad++
			printf "    %s\n", heading[e]
			for (i = 1; i <= nr_items; i++)
				lane(e, s, items[i])
		}
		print ""
		events(s)
		print ""
		if (s in note_of)
			print "   " note_of[s] "\n"
		for (x = 1; x <= nr_engines; x++)
			verdict(engines[x], s)
		print ""
	}
	printf "   %-20s%12s%12s%12s   %s\n", "in short", "documented", "cmwq",
	       "kernel", "order of events"
	for (k = 1; k <= nr_scenarios; k++) {
		s = order[k]
		printf "   %-20s%9d ms%s%s   %s\n", short_of[s], total_of[s],
		       short_total("cmwq", s), short_total("kernel", s),
		       short_order(s)
	}
	exit bad > 0
}
