"""What the docstrings of recipes say of their notebooks is so."""

import ast
import importlib

import pytest

from dlnotes import course, recipes, training, vae
from dlnotes.course import notebooks
from dlnotes.recipes import seq2seq as letters_to_phones

CHAPTERS = [name for name in recipes.NAMES if name != "metrics" and course.find(name).built]


def cells(name):
    """Return the code cells in the notebook of a chapter, each as its nodes."""
    found = []
    for cell in notebooks.read(course.find(name).path).cells:
        if cell.cell_type != "code":
            continue
        try:
            found.append(list(ast.walk(ast.parse(cell.source))))
        except SyntaxError:  # a magic
            continue
    return found


def calls(name):
    """Return the calls in the notebook of a chapter: the name that is called, and the call."""
    nodes = [node for cell in cells(name) for node in cell if isinstance(node, ast.Call)]
    return [(ast.unparse(node.func).split(".")[-1], ast.unparse(node)) for node in nodes]


def loaded(name):
    """Return the names of weights that the notebook of a chapter gives to ``load_weights``.

    A name is written in the call, or in a table of the same cell that the call looks it up in.
    """
    found = []
    for cell in cells(name):
        tables = {
            target.id: node.value.values
            for node in cell
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in cell:
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("load_weights"):
                given = node.args[0]
                if isinstance(given, ast.Subscript):
                    found += [ast.literal_eval(value) for value in tables[given.value.id]]
                else:
                    found.append(ast.literal_eval(given))
    return found


def sentence(name):
    """Return the docstring of a recipe's module, in one line."""
    return " ".join(importlib.import_module(f"dlnotes.recipes.{name}").__doc__.split())


def shapes(model):
    return {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}


@pytest.mark.parametrize("name", CHAPTERS)
def test_the_notebook_loads_these_weights(name):
    assert f"chapter {course.find(name).number:02} ships" in sentence(name)
    assert "loads these weights beside" in sentence(name)
    assert recipes.find(name).weights in loaded(name)


@pytest.mark.parametrize("name", CHAPTERS)
def test_the_command_in_the_docstring_made_the_weights(name):
    about = training.weights_metadata(recipes.find(name).weights)
    assert f"``dlnotes train {name}``" in sentence(name)
    assert about["command"].startswith(f"dlnotes train {name} --profile full")


def test_the_seq2seq_of_the_notebook_is_trained_as_the_recipe_says():
    texts = [text for called, text in calls("seq2seq") if called == "fit_options"]
    assert "recipe.RECIPE.fit_options(profile)" in texts
    assert "standard" in sentence("seq2seq")


@pytest.mark.parametrize("name", ["epochs", "batch_size", "learning_rate"])
def test_the_vae_of_the_notebook_is_trained_as_the_recipe_says(name):
    settings = recipes.find("vae").settings
    values = ", ".join(f"{profile}={settings[profile].fit[name]!r}" for profile in settings)
    assert f"choose({values})" in [text for _, text in calls("vae")]
    assert "standard" in sentence("vae")


def test_the_vae_of_the_notebook_is_the_same_model():
    assert "trains the same model live" in sentence("vae")
    [live] = {text for called, text in calls("vae") if text.startswith("VAE((1, 28, 28), 40")}
    assert shapes(eval(live, {"VAE": vae.VAE})) == shapes(recipes.find("vae").build())
    assert "all 60,000 digits" in sentence("vae")
    assert recipes.find("vae").settings["full"].data["images"] == 60_000


def test_the_seq2seq_of_the_notebook_is_the_standard_one_and_sees_each_word_once():
    assert 'the model of "standard" live, which goes through the same words once' in sentence(
        "seq2seq"
    )
    assert "recipe.build(**how.model)" in [text for _, text in calls("seq2seq")]
    settings = recipes.find("seq2seq").settings
    assert settings["standard"].fit["epochs"] == 1
    assert settings["standard"].data == settings["full"].data == {}  # all words
    assert shapes(letters_to_phones.build(**settings["standard"].model)) != shapes(
        letters_to_phones.build()
    )
    words = letters_to_phones.pairs("train")[0]
    assert f"the {len(words):,} pronunciations" in sentence("seq2seq")
