"""Goals of attacks against votes in plain loops."""

from fractions import Fraction

import pytest
import torch
from torch import Tensor

from acir.errors import UsageError
from acir.robustness.attacks.goals import Gallery, away_from_class, away_from_own, towards_class
from made_attacked import distance, network, pictures, signs


def test_away_from_the_own_code_is_at_the_greatest_distance_from_it() -> None:
    model, images = network(), pictures(5)
    found = away_from_own(model, images)
    assert distance(model(images), found).tolist() == [16] * 5
    assert not found.requires_grad


def test_a_zero_logit_is_a_one_and_its_opposite_is_minus_one() -> None:
    found = away_from_own(lambda images: images.new_tensor([[0.0, -2.0]]), pictures(1))
    assert found.tolist() == [[-1, 1]]


def naive_votes(mine: list[float], gallery: Gallery) -> list[Fraction]:
    """Sum over all pairs of a similar and a dissimilar picture, as the papers have it."""
    total = [Fraction(0)] * gallery.codes.shape[1]
    own = {c for c, has in enumerate(mine) if has}
    sets = [{c for c, has in enumerate(row) if has} for row in gallery.labels.tolist()]
    codes = gallery.codes.tolist()
    similar = [i for i, labels in enumerate(sets) if own & labels]
    others = [i for i, labels in enumerate(sets) if not own & labels]
    for i in similar:
        weight = Fraction(len(own & sets[i]), len(own | sets[i]))
        for j in others:
            for bit, (ours, theirs) in enumerate(zip(codes[i], codes[j], strict=True)):
                total[bit] += weight * int(ours) - int(theirs)
    return total


def one_label(count: int, classes: int = 3) -> Tensor:
    return torch.eye(classes, dtype=torch.float64)[torch.arange(count) % classes]


def several_labels(count: int, classes: int = 5) -> Tensor:
    random = torch.Generator().manual_seed(1)
    drawn = torch.rand(count, classes, generator=random) < 0.35
    drawn[drawn.sum(dim=1) == 0, 0] = True
    return drawn.double()


@pytest.mark.parametrize("labels", [one_label(23), several_labels(23)], ids=["one", "several"])
def test_away_from_the_class_is_the_opposite_of_the_vote_over_all_pairs(labels: Tensor) -> None:
    gallery = Gallery(signs(23, 15), labels)
    found = away_from_class(labels[:9], gallery)
    votes = [naive_votes(row, gallery) for row in labels[:9].tolist()]
    pairs = [
        (bit, vote)
        for row, total in zip(found.tolist(), votes, strict=True)
        for bit, vote in zip(row, total, strict=True)
        if vote  # rounding may decide a tie of weighed votes
    ]
    assert len(pairs) > 120  # of 9 * 15
    assert all(bit == (-1 if vote > 0 else 1) for bit, vote in pairs)


def test_a_code_of_another_class_votes_against() -> None:
    # Bit 0: own mean (1 + 1) / 2 = 1 less the other's 1 is 0: a tie, +1. Bit 1: 0 - (-1) = 1.
    # Bit 2: 0 - 1 = -1. The opposites are -1, -1 and +1.
    codes = torch.tensor([[1.0, 1, 1], [1, -1, -1], [1, -1, 1]])
    gallery = Gallery(codes, torch.tensor([[1.0, 0], [1, 0], [0, 1]]))
    assert away_from_class(torch.tensor([[1.0, 0]]), gallery).tolist() == [[-1, -1, 1]]


def test_without_pictures_of_other_classes_only_similar_ones_vote() -> None:
    codes = torch.tensor([[1.0, -1], [1, -1], [-1, -1]])
    gallery = Gallery(codes, torch.ones(3, 1))
    assert away_from_class(torch.ones(1, 1), gallery).tolist() == [[-1, 1]]


def test_the_anchor_is_the_majority_of_its_class() -> None:
    labels = several_labels(23)
    gallery = Gallery(signs(23, 15), labels)
    codes = gallery.codes.tolist()
    for target in range(5):
        members = [codes[i] for i in range(23) if labels[i, target]]
        votes = [sum(code[bit] for code in members) for bit in range(15)]
        expected = [1.0 if vote >= 0 else -1.0 for vote in votes]
        assert towards_class(torch.tensor([target]), gallery).tolist() == [expected]


def test_each_picture_gets_the_anchor_of_its_target() -> None:
    gallery = Gallery(signs(6, 8), one_label(6))
    both = towards_class(torch.tensor([2, 0]), gallery)
    assert both[0].tolist() == towards_class(torch.tensor([2]), gallery)[0].tolist()
    assert both[1].tolist() == towards_class(torch.tensor([0]), gallery)[0].tolist()


def test_a_gallery_with_fewer_labels_than_codes_is_refused() -> None:
    with pytest.raises(UsageError, match="has 4 codes and labels of 3 pictures, expected as many"):
        Gallery(signs(4, 8), torch.ones(3, 2))


@pytest.mark.parametrize("number", [0.0, 0.5, torch.nan])
def test_a_gallery_of_logits_is_refused(number: float) -> None:
    with pytest.raises(UsageError, match=r"numbers other than -1 and \+1.*binarise the logits"):
        Gallery(torch.tensor([[1.0, number]]), torch.ones(1, 2))


def test_a_picture_like_none_of_the_gallery_is_refused() -> None:
    gallery = Gallery(signs(2, 8).float(), torch.tensor([[1.0, 0], [1, 0]]))
    with pytest.raises(UsageError, match=r"picture 1 shares no label with the gallery.*enlarge"):
        away_from_class(torch.tensor([[1.0, 0], [0, 1]]), gallery)


def test_labels_of_other_classes_are_refused() -> None:
    gallery = Gallery(signs(2, 8).float(), torch.ones(2, 3))
    with pytest.raises(UsageError, match="labels of 2 classes and the gallery of 3, expected the"):
        away_from_class(torch.ones(1, 2), gallery)


@pytest.mark.parametrize("target", [-1, 3])
def test_an_unknown_target_is_refused(target: int) -> None:
    gallery = Gallery(signs(6, 8), one_label(6))
    with pytest.raises(UsageError, match=f"target class is {target}, expected 0 to 2"):
        towards_class(torch.tensor([target]), gallery)


def test_a_target_without_pictures_is_refused() -> None:
    gallery = Gallery(signs(2, 8), one_label(2))
    with pytest.raises(UsageError, match=r"no picture of target class 2.*take another target"):
        towards_class(torch.tensor([2]), gallery)


def test_what_is_no_picture_has_no_code_to_leave() -> None:
    with pytest.raises(UsageError, match="the pictures have values from 0 to 2, expected 0 to 1"):
        away_from_own(network(), 2 * pictures(2))
