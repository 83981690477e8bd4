"""Every equation of SCH against values computed by hand, naive loops and finite differences."""

import math
import re
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck
from torch.autograd.graph import saved_tensors_hooks
from torch.nn.functional import cosine_similarity, one_hot

from acir.errors import RecipeError
from acir.losses import sch
from acir.losses.base import label_cross_entropy
from acir.losses.sch import SCH, Similarity
from acir.tensors import Batch, Encoding
from made_gradients import doubles, gradient
from made_pairs import Largest, as_function


def random_inputs(
    seed: int, pictures: int = 7, bits: int = 16, classes: int = 3, several: bool = False
) -> tuple[Encoding, Batch]:
    """Draw an encoding and a batch; with `several` labels a picture has none to all of them."""
    random = torch.Generator().manual_seed(seed)
    labels = one_hot(torch.randint(classes, (pictures,), generator=random), classes).float()
    if several:
        labels = (torch.rand(pictures, classes, generator=random) < 0.5).float()
    encoding = Encoding(
        logits=torch.randn(pictures, bits, generator=random).requires_grad_(),
        blended=torch.zeros(pictures, 2),
        class_logits=torch.randn(pictures, classes, generator=random).requires_grad_(),
        middle=torch.zeros(pictures, 2),
        deep=torch.zeros(pictures, 2, 1, 1),
    )
    return encoding, Batch(
        images=torch.zeros(pictures, 3, 4, 4),
        fingerprints=torch.rand(pictures, 256, generator=random),
        labels=labels,
        rows=torch.arange(pictures),
    )


# w(c) = N / (N_c C)


def test_a_rare_class_weighs_more() -> None:
    # N = 40 pictures of C = 2 classes: 40 / (10 * 2) = 2 and 40 / (30 * 2) = 2/3.
    assert sch.inverse_frequencies((10, 30)).tolist() == pytest.approx([2, 2 / 3])


def test_classes_of_one_size_all_weigh_one() -> None:
    assert sch.inverse_frequencies((5, 5, 5)).tolist() == [1, 1, 1]


def test_the_mean_weight_of_all_training_pictures_is_one() -> None:
    counts = (3, 17, 80)
    weights = sch.inverse_frequencies(counts).tolist()
    total = sum(n * w for n, w in zip(counts, weights, strict=True))
    assert total / sum(counts) == pytest.approx(1)


def test_a_class_without_pictures_weighs_nothing() -> None:
    # 8 / (4 * 3) = 2/3 for the others.
    assert sch.inverse_frequencies((4, 0, 4)).tolist() == pytest.approx([2 / 3, 0, 2 / 3])


# S_ij


def test_pearson_of_fingerprints_by_hand() -> None:
    # Centred rows: (-1, 0, 1), (-1, 1, 0), (1, 0, -1), each of squared length 2.
    # Pearson of rows 0 and 1: ((-1)(-1) + 0 + 0) / 2 = 1/2; of 0 and 2: -2/2 = -1, clipped to 0;
    # of 1 and 2: -1/2, clipped to 0.
    fingerprints = torch.tensor([[0.1, 0.2, 0.3], [0.0, 0.4, 0.2], [0.9, 0.5, 0.1]])
    found = sch.structure_similarity(fingerprints)
    expected = [[1, 0.5, 0], [0.5, 1, 0], [0, 0, 1]]
    torch.testing.assert_close(found, torch.tensor(expected), atol=1e-6, rtol=0)


def test_cosine_of_fingerprints_by_hand() -> None:
    # (3, 4) and (4, 3): 24 / (5 * 5) = 0.96.
    found = sch.structure_similarity(torch.tensor([[0.3, 0.4], [0.4, 0.3]]), "cosine")
    assert found[0, 1].item() == pytest.approx(0.96)


@pytest.mark.parametrize(("gain", "offset"), [(0.5, 0.0), (1.0, 0.3), (0.2, 0.7)])
def test_pearson_does_not_see_exposure(gain: float, offset: float) -> None:
    picture = torch.rand(1, 256, generator=torch.Generator().manual_seed(0))
    pair = torch.cat([picture, gain * picture + offset])
    assert sch.structure_similarity(pair)[0, 1].item() == pytest.approx(1, abs=1e-5)


