"""Losses and heads against their definitions, written out."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from pipeline.train.networks import HierarchicalHead, LinearHead, contrastive_loss, floor, tree_of

SCALE = torch.tensor(7.0)


def unit(rows: int, seed: int, width: int = 8) -> torch.Tensor:
    return normalize(torch.from_numpy(np.random.default_rng(seed).normal(size=(rows, width))), dim=1)


def brute(images: torch.Tensor, texts: torch.Tensor, right: list[list[int]]) -> float:
    """Return the mean over both directions and all rows of the mean of -ln p over the right ones."""
    total = 0.0
    for left, other in ((images, texts), (texts, images)):
        for row, chosen in enumerate(right):
            scores = [math.exp(float(SCALE * left[row] @ each)) for each in other]
            total -= sum(math.log(scores[each] / sum(scores)) for each in chosen) / len(chosen)
    return total / (2 * len(right))


@pytest.mark.parametrize("seed", range(5))
def test_the_loss_is_its_definition(seed: int) -> None:
    images, texts = unit(9, seed), unit(9, seed + 100)
    expected = brute(images, texts, [[row] for row in range(9)])
    assert float(contrastive_loss(images, texts, SCALE)) == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(5))
def test_pairs_of_one_taxon_are_all_right(seed: int) -> None:
    images, texts = unit(9, seed), unit(9, seed + 100)
    taxa = np.random.default_rng(seed).integers(0, 4, 9)
    right = [[other for other in range(9) if taxa[other] == taxa[row]] for row in range(9)]
    found = contrastive_loss(images, texts, SCALE, taxa=torch.from_numpy(taxa))
    assert float(found) == pytest.approx(brute(images, texts, right))


def test_equal_texts_need_no_mask() -> None:
    """With one string for all images of a taxon both losses are one, and so are their gradients."""
    taxa = torch.tensor([0, 0, 1, 2, 2, 2])
    found = []
    for mask in (None, taxa):
        images, strings = unit(6, 2).requires_grad_(), unit(3, 1).requires_grad_()
        loss = contrastive_loss(images, strings[taxa], SCALE, taxa=mask)
        loss.backward()
        found.append((loss.detach(), images.grad, strings.grad))
    assert all(torch.allclose(one, other, atol=1e-12) for one, other in zip(*found, strict=True))
    assert floor(taxa.numpy()) == pytest.approx((2 * math.log(2) + 3 * math.log(3)) / 6)


def test_nothing_is_lower_than_the_floor() -> None:
    labels = np.array([0, 0, 1, 2, 2, 2, 3])
    perfect = torch.eye(4, dtype=torch.float64)[torch.from_numpy(labels)]
    best = float(contrastive_loss(perfect, perfect, torch.tensor(100.0)))
    assert best == pytest.approx(floor(labels), abs=1e-9)
    for seed in range(20):
        images, texts = unit(7, seed, 4), unit(4, seed + 50, 4)[torch.from_numpy(labels)]
        assert float(contrastive_loss(images, texts, SCALE)) > floor(labels)


LINEAGES: list[tuple[str, ...]] = [
    ("Animalia", "Felidae", "Puma", "p1"),
    ("Animalia", "Felidae", "Puma", "p2"),
    ("Animalia", "Felidae", "Lynx", "l1"),
    ("Animalia", "Canidae", "Vulpes", "v1"),
    ("Plantae", "", "Quercus", "q1"),
    ("Plantae", "", "Quercus", "q2"),
]


def test_a_hierarchical_softmax_is_the_product_of_those_of_its_ranks() -> None:
    torch.manual_seed(3)
    head = HierarchicalHead(5, tree_of(LINEAGES)).double()
    features = torch.randn(4, 5, dtype=torch.float64)
    told = head(features).exp()
    assert torch.allclose(told.sum(1), torch.ones(4, dtype=torch.float64))
    nodes = [sorted({lineage[: level + 1] for lineage in LINEAGES}) for level in range(3)]
    for sample in range(4):
        for taxon, lineage in enumerate(LINEAGES):
            product = 1.0
            for level in range(4):
                known = nodes[level] if level < 3 else LINEAGES
                scores = head.levels[level](features[sample])
                siblings = [n for n, node in enumerate(known) if node[:level] == lineage[:level]]
                here = known.index(lineage[: level + 1])
                total = sum(math.exp(scores[each].item()) for each in siblings)
                product *= math.exp(float(scores[here])) / total
            assert float(told[sample, taxon]) == pytest.approx(product)
    loss = head.loss(features, torch.tensor([0, 3, 4, 2]))
    expected = -sum(math.log(float(told[sample, taxon])) for sample, taxon in enumerate([0, 3, 4, 2])) / 4
    assert float(loss) == pytest.approx(expected)


def test_a_node_without_siblings_is_sure() -> None:
    head = HierarchicalHead(5, tree_of([("Animalia", "a")]))
    assert torch.equal(head(torch.randn(3, 5)), torch.zeros(3, 1))


def test_a_linear_head_is_a_softmax() -> None:
    head = LinearHead(5, 7)
    features = torch.randn(4, 5)
    assert torch.allclose(head(features).exp().sum(1), torch.ones(4))
    taxa = torch.tensor([6, 0, 3, 3])
    expected = -head(features)[torch.arange(4), taxa].mean()
    assert float(head.loss(features, taxa).detach()) == pytest.approx(float(expected.detach()), abs=1e-6)
