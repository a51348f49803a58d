"""dlnotes.recipes.metrics: the classifier that judges generated digits."""

from dlnotes import recipes, training
from dlnotes.recipes import metrics


def test_a_smoke_run_of_the_classifier_reads_most_digits():
    model, history = recipes.train(metrics.RECIPE, "smoke", seed=1)
    assert metrics.evaluate(model)["test_accuracy"] > 0.85
    assert history.epochs[-1]["validation_accuracy"] > 0.85


def test_the_shipped_classifier_is_good_enough_to_judge():
    path = training.weights.verified("metrics_digits")
    metadata = training.weights_metadata("metrics_digits")
    assert metadata["metrics"]["test_accuracy"] >= 0.993
    assert path.stat().st_size <= 300_000
    assert metadata["command"] == "dlnotes train metrics --profile full --seed 0"
