"""Parts alone, without recipe and run: which photographs of a folder are duplicates, and what some names mean.

`python examples/duplicates_of_a_folder.py FOLDER`; a .tar or .zip of images will do as well.
"""

import sys
from collections import Counter

import biomill

# Every image is hashed, and every pair within the distance is found and compared pixel by pixel. What is kept is the
# best image of each group; whatever is dropped is like a kept image, never only like another dropped one.
try:
    found = biomill.deduplicate(sys.argv[1], threads=2)
except biomill.BiomillError as error:
    sys.exit(str(error))

rows = found.decisions.to_pylist()
for outcome, images in Counter(row["outcome"] for row in rows).most_common():
    print(f"{images:>6,}  {outcome}")
for row in rows:
    if row["other"]:
        print(f"{row['item']} is like {row['other']}: {row['evidence']}")

# The same part of the library answers for two sets: does a training set hold images of a test set?
# Here the folder is both, so that every image which can be compared is found again.
report = biomill.check_leakage(sys.argv[1], sys.argv[1])
print(f"{report.state('leaked'):,} of {report.items.num_rows:,} images are found by the leak check")

# Names need no run either: `family` and the other hints decide what a name alone leaves open.
names = {"scientificName": ["Felis concolor", "Morus", "Morus"], "kingdom": [None, None, "Plantae"]}
for row in biomill.resolve_names(names).to_pylist():
    print(f"{row['scientific_name']}: {row['match_type']}, {row['accepted_name'] or 'left open'}")
