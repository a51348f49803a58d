"""dlnotes.recipes.shapes: eras and marks, counted by hand on small cases."""

import pytest
import torch

from dlnotes.recipes import shapes


def test_an_era_is_that_of_its_year_and_whole_addresses_are_held_out():
    sentences, era = shapes.eras("train", every=30)
    assert len(sentences) == len(era) and set(era.tolist()) <= set(range(5))
    others, _ = shapes.eras("test", every=1)
    assert len(set(sentences) & set(others)) < 0.05 * len(others)


def test_marks_follow_their_words():
    ids, after = shapes.marks("train", every=30)
    assert ids.shape == after.shape and ids.shape[1] == shapes.PIECE
    shares = torch.bincount(after.flatten(), minlength=3) / after.numel()
    assert shares[0] > 0.8 and shares[1:].min() > 0.02


def test_a_neighbour_is_so_many_places_further_on():
    ids = torch.tensor([[4, 5, 6], [7, 8, 9]])
    assert shapes.moved(ids, 1).tolist() == [5, 6, 0, 8, 9, 0]
    assert shapes.moved(ids, -2).tolist() == [0, 0, 4, 0, 0, 7]


def test_f1_counts_right_marks_among_those_set_and_those_true():
    p = torch.tensor([[0.9, 0.1, 0.0], [0.4, 0.5, 0.1], [0.2, 0.1, 0.7], [0.6, 0.2, 0.2]])
    mark = torch.tensor([0, 1, 1, 2])
    assert shapes.f1(p, mark, 0.5) == pytest.approx(2 * 1 / (2 + 3))
    assert shapes.f1(p, mark, 0.95) == 0


def test_counts_are_probabilities_and_a_pair_seen_often_decides():
    ids = torch.tensor([[4, 5, 6, 7] * 8] * 40)
    mark = torch.tensor([[0, 1, 0, 2] * 8] * 40)
    p = shapes.counted_marks(ids, mark, 8)(ids)
    torch.testing.assert_close(p.sum(1), torch.ones(len(p)).double())
    assert torch.equal(p.argmax(1), mark.flatten())
    unseen = shapes.counted_marks(ids, mark, 8)(torch.tensor([[6, 4, 7, 5] * 8]))
    assert unseen.isfinite().all()


@pytest.mark.parametrize("shape", ["era", "marks"])
def test_a_few_steps_train_the_network_of_a_shape(shape):
    net = shapes.trained(shape, every=30, steps=2)
    if shape == "era":
        assert 0 <= shapes.era_accuracy(net, every=30) <= 1
    else:
        score, threshold = shapes.tuned_f1(shapes.answer_of(net), every=30)
        assert 0 <= score <= 1 and 0 < threshold < 1


def test_another_shape_is_named():
    with pytest.raises(ValueError, match="shape must be one of"):
        shapes.trained("captions")
