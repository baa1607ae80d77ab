"""Measurements of the portal beside its peers, in one run on one machine: `manage.py bench`.

`measuring` runs the comparisons, `servers` brings up what they need, `report` shows what was found. A comparison is a
function in a module of its subject, listed in `comparisons`. docs/benchmarks.md says how to read the numbers.
"""