def test_cosine_calls_any_two_grey_pictures_alike_and_pearson_does_not() -> None:
    # Independent pictures around a grey of 0.6 +/- 0.1: cosine = 0.36 / (0.36 + 0.01/3) = 0.99,
    # Pearson about 0 +/- 1/16. This is why Pearson is the default.
    random = torch.Generator().manual_seed(0)
    pictures = 0.5 + 0.2 * torch.rand(20, 256, generator=random)
    others = ~torch.eye(20, dtype=torch.bool)
    assert sch.structure_similarity(pictures, "cosine")[others].min() > 0.98
    assert sch.structure_similarity(pictures, "pearson")[others].max() < 0.3


def test_opposite_pictures_are_neutral_not_negative() -> None:
    picture = torch.rand(1, 256, generator=torch.Generator().manual_seed(0))
    assert sch.structure_similarity(torch.cat([picture, 1 - picture]))[0, 1].item() == 0


def test_a_featureless_picture_is_like_nothing() -> None:
    pictures = torch.stack([torch.full((4,), 0.25), torch.tensor([0.0, 1, 0, 1])])
    assert sch.structure_similarity(pictures)[0].tolist() == [0, 0]


# d_ij = (1 - pearson(u_i, u_j)) / 2


def test_code_distance_by_hand() -> None:
    # Centred: (-1, 0, 1), (-1, 1, 0), (1, 0, -1); correlations 1/2 and -1 with the first.
    logits = torch.tensor([[1.0, 2, 3], [0, 4, 2], [9, 5, 1]])
    found = sch.code_distance(logits)[0].tolist()
    assert found == pytest.approx([1e-6, 0.25, 1 - 1e-6], abs=1e-6)


