"""Prints numbers of a study's runs: study_numbers.py FOLDER KEY ..., for each run of FOLDER/runs and each KEY of its result.json."""
import json
import pathlib
import sys

folder, *keys = sys.argv[1:]
for run in sorted((pathlib.Path(folder) / "runs").iterdir()):
    numbers = json.loads((run / "result.json").read_text())["numbers"]
    for key in keys:
        if isinstance(numbers.get(key), (int, float)):
            print(f"{run.name.rsplit('-', 1)[0]}, {key}: {numbers[key]:.4g}")
