"""Splits of recordings that hold several species: every species that can be is in every split."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.splits.stratified import Dealer
from tests.pipeline.splits.recordings import draw, entries_of

SHARES = np.array([0.8, 0.1, 0.1])


@pytest.mark.parametrize("seed", range(5))
def test_species_of_three_recordings_are_in_all_three_splits_and_shares_are_within_a_point(seed: int) -> None:
    _, recording, species = draw(seed)
    dealer = Dealer(entries_of(recording, species, seed), SHARES)
    dealer.deal()
    often = dealer.label_groups >= 3
    assert often.sum() > 120 and (dealer.held[often] > 0).all()
    assert (np.abs(dealer.overall / dealer.overall.sum() - SHARES) < 0.01).all()
    assert not ((dealer.held[:, 0] == 0) & (dealer.totals > 0)).any()


@pytest.mark.parametrize("seed", range(5))
def test_by_session_at_most_one_species_is_in_one_of_two_splits_alone(seed: int) -> None:
    session, _, species = draw(seed)
    dealer = Dealer(entries_of(session, species, seed), np.array([0.8, 0.2]))
    dealer.deal()
    often = dealer.label_groups >= 2
    assert ((dealer.held[often] == 0).any(axis=1)).sum() <= 1
    assert (np.abs(dealer.overall / dealer.overall.sum() - [0.8, 0.2]) < 0.01).all()