def test_code_distance_does_not_see_the_length_of_logits() -> None:
    logits = torch.randn(4, 16, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(sch.code_distance(logits), sch.code_distance(7 * logits + 2))


def test_code_distance_of_balanced_codes_is_the_share_of_different_bits() -> None:
    # Rows with as many +1 as -1 have mean 0; of 8 bits, 4 differ between 0 and 1, 2 between 0, 2.
    codes = torch.tensor(
        [
            [1.0, 1, 1, 1, -1, -1, -1, -1],
            [1, 1, -1, -1, 1, 1, -1, -1],
            [1, 1, 1, -1, 1, -1, -1, -1],
        ]
    )
    assert sch.code_distance(codes)[0, 1:].tolist() == pytest.approx([4 / 8, 2 / 8])


def test_the_gradient_of_code_distance_is_that_of_finite_differences() -> None:
    others = ~torch.eye(4, dtype=torch.bool)
    assert gradcheck(lambda u: sch.code_distance(u)[others], doubles(4, 6))


@pytest.mark.parametrize("sign", [1, -1])
def test_both_logarithms_stay_finite_at_the_ends(sign: int) -> None:
    logits = torch.tensor([[1.0, -1], [sign, -sign]])
    distance = sch.code_distance(logits)
    assert distance.log().isfinite().all()
    assert (1 - distance).log().isfinite().all()


# y_i = y_j


def test_overlap_of_single_labels_is_zero_or_one() -> None:
    labels = one_hot(torch.tensor([0, 1, 0])).float()
    assert sch.label_overlap(labels).tolist() == [[1, 0, 1], [0, 1, 0], [1, 0, 1]]


def test_overlap_of_several_labels_is_their_jaccard_index() -> None:
    # {a, b} and {b, c}: 1 of 3; {a, b} and {a, b, c}: 2 of 3; {b, c} and {a, b, c}: 2 of 3.
    labels = torch.tensor([[1.0, 1, 0], [0, 1, 1], [1, 1, 1]])
    found = sch.label_overlap(labels)
    assert found[0].tolist() == pytest.approx([1, 1 / 3, 2 / 3])
    assert found[1, 2].item() == pytest.approx(2 / 3)


def test_a_picture_without_labels_overlaps_with_nothing() -> None:
    assert sch.label_overlap(torch.tensor([[0.0, 0], [0, 0], [1, 0]]))[0].tolist() == [0, 0, 0]


# The strength of the structure


@pytest.mark.parametrize(
    ("structure", "attract", "repel"),
    [
        (0.0, [1, 1, 1], [1, 1, 1]),  # the structure counts for nothing
        (1.0, [0, 0.5, 1], [1, math.exp(0.5), math.e]),  # S and exp(S): the paper's
        (0.5, [0.5, 0.75, 1], [1, math.exp(0.25), math.exp(0.5)]),  # 1 - (1 - S)/2 and exp(S/2)
    ],
)
def test_strengths_by_hand(structure: float, attract: list[float], repel: list[float]) -> None:
    similarity = torch.tensor([[0.0, 0.5, 1]]).expand(3, 3)
    assert sch.attraction_strength(similarity, structure)[0].tolist() == pytest.approx(attract)
    assert sch.repulsion_strength(similarity, structure)[0].tolist() == pytest.approx(repel)


# l+_ij = -S_ij log(1 - d_ij)


def test_attraction_by_hand() -> None:
    # -0.5 log(1 - 0.75) = 0.5 log 4 = log 2.
    found = sch.attraction(torch.tensor([[0.75]]), torch.tensor([[0.5]]))
    assert found.item() == pytest.approx(math.log(2))


def test_equal_codes_do_not_attract_and_a_neutral_pair_never_does() -> None:
    distance, strength = torch.tensor([[0.0, 0.9]]), torch.tensor([[1.0, 0.0]])
    assert sch.attraction(distance.expand(2, 2), strength.expand(2, 2)).abs().max() == 0


def test_the_gradient_of_attraction_grows_with_distance() -> None:
    # d/dd of -S log(1 - d) is S / (1 - d): 1 / 0.5 = 2 at d = 0.5, and 1 / 0.2 = 5 at d = 0.8.
    distance = torch.tensor([[0.5, 0.8], [0.5, 0.8]], requires_grad=True)
    total = sch.attraction(distance, torch.ones(2, 2)).sum()
    assert gradient(total, distance)[0].tolist() == pytest.approx([2, 5])


# l-_ij = -exp(S_ij) log(d_ij)


def test_repulsion_by_hand() -> None:
    # -e log(1/4) = 2 e log 2, for S = 1.
    found = sch.repulsion(torch.tensor([[0.25]]), torch.tensor([[math.e]]))
    assert found.item() == pytest.approx(2 * math.e * math.log(2))


def test_codes_as_far_as_can_be_do_not_repel() -> None:
    assert sch.repulsion(torch.ones(2, 2), torch.full((2, 2), math.e)).abs().max() == 0


def test_the_gradient_of_repulsion_is_steepest_near_zero() -> None:
    # d/dd of -w log d is -w / d: -2 / 0.5 = -4 and -2 / 0.1 = -20.
    distance = torch.tensor([[0.5, 0.1], [0.5, 0.1]], requires_grad=True)
    total = sch.repulsion(distance, torch.full((2, 2), 2.0)).sum()
    assert gradient(total, distance)[0].tolist() == pytest.approx([-4, -20])


# w_ij = w(y_i) w(y_j)


def test_pair_weight_by_hand() -> None:
    # Weights 2 and 2/3; the third picture has both labels, so their mean 4/3; the fourth none.
    labels = torch.tensor([[1.0, 0], [0, 1], [1, 1], [0, 0]])
    found = sch.pair_weight(labels, torch.tensor([2.0, 2 / 3]))
    assert found[0].tolist() == pytest.approx([4, 4 / 3, 8 / 3, 0])
    torch.testing.assert_close(found, found.T)


# L_con


def contrast_of(distance: Tensor, overlap: Tensor, weight: float = 1.0) -> float:
    ones = torch.ones_like(distance)
    return sch.contrast(
        distance=distance, attract=ones, repel=ones, overlap=overlap, weight=weight * ones
    ).item()


def test_contrast_by_hand() -> None:
    # Pictures 0 and 1 share a class, 2 does not; d01 = 1/2, d02 = 1/4, d12 = 1/8.
    # l+ = log 2 for (0, 1); l- = log 4 for (0, 2) and log 8 for (1, 2); each counts twice:
    # mean over the 6 pairs i != j = (1 + 2 + 3) log 2 * 2 / 6 = 2 log 2.
    distance = torch.tensor([[0.0, 1 / 2, 1 / 4], [1 / 2, 0, 1 / 8], [1 / 4, 1 / 8, 0]])
    distance = distance.clamp(1e-6)
    overlap = torch.tensor([[1.0, 1, 0], [1, 1, 0], [0, 0, 1]])
    assert contrast_of(distance, overlap) == pytest.approx(2 * math.log(2))
    assert contrast_of(distance, overlap, weight=3) == pytest.approx(6 * math.log(2))


def test_half_an_overlap_blends_attraction_and_repulsion() -> None:
    # o = 1/2 at d = 1/4: (log(4/3) + log 4) / 2.
    distance, overlap = torch.full((2, 2), 0.25), torch.full((2, 2), 0.5)
    assert contrast_of(distance, overlap) == pytest.approx((math.log(4 / 3) + math.log(4)) / 2)


def test_the_diagonal_does_not_count() -> None:
    distance, overlap = torch.full((3, 3), 0.25), torch.zeros(3, 3)
    changed = distance.clone().fill_diagonal_(1e-6)
    assert contrast_of(distance, overlap) == contrast_of(changed, overlap) != 0


def test_a_single_picture_has_no_contrast() -> None:
    assert contrast_of(torch.full((1, 1), 0.5), torch.ones(1, 1)) == 0


def test_contrast_vanishes_where_classes_are_opposite_corners() -> None:
    code = torch.tensor([1.0, 1, -1, -1])
    distance = sch.code_distance(torch.stack([code, code, -code, -code]))
    overlap = sch.label_overlap(one_hot(torch.tensor([0, 0, 1, 1])).float())
    assert contrast_of(distance, overlap) < 1e-5


# L_q = mean_i log(1 + (1 - cos(|u_i|, 1)) / 2)


def test_quantisation_by_hand() -> None:
    # |u| = (3, 4, 0, 0): cos with ones = 7 / (5 * 2) = 0.7, log(1 + 0.3 / 2) = log 1.15.
    # |u| = (2, 2, 2, 2): cos = 1, log 1 = 0. Their mean is half of the first.
    logits = torch.tensor([[3.0, -4, 0, 0], [2, -2, -2, 2]])
    assert sch.cosine_quantisation(logits).item() == pytest.approx(math.log(1.15) / 2)


def test_quantisation_vanishes_where_all_logits_are_as_far_from_zero() -> None:
    signs = torch.sign(torch.randn(5, 32, generator=torch.Generator().manual_seed(0)))
    assert sch.cosine_quantisation(0.3 * signs).item() == pytest.approx(0, abs=1e-6)


def centred_quantisation(logits: Tensor) -> Tensor:
    """The published form: both sides of the cosine are centred, and the vector of ones vanishes."""
    size = logits.abs()
    ones = torch.ones_like(logits)
    centred = cosine_similarity(
        size - size.mean(dim=1, keepdim=True), ones - ones.mean(dim=1, keepdim=True), dim=1
    )
    return torch.log1p((1 - centred) / 2).mean()


def test_quantisation_has_a_gradient_where_the_published_form_is_a_constant() -> None:
    logits = doubles(4, 8)
    published = centred_quantisation(logits)
    assert published.item() == pytest.approx(math.log(1.5))
    assert gradient(published, logits).abs().max() == 0
    assert (gradient(sch.cosine_quantisation(logits), logits).norm(dim=1) > 1e-3).all()


def test_the_gradient_of_quantisation_is_that_of_finite_differences() -> None:
    assert gradcheck(sch.cosine_quantisation, doubles(4, 6))


# The whole loss


def pearson(a: list[float], b: list[float]) -> float:
    mean_a, mean_b = sum(a) / len(a), sum(b) / len(b)
    centred_a, centred_b = [x - mean_a for x in a], [x - mean_b for x in b]
    return cosine(centred_a, centred_b)


def cosine(a: list[float], b: list[float]) -> float:
    dot = sum(x * y for x, y in zip(a, b, strict=True))
    return dot / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))


