"""What every module of the package obeys: a registry of modules, and the laws.

A new chapter adds one line per module to ``MODULES``. ``test_laws.py`` holds every line against
every law, and fails for a public module that has no line.
"""

import copy
import pickle
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves, tree_map

from dlnotes import cnn, discriminative, seq2seq, transformer, vae, word2vec
from dlnotes.gru import GRU, GRUCell
from dlnotes.lstm import LSTM, LSTMCell
from dlnotes.metrics import DigitClassifier
from dlnotes.rnn import RNN, RNNCell

# ---- the registry ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Module:
    """One line of the registry.

    Args:
        make: returns a module with new random weights.
        inputs: the arguments of a call, by name: tensors, and states as tuples of tensors.
        call: the method that is called, or a function of the module and the inputs.
        graph: "one" if ``torch.compile`` makes one graph of it, "some" if it makes several, and
            "one size" if it does so, but refuses a batch of another size; None if it is not
            compiled here, because compiling is slow and what it consists of is compiled.
        backend: of ``torch.compile``; "aot_eager" traces the way back, too, and takes three times
            as long.
        unchecked: it is a part of networks that check their inputs, and names no wrong shape.
        looks: it looks at values of its inputs, so there must be some: "meta" has none.
        draws: it draws random numbers in evaluation, too.
        large: it is too large to be given numbers here, so the laws are tried on "meta".
    """

    make: Callable[[], nn.Module]
    inputs: dict[str, Any]
    call: str | Callable = "__call__"
    graph: str | None = None
    backend: str = "eager"
    unchecked: bool = False
    looks: bool = False
    draws: bool = False
    large: bool = False

    @property
    def device(self) -> str:
        return "meta" if self.large else "cpu"

    def build(self) -> nn.Module:
        with torch.device(self.device):
            return self.make()

    def arguments(self, dtype: torch.dtype = torch.float32, device: str | None = None) -> Any:
        """Return copies of the inputs, the floating ones of this dtype."""

        def own_copy(value: Any) -> Any:
            if not isinstance(value, Tensor):
                return value
            kind = dtype if value.is_floating_point() else value.dtype
            return value.to(device or self.device, kind, copy=True)

        return tree_map(own_copy, self.inputs)

    def run(self, module: nn.Module, inputs: dict[str, Any] | None = None) -> list[Tensor]:
        """Return the outputs, as a flat list."""
        return tensors(self.bound(module)(self.arguments() if inputs is None else inputs))

    def bound(self, module: nn.Module) -> Callable[[dict[str, Any]], Any]:
        """Return the call of a module as a function of the inputs."""
        if isinstance(module, nn.Sequential):  # its input has no name
            return lambda inputs: module(*inputs.values())
        call = partial(self.call, module) if callable(self.call) else getattr(module, self.call)
        return lambda inputs: call(**inputs)


def tensors(tree: Any) -> list[Tensor]:
    """Return the tensors of nested tuples, dicts and lists."""
    return [value for value in tree_leaves(tree) if isinstance(value, Tensor)]


def floats(*shape: int, low: float = -1.0) -> Tensor:
    """Return numbers between ``low`` and 1, always the same ones."""
    generator = torch.Generator().manual_seed(0)
    return low + (1 - low) * torch.rand(shape, generator=generator)


def ids(*shape: int, below: int) -> Tensor:
    """Return integers from 0 to below - 1, always the same ones."""
    return torch.randint(below, shape, generator=torch.Generator().manual_seed(0))


def fitted(kind: type, **options: Any) -> Callable[[], nn.Module]:
    """Return what makes a classifier of 4 features and 3 classes, fitted to random samples."""
    y = torch.arange(60) % 3
    return lambda: kind(4, 3, **options).fit(torch.randn(60, 4).double() + y[:, None], y)


def linear_gaussian() -> nn.Module:
    return vae.LinearGaussian(torch.randn(5, 2), torch.randn(5), 0.1 + torch.rand(()).item())


