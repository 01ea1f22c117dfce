"""What stands in a ledger's directory, the laws it keeps, and how it moves from one state to the next.

One `diskcache.Cache` holds everything, in `cache.db` beside nothing else. Every row is an entry that
`Cache.get`
reads: a text key and a JSON text, stored raw (`mode` 1). No row is ever pickled, evicted or kept in a file
of its own. Integers of JSON have no width, so a sum of money beyond 64 bits is exact; SQLite itself never
adds money.

===================================  ===========================================================================
key                                  value
===================================  ===========================================================================
``schema``                           which format and version this is
``record/<id>``                      one record; the row's `store_time` is the record's time, its `tag` the run
``hour/<hour>/<dims>``               a cell: the sums of the records of one UTC hour with the same dims
``day/<day>/<dims>``                 a cell of one UTC day
``folded/<day>/<dims>``              the part of a day's cell whose records were folded away by `compact`
``scopes``                           the registered scopes, and since when the accounts of each are complete
``account/<scope>/<label>/<subject>``  spent, held, and how many holds, of one subject in one window or run
``budget/<name, scope, limits>``      a budget that was claimed: name, limits, when last
``hold/<owner>-<n>``                 a hold: what it holds, in which accounts, and the record to presume
``owner/<owner>``                    a process that holds: who it is, and until when its lease runs
``presumed/<hold>``                  a hold that was settled for a dead owner, and the record that stands for it
``output/<function, model>``         how many output tokens that function and model gave
``feedback/<call>``                  what `feedback` said of a call
``state/<name>``                     a document of a router
===================================  ===========================================================================

*Dims* are the JSON list of user, model, provider, function, kind and outcome; what is absent is ``""``.
Cells go by a record's `time`, accounts by its `booked` instant (`time` where it has none). A *scope* is
window kind, time zone and `per` of a budget: two budgets with one scope share their accounts, whatever
their limits.

Laws
----
1.  A record stands once: an id that stands already is not added again. The one exception is a presumption,
    which the true records replace, whenever they come.
2.  A record, its cells, its accounts and the end of its holds are written by one transaction, or not at all.
3.  A cell equals the sum of the records of its hour or day with its dims, plus what was folded away; all of a
    `Cost`'s parts are summed apart, so that a row read from cells equals `Cost.total` over the records.
4.  From the start of the first window that a scope knows, each of its accounts has spent the sum of the
    records booked in its window, whoever wrote them; and holds the sum of the holds that stand in it.
5.  A hold is granted only if spent + held + asked ≤ limit in every account claimed, within the transaction
    that writes it. SQLite lets one transaction write at a time, so this is true of any number of processes.
6.  A hold ends once: released with its records, replaced by its own call, or presumed after its owner died.

How a hold moves::

                         refused (nothing is written)
                            ↑
    reserve ──────────→ [held] ── grow ──→ [held]                 the owner lives and renews its lease
                            ├── commit(releases=) ──→ [settled]    records added, amounts leave the accounts
                            └── owner dead ─────────→ [presumed] ── commit ──→ [settled]
                                    (swept by any process that reserves or reads;     the owner only slept:
                                     charged at what it held)                          the presumption is
                                     replaced

An owner is dead when its lease ended, or when it ran on this machine, since this boot, and its process is
gone (told from a new process of the same number by the time it started).

How a day moves::

    [records, hour cells, day cells] ── compact, older than retention_days ──→ [day cells = folded cells]

A late record on a folded day is added as any other: the day's cell is then what was folded plus that record.

How a transaction goes: `writer` drains what waits into one `BEGIN IMMEDIATE`; a `Unit` loads the rows that
are needed (from its own memory while `PRAGMA data_version` says that nobody else wrote), changes them as
objects, and writes them back in a few statements of many rows. Few, because Python's sqlite3 gives up the
interpreter's lock at every step of a statement and may wait 5 ms to have it again while the event loop is
busy.
"""
