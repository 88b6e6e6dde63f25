"""The loss of CLIP over the batch of all processes, with a mask for pairs of one taxon, and what it cannot go below.

    L = (1/2) [ CE(s I T', y) + CE(s T I', y) ],   y_i = i, or uniform over { j : taxon j = taxon i }

I, T: unit features of images and texts (n, d); s: the scale; CE: mean cross-entropy of the rows' softmax. Each process
computes the rows of its own samples against the columns of all (open_clip's `local_loss` with `gather_with_grad`), and
the mean over processes is the loss of the whole batch.

Sources: Radford et al. 2021, "Learning Transferable Visual Models From Natural Language Supervision", figure 3;
Khosla et al. 2020, "Supervised Contrastive Learning", for several positives.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.functional import cross_entropy, log_softmax

from pipeline.train.networks.gather import gathered


def contrastive_loss(
    images: torch.Tensor,
    texts: torch.Tensor,
    scale: torch.Tensor,
    first: int = 0,
    taxa: torch.Tensor | None = None,
) -> torch.Tensor:
    """Return the loss of this process' samples.

    `images`, `texts`: unit features, (n, d) each; `first`: place of the first of them in the batch of all processes;
    `taxa`: number of each sample's taxon in that whole batch, where all pairs of a taxon are right; without it only
    those of one sample are.

    >>> features = torch.eye(4)
    >>> round(contrastive_loss(features, features, torch.tensor(100.0)).item(), 6)
    0.0
    """
    all_images, all_texts = gathered(images), gathered(texts)
    by_image, by_text = scale * images @ all_texts.T, scale * texts @ all_images.T
    places = torch.arange(first, first + images.shape[0], device=images.device)
    if taxa is None:
        return (cross_entropy(by_image, places) + cross_entropy(by_text, places)) / 2
    same = (taxa[places][:, None] == taxa[None, :]).to(by_image.dtype)
    right = same / same.sum(1, keepdim=True)
    return -((right * (log_softmax(by_image, 1) + log_softmax(by_text, 1))).sum(1).mean()) / 2


def floor(labels: npt.NDArray[np.int64]) -> float:
    """Return E[ln multiplicity]: what the loss of a batch is where all that can be told apart is told apart.

    `labels`: equal numbers for samples that cannot be: with one string, or of one taxon.

    >>> round(floor(np.array([1, 1, 2, 3])), 6)
    0.346574
    """
    _, counts = np.unique(labels, return_counts=True)
    return float((counts * np.log(counts)).sum() / labels.size)
