"""What a loss of queries is: it sees the masks and classes of a network in training, and the pixels in evaluation."""

from abc import abstractmethod
from collections.abc import Mapping

from torch import Tensor

from seglab.errors import SeglabError
from seglab.labels import IGNORE_INDEX
from seglab.losses.contract import Loss, Pixels
from seglab.losses.cross_entropy import CrossEntropy
from seglab.models.auxiliary import WithAuxiliary
from seglab.models.queries import Queries


class MatchingLoss(Loss):
    """`terms_of_queries(queries, mask)` in training; of logits (B, K, H, W), their cross-entropy.

    A network of queries says in evaluation how its pixels are scored and nothing else, so val/loss is the cross-entropy
    of these scores: exact, the same whatever the batch, without random points, and on one scale with the val/loss of a
    network that learns from loss=ce.
    """

    def __init__(self, *, ignore_index: int = IGNORE_INDEX) -> None:
        super().__init__(ignore_index=ignore_index)
        self._of_pixels = CrossEntropy(ignore_index=ignore_index)

    @abstractmethod
    def terms_of_queries(self, queries: Queries, mask: Tensor) -> dict[str, Tensor]:
        """The unweighted scalars that `combine` makes the loss of.

        Args:
            mask: (B, H, W), of the same picture as the masks of the queries, whatever their size.
        """

    def terms_of_answer(self, answer: Queries | WithAuxiliary, mask: Tensor) -> dict[str, Tensor]:
        """`terms_of_queries` of what a network returned in training.

        Raises:
            SeglabError: the network is none of queries.
        """
        if not isinstance(answer, Queries):
            raise SeglabError(
                f"{type(self).__name__} matches queries with classes: expected a network of queries; came one that "
                "scores pixels - choose model=hf_mask2former, hf_maskformer, hf_eomt or vltseg, or a loss such as "
                "loss=ce"
            )
        return self.terms_of_queries(answer, mask)

    def combine(self, terms: Mapping[str, Tensor]) -> Tensor:
        return terms["loss"] if "loss" in terms else self.combine_queries(terms)

    @abstractmethod
    def combine_queries(self, terms: Mapping[str, Tensor]) -> Tensor:
        """The loss, given its terms of queries."""

    def terms_of(self, pixels: Pixels) -> dict[str, Tensor]:
        return self._of_pixels.terms_of(pixels)

    def value(self, pixels: Pixels) -> Tensor:
        raise SeglabError(
            f"{type(self).__name__}: expected to be the whole loss; came as a term of a compound, whose terms see "
            "pixels - train it alone"
        )
