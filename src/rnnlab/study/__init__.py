"""Studies: many runs from one file, safe to kill, and what they found.

design.py      what a study file may say
loading.py     from a name, a file or a directory to a design
plan.py        groups, levels and distinct runs
expansion.py   from a design to its plan
combine.py     the best level per factor, together
outcomes.py    how each run stands, read from the run directories
claims.py      which runner is at which run (SQLite)
worker.py      a process that trains
runner.py      hands out runs to workers until none is missing
directory.py   a study's files: results.json, metrics.csv, long.csv
"""