def naive_sch(
    encoding: Encoding, batch: Batch, counts: tuple[int, ...], structure: float, kind: Similarity
) -> dict[str, float]:
    """Follow the paper pair by pair, in plain Python."""
    logits, classes = encoding.logits.tolist(), encoding.class_logits.tolist()
    prints = batch.fingerprints.tolist()
    sets = [{c for c, has in enumerate(row) if has} for row in batch.labels.tolist()]
    n = len(logits)
    weight = [sum(counts) / (count * len(counts)) for count in counts]
    own = [sum(weight[c] for c in labels) / max(len(labels), 1) for labels in sets]
    pairs = 0.0
    for i in range(n):
        for j in range(n):
            if i == j:
                continue
            alike = {"pearson": pearson, "cosine": cosine}[kind](prints[i], prints[j])
            alike = min(max(alike, 0), 1)
            d = min(max((1 - pearson(logits[i], logits[j])) / 2, 1e-6), 1 - 1e-6)
            overlap = len(sets[i] & sets[j]) / max(len(sets[i] | sets[j]), 1)
            attract = -(1 - structure * (1 - alike)) * math.log(1 - d)
            repel = -math.exp(structure * alike) * math.log(d)
            pairs += own[i] * own[j] * (overlap * attract + (1 - overlap) * repel)
    quantised = classified = 0.0
    for i in range(n):
        quantised += math.log(
            1 + (1 - cosine([abs(u) for u in logits[i]], [1.0] * len(logits[i]))) / 2
        )
        normaliser = math.log(sum(math.exp(v) for v in classes[i]))
        classified += sum(normaliser - classes[i][c] for c in sets[i]) / max(len(sets[i]), 1)
    return {
        "contrast": pairs / max(n * (n - 1), 1),
        "quantisation": quantised / n,
        "classification": classified / n,
    }


