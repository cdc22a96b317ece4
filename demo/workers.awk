# SPDX-License-Identifier: GPL-2.0-only
#
# Draws the "crowd1" and "crowd2" sections of the guest's output: 100 items that
# sleep, twice.  A look consists of the line "sleepers US LEFT MAX" (time since
# they were queued, items not done yet, most items that burned at once by their
# own count) and of the debugfs view "pools".
#
# Ends with 1 if the pool did not do what concurrency management promises.

BEGIN {
	width = 34			# of the bar
	nr_items = 100
	printf "      %6s%9s%7s%7s%9s%9s\n", "t (ms)", "workers", "idle",
	       "busy", "running", "waiting"
}

$1 == "section" {
	crowd = ($2 == "crowd1") ? 1 : 2
	next
}

$1 == "sleepers" {
	ms = $2 / 1000
	left = $3
	if ($4 > most)
		most = $4
	next
}

# The columns are found by name.
$1 == "#" {
	delete col
	for (i = 2; i <= NF; i++)
		col[$i] = i - 1
	next
}

function bar(    r, n)
{
	n = int(busy * width / nr_items + 0.5)
	while (n-- > 0)
		r = r "."
	n = int((idle + busy) * width / nr_items + 0.5) - length(r)
	while (n-- > 0)
		r = r "o"
	return r
}

# CPU 0 has a pool of softirqs as well.
("pool" in col) && $col["cpu"] == "0" && $col["nice"] == "0" &&
$col["policy"] == "normal" {
	workers = $col["workers"]
	idle = $col["idle"]
	busy = $col["busy"]
	running = $col["running"]
	waiting = $col["waiting"] + $col["inactive"]
	looks++

	if (!((crowd, "first") in created)) {
		# Before the items were queued.
		created[crowd, "first"] = $col["created"]
		if (crowd == 1)
			workers_before = workers
		when = "before"
		if (crowd == 2)
			next
	} else {
		when = sprintf("%d", ms)
	}
	created[crowd, "last"] = $col["created"]

	if (busy > most_busy)
		most_busy = busy
	if (waiting > 0) {
		looks_waiting++
		if (running > most_running)
			most_running = running
	}
	if (crowd == 1)
		printf "      %6s%9d%7d%7d%9d%9d  %s\n", when, workers, idle,
		       busy, running, waiting, bar()
}

function promise(kept, text)
{
	if (!kept)
		bad++
	printf "   %s  %s\n", kept ? "yes" : "NO ", text
}

END {
	new1 = created[1, "last"] - created[1, "first"]
	new2 = created[2, "last"] - created[2, "first"]

	printf "\n      bar: one sign for %.0f workers, . busy with an item," \
	       " o idle\n\n", nr_items / width
	promise(looks_waiting > 0 && most_busy >= nr_items,
		sprintf("workers grow as items sleep: from %d to %d busy ones",
			workers_before, most_busy))
	promise(looks_waiting > 0 && most_running == 1,
		sprintf("one runs at a time while others wait (most seen: %d)",
			most_running))
	promise(most == 1,
		sprintf("the items themselves counted %d burning at once",
			most))
	promise(looks > 0 && left == 0 && busy == 0 && idle > 0,
		sprintf("when all are done, %d idle workers stay ready", idle))
	promise(new1 > 0 && new2 < new1,
		sprintf("100 more items needed %d new workers (the first %d)",
			new2, new1))
	exit bad > 0
}
