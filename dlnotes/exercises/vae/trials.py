"""The last two exercises of chapter 16: an experiment, and one to break."""

import copy
import math

import torch
from torch import nn

from dlnotes import data
from dlnotes.exercises import (
    exercise,
    expect,
    expect_close,
    expect_function,
    expect_runs,
    kind,
)
from dlnotes.training import fit
from dlnotes.vae import VAE, binarize, elbo


@exercise(
    "9. Experiment. How many latents do small digits need? Train VAE((1, 8, 8), D, hidden_dim=64) "
    "on data.digits(), made black and white by binarize, with D = 1, 4 and 16 latents, at least "
    "three seeds each and always the same number of steps. Give {1: [ELBOs], 4: [ELBOs], 16: "
    "[ELBOs]}, each the mean ELBO, in nats per digit, of the validation digits, "
    "data.digits('validation').",
    hint=(
        "fit(model, loss, (digits,), steps=400, batch_size=64, learning_rate=5e-3, seed=seed) "
        "with loss = lambda model, batch: -elbo(model, binarize(batch[0])).mean()",
        "Set torch.manual_seed(seed) before building the model. Binarise the validation digits "
        "once, with a generator of its own, so that all runs are measured on the same pixels.",
    ),
    because="One number cannot carry a digit; beyond some size more latents stay unused, because "
    "each used one costs nats: the bound decides by itself how many are worth their price.",
)
def latent_sizes():
    train, validation = data.digits().inputs, data.digits("validation").inputs
    fixed = binarize(validation, torch.Generator().manual_seed(0))
    results = {}
    for latent_dim in (1, 4, 16):
        results[latent_dim] = []
        for seed in range(3):
            torch.manual_seed(seed)
            model = VAE((1, 8, 8), latent_dim, hidden_dim=64)
            fit(
                model,
                lambda model, batch: -elbo(model, binarize(batch[0])).mean(),
                (train,),
                steps=400,
                batch_size=64,
                learning_rate=5e-3,
                seed=seed,
                progress=False,
            )
            with torch.no_grad():
                draws = [elbo(model, fixed, generator=torch.Generator().manual_seed(1))]
            results[latent_dim].append(torch.cat(draws).mean().item())
    return results


@latent_sizes.checked_by
def _(answer):
    answer = expect_runs(answer, 1, 4, 16, low=-math.inf, high=math.inf)
    for size, values in answer.items():
        expect(max(values) < 0, "sign: the ELBO of a binary image is negative")
        expect(min(values) > -64 * math.log(2), f"training: D = {size} is worse than coin tosses")
        expect(max(values) < -5, "unit: give nats per digit, not per pixel")
    mean = {size: sum(values) / len(values) for size, values in answer.items()}
    expect(mean[4] > mean[1], "finding: four latents should beat one; was each trained anew?")


@exercise(
    "10. Break it. What an axis of the code means is not in the likelihood. model is a VAE of D "
    "latents, whose decoder, model.decoder, is a nn.Sequential that begins with a nn.Linear; "
    "rotation (D, D) is an orthogonal matrix. Write rotated(model, rotation), which returns a VAE "
    "that decodes z as the given one decodes rotation @ z: p(x) is exactly the same, and no axis "
    "means what it did. The model that is given must stay as it is.",
    hint=(
        "Only the first linear layer of the decoder reads z.",
        "W (R z) = (W R) z; copy.deepcopy before you change anything.",
    ),
    because="N(0, I) looks the same from every side, so p(x) cannot tell one set of axes from "
    "another (Locatello et al. 2019). The ELBO of an encoder without tilt can, and prefers axes "
    "along which the posteriors are not tilted.",
    skeleton="""
        def rotated(model, rotation):
            turned = ...
            with torch.no_grad():
                ...
            return turned
    """,
)
def rotated():
    def rotated(model, rotation):
        turned = copy.deepcopy(model)
        with torch.no_grad():
            first = turned.decoder[0]
            first.weight.copy_(first.weight @ rotation)
        return turned

    return rotated


@rotated.checked_by
def _(answer):
    rotate = expect_function(answer, "model", "rotation")
    torch.manual_seed(0)
    model = VAE((5,), 3, hidden_dim=8).double()
    rotation, z = torch.linalg.qr(torch.randn(3, 3).double())[0], torch.randn(6, 3).double()
    before = model.decode(z)
    turned = rotate(model, rotation)
    expect(isinstance(turned, VAE), f"type: return a VAE, got {kind(turned)}")
    expect(torch.equal(model.decode(z), before), "original: the given model has changed; copy it")
    unbiased = copy.deepcopy(model)
    nn.init.zeros_(unbiased.decoder[0].bias)
    mistakes = {
        "change: the copy decodes as the original does": before,
        "direction: z is to be read as R z, not as Rᵀ z": model.decode(z @ rotation),
        "sign: z is to be read as R z, not as −R z": model.decode(-z @ rotation.T),
        "bias: it belongs to the hidden units, not to z": unbiased.decode(z @ rotation.T),
    }
    given, right = turned.decode(z), model.decode(z @ rotation.T)
    expect_close(given, right, "what the copy decodes", within=1e-9, wrong=mistakes)