grey, colour, maps = floats(2, 1, 28, 28, low=0.0), floats(2, 3, 32, 32), floats(2, 8, 6, 6)
x_t, x, lengths = floats(3, 3), floats(3, 4, 3), torch.tensor([3, 1, 4])
state, states = (floats(3, 4), floats(3, 4, low=0.0)), (floats(2, 3, 4), floats(2, 3, 4, low=0.0))
deep = dict(num_layers=2, bidirectional=True, dropout=0.3)
small, dropped = dict(hidden_size=4), dict(hidden_size=4, dropout=0.3)
source, target_in, condition = ids(3, 4, below=7), ids(3, 2, below=6), ids(3, below=2)
rows, binary = floats(6, 4), ids(2, 1, 4, 3, below=2).float()
looking_back = dict(query=floats(2, 5, 3), keys=floats(2, 6, 4), mask=ids(2, 6, below=2) == 1)
tokens, memory, padded = floats(2, 5, 4), floats(2, 6, 4), ids(2, 1, 6, below=2) == 1

MODULES: dict[str, Module] = {
    # chapter 1
    "GaussianNaiveBayes": Module(
        fitted(discriminative.GaussianNaiveBayes), dict(x=rows), "predict_proba", "some", looks=True
    ),
    "GaussianDiscriminant": Module(
        fitted(discriminative.GaussianDiscriminant),
        dict(x=rows),
        "predict_proba",
        "some",
        looks=True,
    ),
    "LogisticRegression": Module(
        fitted(discriminative.LogisticRegression), dict(x=rows), graph="some", looks=True
    ),
    # chapter 2
    "LeNet5": Module(lambda: cnn.LeNet5(3), dict(x=grey), graph="one"),
    "AlexNet": Module(cnn.AlexNet, dict(x=floats(2, 3, 63, 63)), large=True),
    "VGG16": Module(cnn.VGG16, dict(x=colour), large=True),
    "GoogLeNet": Module(lambda: cnn.GoogLeNet(3), dict(x=colour)),
    "ResNet": Module(lambda: cnn.ResNet(cnn.Bottleneck, (1, 1, 1, 1), 3), dict(x=colour)),
    "ResNet18": Module(lambda: cnn.ResNet18(3), dict(x=colour)),
    "ResNet34": Module(cnn.ResNet34, dict(x=colour), large=True),
    "ResNet50": Module(cnn.ResNet50, dict(x=colour), large=True),
    "BasicBlock": Module(lambda: cnn.BasicBlock(8, 8), dict(x=maps), unchecked=True),
    "Bottleneck": Module(lambda: cnn.Bottleneck(8, 2), dict(x=maps), unchecked=True),
    "ConvNormReLU": Module(lambda: cnn.ConvNormReLU(8, 4, 3), dict(x=maps), unchecked=True),
    "Inception": Module(
        lambda: cnn.Inception(8, 2, (3, 4), (2, 3), 1), dict(x=maps), unchecked=True
    ),
    "AuxiliaryClassifier": Module(
        lambda: cnn.AuxiliaryClassifier(8, 3), dict(x=maps), unchecked=True
    ),
    "GreyImages": Module(cnn.GreyImages, dict(x=grey)),
    "PaddingShortcut": Module(lambda: cnn.PaddingShortcut(2), dict(x=maps), unchecked=True),
    **{
        f"scaled-{name}": Module(partial(cnn.scaled, name), dict(x=grey), graph="one")
        for name in ("alexnet", "vgg", "googlenet", "resnet")
    },
    "plain_or_residual-plain": Module(
        lambda: cnn.plain_or_residual(8, residual=False, width=4), dict(x=grey), unchecked=True
    ),
    "plain_or_residual-residual": Module(
        lambda: cnn.plain_or_residual(8, residual=True, width=4), dict(x=grey), unchecked=True
    ),
    # chapters 3 to 5
    "RNNCell": Module(lambda: RNNCell(3, 4), dict(x=x_t, state=state[0]), graph="one"),
    "LSTMCell": Module(lambda: LSTMCell(3, 4), dict(x=x_t, state=state), graph="one"),
    **{
        f"GRUCell-{reset}-{z}": Module(
            partial(GRUCell, 3, 4, reset=reset, z=z), dict(x=x_t, state=state[0]), graph="one"
        )
        for reset in ("after", "before")
        for z in ("old", "new")
    },
    "RNN": Module(lambda: RNN(3, 4, bidirectional=True), dict(x=x, state=states[0]), graph="one"),
    "LSTM": Module(lambda: LSTM(3, 4, bidirectional=True), dict(x=x, state=states), graph="one"),
    "GRU": Module(lambda: GRU(3, 4, bidirectional=True), dict(x=x, state=states[0]), graph="one"),
    **{
        f"{kind.__name__}-lengths": Module(
            partial(kind, 3, 4, **deep), dict(x=x, lengths=lengths), looks=True
        )
        for kind in (RNN, LSTM, GRU)
    },
    # chapter 6
    "Encoder": Module(lambda: seq2seq.Encoder(7, **dropped), dict(source=source), looks=True),
    "Decoder": Module(
        lambda: seq2seq.Decoder(6, **dropped),
        dict(target_in=target_in, state=tuple(s[:1] for s in states)),
        looks=True,
    ),
    "BahdanauAttention": Module(lambda: seq2seq.BahdanauAttention(3, 4, 2), looking_back),
    "Seq2Seq": Module(
        lambda: seq2seq.Seq2Seq(7, 6, **small),
        dict(source=source, source_lengths=None, target_in=target_in),
        graph="one",
        looks=True,
    ),
    "Seq2Seq-lengths": Module(
        lambda: seq2seq.Seq2Seq(7, 6, cell="rnn", **dropped),
        dict(source=source, source_lengths=lengths, target_in=target_in),
        graph="some",
        backend="aot_eager",
        looks=True,
    ),
    "SequenceClassifier": Module(
        lambda: seq2seq.SequenceClassifier(7, 2, **dropped),
        dict(source=source, lengths=lengths),
        looks=True,
    ),
    "SequenceTagger": Module(
        lambda: seq2seq.SequenceTagger(7, 2, **dropped),
        dict(source=source, lengths=lengths),
        looks=True,
    ),
    "ConditionalGenerator": Module(
        lambda: seq2seq.ConditionalGenerator(2, 6, **small),
        dict(condition=condition, target_in=target_in),
        looks=True,
    ),
    # chapter 7
    "MultiHeadAttention": Module(
        lambda: transformer.MultiHeadAttention(4, 2, dropout=0.3),
        dict(query=tokens, key=memory, value=floats(2, 6, 4, low=0.0), mask=padded),
        graph="one",
        backend="aot_eager",
    ),
    "MultiHeadAttention-weights": Module(
        lambda: transformer.MultiHeadAttention(4, 2, bias=False),
        dict(query=tokens, key=memory, value=memory),
        lambda module, **inputs: module(**inputs, need_weights=True),
        graph="one",
    ),
    "EncoderLayer": Module(
        lambda: transformer.EncoderLayer(4, 2, 8, dropout=0.3), dict(x=memory, mask=padded)
    ),
    "EncoderLayer-causal": Module(
        lambda: transformer.EncoderLayer(4, 2, 8, norm_first=True, activation="gelu_tanh"),
        dict(x=tokens),
        lambda module, x: module(x, causal=True),
        graph="one",
        backend="aot_eager",
    ),
    "DecoderLayer": Module(
        lambda: transformer.DecoderLayer(4, 2, 8, dropout=0.3),
        dict(x=tokens, memory=memory, memory_mask=padded),
        graph="one",
    ),
    "TransformerEncoder": Module(
        lambda: transformer.Encoder(2, 4, 2, 8, norm_first=True), dict(x=tokens)
    ),
    "TransformerDecoder": Module(
        lambda: transformer.Decoder(2, 4, 2, 8, norm_first=True), dict(x=tokens, memory=memory)
    ),
    "TokenEmbedding": Module(
        lambda: transformer.TokenEmbedding(7, 4, dropout=0.3), dict(ids=source), looks=True
    ),
    "Transformer": Module(
        partial(transformer.Transformer, 7, 6, dim=4, num_heads=2, num_layers=1, feedforward_dim=8),
        dict(source=source, source_lengths=lengths, target_in=target_in),
        graph="one",
        looks=True,
    ),
    # chapter 8
    "SkipGram": Module(
        lambda: word2vec.SkipGram(7, 4), dict(center=ids(5, below=7)), graph="one", looks=True
    ),
    "CBOW": Module(
        lambda: word2vec.CBOW(7, 4),
        dict(context=source, mask=torch.arange(4) < lengths[:, None]),
        graph="one",
        looks=True,
    ),
    "HierarchicalSoftmax": Module(
        lambda: word2vec.HierarchicalSoftmax([5, 3, 2, 1], 3), dict(v=x_t), graph="one"
    ),
    # chapter 16
    **{
        f"VAE-{likelihood}": Module(
            partial(vae.VAE, (1, 4, 3), 2, hidden_dim=8, likelihood=likelihood),
            dict(x=binary),
            call,
            graph="one size",  # torch.randn(..., generator=None) has no other within a graph
            backend="aot_eager",
            draws=True,
        )
        for likelihood, call in (("bernoulli", "__call__"), ("gaussian", vae.elbo))
    },
    "LinearGaussian": Module(linear_gaussian, dict(x=floats(6, 5)), "posterior"),
    # shared
    "DigitClassifier": Module(DigitClassifier, dict(images=grey)),
}