@pytest.mark.parametrize("kind", ["pearson", "cosine"])
@pytest.mark.parametrize("structure", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("pictures", [1, 2, 7])
def test_the_loss_is_that_of_two_plain_loops(
    kind: Similarity, structure: float, several: bool, pictures: int
) -> None:
    encoding, batch = random_inputs(pictures, pictures, several=several)
    counts = (10, 3, 27)
    found = SCH(class_counts=counts, structure=structure, similarity=kind)(encoding, batch)
    expected = naive_sch(encoding, batch, counts, structure, kind)
    assert {k: v.item() for k, v in found.terms.items()} == pytest.approx(expected, abs=1e-5)
    total = expected["contrast"]
    total += 0.5 * expected["quantisation"] + 0.5 * expected["classification"]
    assert found.total.item() == pytest.approx(total, abs=1e-5)


def test_the_gradient_of_the_loss_is_that_of_finite_differences() -> None:
    _, batch = random_inputs(0, pictures=4)
    loss = SCH(class_counts=(10, 3, 27))
    logits, class_logits = doubles(4, 6, seed=1), doubles(4, 3, seed=2)
    assert gradcheck(as_function(loss, batch), (logits, class_logits))


def test_terms_are_detached() -> None:
    terms = SCH(class_counts=(10, 3, 27))(*random_inputs(0))
    assert terms.total.requires_grad
    assert not any(term.requires_grad for term in terms.terms.values())


def test_fingerprints_count_for_nothing_at_strength_zero() -> None:
    encoding, batch = random_inputs(0)
    other = Batch(batch.images, batch.fingerprints.flip(0), batch.labels, batch.rows)
    loss = SCH(class_counts=(10, 3, 27), structure=0.0)
    assert loss(encoding, batch).total.item() == loss(encoding, other).total.item()
    loss = SCH(class_counts=(10, 3, 27), structure=1.0)
    assert loss(encoding, batch).total.item() != loss(encoding, other).total.item()


def test_look_alikes_of_another_class_are_pushed_hardest() -> None:
    encoding, batch = random_inputs(0, pictures=3)
    labels = one_hot(torch.tensor([0, 1, 2])).float()
    prints = batch.fingerprints.clone()
    prints[1] = prints[0]
    alike = Batch(batch.images, prints, labels, batch.rows)
    unlike = Batch(batch.images, batch.fingerprints, labels, batch.rows)
    loss = SCH(class_counts=(1, 1, 1))
    assert loss(encoding, alike).total > loss(encoding, unlike).total


def test_memory_is_that_of_pairs_and_of_rows_never_of_pairs_times_width() -> None:
    b, bits, pixels = 40, 64, 256
    encoding, batch = random_inputs(0, b, bits)
    kept: list[int] = []

    def keep(tensor: Tensor) -> Tensor:
        kept.append(tensor.numel())
        return tensor

    watch = Largest()  # type: ignore[no-untyped-call]
    with watch, saved_tensors_hooks(keep, lambda tensor: tensor):
        SCH(class_counts=(10, 3, 27))(encoding, batch).total.backward()
    assert max(watch.numbers, *kept) <= max(b * b, b * pixels)


# Options


@pytest.mark.parametrize("structure", [-0.1, 1.1, math.nan, math.inf])
def test_a_strength_out_of_range_is_refused(structure: float) -> None:
    expected = rf"recipe key loss.structure is {structure}, expected at least 0 and at most 1"
    with pytest.raises(RecipeError, match=expected):
        SCH(class_counts=(1, 1), structure=structure)


@pytest.mark.parametrize(
    ("key", "word", "known", "nearest"),
    [
        ("similarity", "peason", "pearson, cosine", "pearson"),
        ("quantisation", "cube", "cosine, cubic, none", "cubic"),
    ],
)
def test_an_unknown_word_names_the_nearest(key: str, word: str, known: str, nearest: str) -> None:
    expected = (
        rf"recipe key loss.{key} is '{word}', expected one of {known}\. "
        rf"Did you mean '{nearest}'\?"
    )
    with pytest.raises(RecipeError, match=expected):
        SCH(class_counts=(1, 1), **{key: word})  # type: ignore[arg-type]


def test_the_cubic_term_takes_the_place_of_the_other() -> None:
    encoding, batch = random_inputs(0, pictures=5)
    found = SCH(class_counts=(10, 3, 27), quantisation="cubic")(encoding, batch)
    other = SCH(class_counts=(10, 3, 27))(encoding, batch)
    cubes = [abs(abs(u) - 1) ** 3 for row in encoding.logits.tolist() for u in row]
    mean = sum(cubes) / len(cubes)
    assert found.terms["quantisation"].item() == pytest.approx(mean, rel=1e-5)
    difference = 0.5 * (mean - other.terms["quantisation"].item())
    assert (found.total - other.total).item() == pytest.approx(difference, abs=1e-5)


def test_a_term_can_be_left_out_or_weighed() -> None:
    encoding, batch = random_inputs(0, pictures=5)
    counts = (10, 3, 27)
    whole = SCH(class_counts=counts)(encoding, batch)
    without = SCH(class_counts=counts, quantisation="none")(encoding, batch)
    assert without.terms["quantisation"].item() == 0
    assert (whole.total - without.total).item() == pytest.approx(
        0.5 * whole.terms["quantisation"].item(), abs=1e-6
    )
    twice = SCH(class_counts=counts, classification=1.0)(encoding, batch)
    assert (twice.total - whole.total).item() == pytest.approx(
        0.5 * whole.terms["classification"].item(), abs=1e-6
    )


def test_without_class_weights_every_pair_weighs_the_same() -> None:
    encoding, batch = random_inputs(0, pictures=5)
    found = SCH(class_counts=(10, 3, 27), class_weights=False)(encoding, batch)
    even = SCH(class_counts=(5, 5, 5))(encoding, batch)  # w(c) = 15 / (5 * 3) = 1
    assert found.total.item() == pytest.approx(even.total.item(), abs=1e-6)


@pytest.mark.parametrize("weight", [-0.1, math.inf, math.nan])
def test_a_weight_out_of_range_is_refused(weight: float) -> None:
    expected = f"recipe key loss.classification is {weight}, expected a finite number of at least 0"
    with pytest.raises(RecipeError, match=expected):
        SCH(class_counts=(1, 1), classification=weight)


# Nested codes


def test_a_nested_loss_is_the_mean_over_the_beginnings_of_the_code() -> None:
    encoding, batch = random_inputs(0, bits=32)
    found = SCH(class_counts=(4, 2, 1), lengths=(8, 16, 32))(encoding, batch).terms
    alone = [
        SCH(class_counts=(4, 2, 1))(replace(encoding, logits=encoding.logits[:, :n]), batch).terms
        for n in (8, 16, 32)
    ]
    for name in ("contrast", "quantisation", "classification"):
        expected = sum(float(terms[name]) for terms in alone) / 3
        assert float(found[name]) == pytest.approx(expected, rel=1e-5)


def test_a_nested_code_learns_most_for_its_first_bits() -> None:
    encoding, batch = random_inputs(0, bits=64, pictures=40)
    SCH(class_counts=(4, 2, 1), lengths=(8, 16, 32, 64))(encoding, batch).total.backward()
    assert encoding.logits.grad is not None
    slope = encoding.logits.grad.abs().mean(dim=0)
    assert slope[:8].mean() > 2 * slope[32:].mean()


def test_log_priors_are_shares_of_the_training_pictures() -> None:
    # 10 of 40 pictures, and 30 of 40; an empty class has no prior to be relieved of
    assert sch.log_priors((10, 30)).tolist() == pytest.approx([math.log(0.25), math.log(0.75)])
    assert sch.log_priors((4, 0, 4)).tolist() == pytest.approx([math.log(0.5), 0, math.log(0.5)])


def test_a_class_head_that_knows_nothing_but_the_priors_has_nothing_more_to_learn() -> None:
    # With equal logits, the cross-entropy of softmax(log pi) is -log pi: the best without looking.
    encoding, batch = random_inputs(0, pictures=4)
    labels = torch.eye(3)[[0, 1, 2, 2]]
    level = replace(encoding, class_logits=torch.zeros(4, 3, requires_grad=True))
    batch = replace(batch, labels=labels)
    loss = SCH(class_counts=(10, 10, 20), prior=1.0)
    terms = loss(level, batch)
    wanted = (2 * math.log(4) + 2 * math.log(2)) / 4
    assert terms.terms["classification"].item() == pytest.approx(wanted)
    # One picture of each quarter of the training pictures: the mean gradient is zero.
    assert gradient(terms.total, level.class_logits).sum(dim=0).abs().max() < 1e-7


def test_without_a_prior_the_class_logits_count_as_they_are() -> None:
    encoding, batch = random_inputs(0, pictures=5)
    plain = SCH(class_counts=(10, 3, 27))(encoding, batch)
    even = SCH(class_counts=(5, 5, 5), class_weights=False, prior=1.0)
    flat = SCH(class_counts=(5, 5, 5), class_weights=False)
    assert plain.terms["classification"].item() == pytest.approx(
        label_cross_entropy(encoding.class_logits, batch.labels).item()
    )
    # Classes that are equally common shift all logits alike, which a softmax does not see.
    assert even(encoding, batch).total.item() == pytest.approx(flat(encoding, batch).total.item())


@pytest.mark.parametrize("prior", [-0.1, math.inf, math.nan])
def test_a_prior_out_of_range_is_refused(prior: float) -> None:
    expected = f"recipe key loss.prior is {prior}, expected a finite number of at least 0"
    with pytest.raises(RecipeError, match=re.escape(expected)):
        SCH(class_counts=(1, 1), prior=prior)


@pytest.mark.parametrize("weight", [0.0, 1e-3])
def test_the_class_head_is_taught_as_far_as_classification_weighs(weight: float) -> None:
    encoding, batch = random_inputs(0, pictures=4)
    loss = SCH(class_counts=(10, 10, 20), classification=weight)
    assert loss.teaches_class_head == (weight > 0)
    found = gradient(loss(encoding, batch).total, encoding.class_logits)
    assert bool(found.abs().max() > 0) == loss.teaches_class_head
