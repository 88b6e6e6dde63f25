"""Exports: a part of a finished run as new shards, class folders, COCO, YOLO or a Hugging Face dataset folder."""

from pipeline.export.classes import LEVELS
from pipeline.export.export import FORMATS, Exported, export

__all__ = ["FORMATS", "LEVELS", "Exported", "export"]
