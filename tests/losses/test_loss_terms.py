"""What every loss returns."""

from dataclasses import replace

import torch

from acir.losses.base import LossTerms


def test_terms_keep_no_graph_alive_and_the_total_does() -> None:
    weight = torch.tensor(2.0, requires_grad=True)
    found = LossTerms(3 * weight, {"first": weight, "second": 2 * weight})
    assert {name: (float(t), t.requires_grad) for name, t in found.terms.items()} == {
        "first": (2.0, False),
        "second": (4.0, False),
    }
    assert torch.autograd.grad(found.total, [weight]) == (torch.tensor(3.0),)


def test_another_total_keeps_the_terms() -> None:
    found = replace(LossTerms(torch.ones(()), {"first": torch.ones(())}), total=torch.zeros(()))
    assert found.total == 0
    assert found.terms == {"first": torch.ones(())}
