"""Which text stands beside an image: a text type for each batch, or for each sample, drawn by the step alone.

BioCLIP 2 draws one text type for a whole batch. Then every image of a taxon has the same string, equal texts are equal
to the loss, and none is a false negative: InfoNCE with duplicates is the loss with uniform targets over them, up to a
constant. With one type for each sample two images of a taxon may have different strings, so that the loss must know
which pairs are of one taxon (`pipeline.train.networks.contrastive`).

Source: Gu et al. 2025, "BioCLIP 2"; its trainer's `--text_type random`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from pipeline.feed.manifest import Manifest
from pipeline.feed.permutation import Permutation, subkey, uniforms

_PREFIX = "a photo of "


class Texts:
    """The strings of every lineage of a manifest, by text type.

    `template`: a sentence with `{}` in the place of the names; '' for the captions as the shards have them.
    `shuffled`: every lineage has the caption of another one, by a permutation of the seed.
    """

    def __init__(
        self, manifest: Manifest, kinds: Sequence[str], seed: int = 0, template: str = "", shuffled: bool = False
    ) -> None:
        self.kinds = tuple(kinds)
        self._manifest, self._template = manifest, template
        self._key = subkey(seed, "texts")
        self.lineages = len(manifest.names)
        """Rows of `Manifest.names`."""
        shuffle = Permutation(self.lineages, subkey(seed, "shuffled")) if shuffled else None
        self._order = None if shuffle is None else shuffle(np.arange(self.lineages))
        facts = [manifest.entry, manifest.digest, self.kinds, template, seed if shuffled else None]
        self.digest = hashlib.sha256(json.dumps(facts).encode()).hexdigest()
        """Of all that decides the string of a lineage."""

    def of_step(self, step: int) -> int:
        """Return the number of the text type of a step's batch."""
        return int(uniforms(self._key, np.array([step]), 1)[0, 0] * len(self.kinds))

    def of_samples(self, positions: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return the number of the text type of each sample, by its position in the endless count of samples."""
        return np.asarray(uniforms(self._key, positions, 1)[:, 0] * len(self.kinds), np.int64)

    def of_batch(self, mix: str, step: int, positions: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return the number of the text type of each sample of a step: one for all, or with mix 'sample' its own."""
        if mix == "sample":
            return self.of_samples(positions)
        return np.full(positions.size, self.of_step(step))

    def text(self, name: int, kind: str) -> str:
        """Return the string of a lineage, a row of `Manifest.names`."""
        if self._order is not None:
            name = int(self._order[name])
        return self.rendered(getattr(self._manifest.captions(name), kind))

    def rendered(self, caption: str) -> str:
        """Return a caption in the template.

        >>> texts = Texts.__new__(Texts)
        >>> texts._template = "a drawing of {}, pressed"
        >>> texts.rendered("a photo of Puma concolor.")
        'a drawing of Puma concolor, pressed'
        """
        return in_template(caption, self._template)


def in_template(caption: str, template: str) -> str:
    """Return the names of a caption in a template, a sentence with `{}`; '' is that of the caption itself.

    >>> in_template("a photo of Puma concolor.", "a drawing of {}, pressed")
    'a drawing of Puma concolor, pressed'
    """
    if not template:
        return caption
    return template.replace("{}", caption.removeprefix(_PREFIX).removesuffix("."))
