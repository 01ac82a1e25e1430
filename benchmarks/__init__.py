"""Side-by-side measurements: imagecards, the bare work, and peers, in one run on one machine.

``python -m benchmarks`` runs every suite and writes ``benchmarks/results.md``; ``--quick`` tries the
machinery on small data. A suite is a module that says how it prepares and what one round is; what is timed
runs in processes of its own, from the modules in ``measured``.
"""
