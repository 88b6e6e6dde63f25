"""The scripts run in other environments; this one need not be able to import them."""

collect_ignore = [
    *("load_datasets.py", "make.py", "read_export.py", "read_shards.py", "startup"),
    *(
        "torch_batches.py",
        "torch_ranks.py",
        "torchvision_without_operators.py",
        "read_croissant.py",
        "open_clip_weights.py",
        "library_vectors.py",
        "learn.py",
    ),
]
