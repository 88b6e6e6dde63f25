"""The evaluation of a model from its embeddings of a run's pictures: no network, no GPU and no PyTorch is needed.

The measures themselves, as functions of arrays, are in `pipeline.evaluate.measures`.
"""

from __future__ import annotations

from pipeline.evaluate.embeddings import Embeddings, read_embeddings, write_embeddings
from pipeline.evaluate.evaluate import evaluate
from pipeline.evaluate.evaluate_run import RunEvaluation, check_beside, evaluate_run
from pipeline.evaluate.evaluation import VERSION, Evaluated, Evaluation, EvaluationRules
from pipeline.evaluate.evaluation_files import score_table, write_evaluation
from pipeline.evaluate.evaluation_lines import evaluation_lines
from pipeline.evaluate.labelled import Labelled, labelled, read_run
from pipeline.evaluate.text_vectors import TextVectors, read_text_vectors, text_vectors
from pipeline.evaluate.traits import Traits, read_traits

__all__ = [
    "VERSION",
    "Embeddings",
    "Evaluated",
    "Evaluation",
    "EvaluationRules",
    "Labelled",
    "RunEvaluation",
    "TextVectors",
    "Traits",
    "check_beside",
    "evaluate",
    "evaluate_run",
    "evaluation_lines",
    "labelled",
    "read_embeddings",
    "read_run",
    "read_text_vectors",
    "read_traits",
    "score_table",
    "text_vectors",
    "write_embeddings",
    "write_evaluation",
]