# ---- the laws ----------------------------------------------------------------------------------


def equal(found: list[Tensor], wanted: list[Tensor], **tolerance: float) -> None:
    torch.testing.assert_close(found, wanted, **(tolerance or dict(rtol=0, atol=0)))


def seeded(module: Module, built: nn.Module, *inputs: Any) -> list[Tensor]:
    """Return the outputs, with the same random numbers in every call."""
    torch.manual_seed(0)
    return module.run(built, *inputs)


def computes_in_the_precision_of_its_weights(module: Module) -> None:
    single = module.build().eval().float()
    double = copy.deepcopy(single).double()
    results = []
    for built, dtype in ((single, torch.float32), (double, torch.float64)):
        outputs = seeded(module, built, module.arguments(dtype))
        assert {y.dtype for y in outputs if y.is_floating_point()} == {dtype}
        results.append(outputs)
    if not module.draws:  # the numbers drawn differ in the two precisions
        equal(results[0], [y.float() for y in results[1]], rtol=1e-4, atol=1e-4)


def is_copied_and_pickled_whole(module: Module) -> None:
    original = module.build().eval()
    expected = seeded(module, original)
    twins = copy.deepcopy(original), pickle.loads(pickle.dumps(original))
    with torch.no_grad():
        for tensor in original.state_dict().values():
            tensor.zero_()  # a copy shares nothing with its original
    for twin in twins:
        assert type(twin) is type(original) and not twin.training
        equal(seeded(module, twin), expected)


