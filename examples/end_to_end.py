"""From a recipe to images that a training script reads, in Python: `python examples/end_to_end.py RECIPE OUT`.

Try it on the demo: `biomill demo -o out/demo`, then `python examples/end_to_end.py out/demo/corpus/recipe.toml
out/demo/run`, which finds every stage done and goes on from there.
"""

import sys
from pathlib import Path

import biomill

recipe, out = sys.argv[1:3]

try:
    # Goes on where an earlier call stopped, was killed or lost the network. `until="screen"` would end before any
    # image is fetched; `overrides={"licences.allow": ["CC0"]}` stands in the place of lines of the recipe.
    run = biomill.run(recipe, out, progress=print)
except biomill.BiomillError as error:
    # Every error says what is wrong, where, and how to mend it; finished work is kept.
    sys.exit(str(error))

# What became of the rows: each ends in exactly one outcome.
print()
for row in run.sql("SELECT outcome, sum(rows)::BIGINT AS rows FROM funnel GROUP BY 1 ORDER BY 2 DESC").to_pylist():
    print(f"{row['rows']:>6,}  {row['outcome']}")

# Why one of them is out, from the byte in its source to the evidence.
lost = run.sql("SELECT row_id FROM ledger WHERE outcome <> 'kept' ORDER BY row_id LIMIT 1")["row_id"].to_pylist()
for row_id in lost:
    print()
    print(run.explain(row_id))

# Believe nothing: every promise is checked against the files.
broken = [check for check in run.verify() if not check.ok]
print()
print(f"{len(broken)} of the run's promises do not hold" if broken else "verified")

# The birds as folders of classes, which most training scripts read; the folder has an attribution of every image.
birds = Path(out).with_name("birds")
done = run.export(birds, "folders", where="\"class\" = 'Aves'")
print(f"{done.exported:,} of {done.asked:,} images of birds are in {birds}")