def loads_its_own_state(module: Module) -> None:
    first, second = module.build().eval(), module.build().eval()
    state = copy.deepcopy(first.state_dict())
    expected, other = seeded(module, first), seeded(module, second)
    if state and not module.large:
        assert any(not torch.equal(a, b) for a, b in zip(expected, other, strict=True))
    second.load_state_dict(state, strict=True)
    equal(seeded(module, second), expected)


def names_an_input_of_a_wrong_shape(module: Module) -> None:
    if module.unchecked:
        return
    built = module.build().eval()
    for letter, wrong in wrong_shapes(module.arguments()):
        with pytest.raises(ValueError, match=r"^\w+ must have shape \(.*\), got \(") as error:
            module.run(built, wrong)
        assert letter.endswith(str(error.value).split()[0])  # source_lengths may be lengths


def wrong_shapes(inputs: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the name of a tensor and the inputs in which it has an axis too many or too few."""
    for name, value in inputs.items():
        for i, tensor in enumerate(tensors(value)):
            letter = "hc"[i] if name == "state" else name
            for bad in [tensor[..., None], *([tensor[..., 0]] if tensor.ndim > 1 else [])]:
                wrong = (*value[:i], bad, *value[i + 1 :]) if isinstance(value, tuple) else bad
                yield letter, inputs | {name: wrong}


def works_on_another_device(module: Module) -> None:
    here = module.build().double().eval()
    inputs, on_gpu = module.arguments(torch.float64), torch.cuda.is_available() and not module.large
    for device in ["meta"] * (not module.looks) + ["cuda"] * on_gpu:
        there = copy.deepcopy(here).to(device)
        outputs = module.run(there, module.arguments(torch.float64, device))
        assert {y.device.type for y in outputs} == {device}
        if device == "meta" or module.draws:
            assert [y.shape for y in outputs] == [y.shape for y in module.run(here, inputs)]
        else:
            equal([y.cpu() for y in outputs], module.run(here, inputs), rtol=0, atol=1e-10)
        backward(outputs)
        assert {p.grad.device.type for p in there.parameters() if p.grad is not None} <= {device}


def gives_the_same_twice_in_evaluation(module: Module) -> None:
    if module.draws:
        return
    built, inputs = module.build().eval(), module.arguments()
    with torch.no_grad():
        first, second = module.run(built, inputs), module.run(built, inputs)
    equal(first, second)
    torch.testing.assert_close(inputs, module.arguments(), rtol=0, atol=0)  # and leaves its inputs


def hands_a_gradient_to_every_parameter_and_input(module: Module) -> None:
    built, inputs = module.build().double().train(), module.arguments(torch.float64)
    given = {f"input {i}": t for i, t in enumerate(tensors(inputs)) if t.is_floating_point()}
    for tensor in given.values():
        tensor.requires_grad_()
    backward(module.run(built, inputs))
    for name, tensor in (given | dict(built.named_parameters())).items():
        assert tensor.grad is not None and tensor.grad.shape == tensor.shape, name
        assert module.large or tensor.grad.abs().max() > 0, name


def backward(outputs: list[Tensor]) -> None:
    """Go back from all outputs, with a gradient of no particular form."""
    outputs = [y for y in outputs if y.requires_grad]
    if outputs:
        torch.autograd.backward(outputs, [torch.cos(7 * y.detach()) for y in outputs])


def compiles(module: Module) -> None:
    if module.graph is None:
        return
    torch.compiler.reset()
    built = module.build().eval()
    options = dict(backend=module.backend, fullgraph=module.graph == "one")
    compiled = torch.compile(module.bound(built), **options)
    batches = [module.arguments()]
    if module.graph != "one size":
        batches.append(doubled(module.arguments()))
    if "state" in module.inputs:
        batches.append(shorter_from_zero(module.arguments()))
    for inputs in batches:
        torch.manual_seed(0)
        found = tensors(compiled(inputs))
        equal(found, seeded(module, built, inputs), rtol=1e-5, atol=1e-5)


def doubled(inputs: dict[str, Any]) -> dict[str, Any]:
    """Return every sample twice; N is the first axis, in a state the last but one."""
    return {
        name: tree_map(lambda t, axis=-2 if name == "state" else 0: torch.cat([t, t], axis), value)
        if value is not None
        else None
        for name, value in inputs.items()
    }


def shorter_from_zero(inputs: dict[str, Any]) -> dict[str, Any]:
    """Return sequences without their last step, and no state to start from."""
    others = {name: value for name, value in inputs.items() if name != "state"}
    return {name: t[:, :-1] if t.ndim == 3 else t for name, t in others.items()}


LAWS = (
    computes_in_the_precision_of_its_weights,
    is_copied_and_pickled_whole,
    loads_its_own_state,
    names_an_input_of_a_wrong_shape,
    works_on_another_device,
    gives_the_same_twice_in_evaluation,
    hands_a_gradient_to_every_parameter_and_input,
    compiles,
)
