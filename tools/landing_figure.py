"""The first page's picture: a network that learns beside the same one that does not.

Both are trained here, when the book is built: the same layers, images, steps and learning rate. The
second starts from the numbers of the first, divided by two. The picture shows what each of them
takes twenty test images for. It is drawn as SVG and follows the theme. It goes, with its caption,
to _generated/landing.md, which intro.md includes.
"""

import base64
import copy
import io
import sys
from html import escape
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from weightinit import data, initializers, networks, training

ROOT = Path(__file__).resolve().parent.parent
LAYERS, WIDTH, STEPS, RATE = 20, 64, 200, 1 / 8
SHOWN = 20  # test images, the first ones
COLUMNS, TILE, GAP, ROW, TOP = 5, 26, 6, 44, 40
PANEL = COLUMNS * TILE + (COLUMNS - 1) * GAP
BETWEEN = 26  # the two panels


def trained_pair():
    """Train the two networks.

    Returns
    -------
    list of tuple
        For each network the share of all test images that it reads correctly, and its guesses.

    Raises
    ------
    ValueError
        If the first network does not learn, or the second does: the page would say what is false.
    """
    torch.set_num_threads(1)
    digits = data.digits()
    images, labels = digits.tensors()[2:]
    model = networks.mlp(LAYERS, WIDTH, "tanh")
    initializers.initialize(model, "xavier_normal", seed=0)
    halved = copy.deepcopy(model)
    with torch.no_grad():
        for parameter in halved.parameters():
            parameter /= 2
    found = []
    for network in (model, halved):
        training.train(network, digits, steps=STEPS, lr=RATE, seed=0, progress=False)
        guesses = network(images).argmax(dim=1)
        found.append(((guesses == labels).double().mean().item(), guesses.numpy()))
    (learned, _), (stayed, _) = found
    if learned < 0.85 or stayed > 0.2:
        raise ValueError(f"test accuracies of {learned:.2f} and {stayed:.2f} do not show the point")
    return found


def ink(images):
    """Return digits of 8 x 8 pixels, beside each other, as the address of a PNG.

    Parameters
    ----------
    images : ndarray, shape (n, 64)
        Ink from 0 to 16.

    Returns
    -------
    str
    """
    pixels = np.clip(np.hstack([image.reshape(8, 8) for image in images]) * 15.9, 0, 255)
    file = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(file, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def panel(left, share, start, guesses, labels):
    """Draw the digits, and below each what a network takes it for; a wrong guess is struck out."""
    middle = left + PANEL / 2
    parts = [
        f'<text class="share" x="{middle}" y="17">{share:.0%} right</text>',
        f'<text class="start" x="{middle}" y="32">{escape(start)}</text>',
    ]
    for k, (guess, label) in enumerate(zip(guesses, labels, strict=True)):
        x = left + k % COLUMNS * (TILE + GAP)
        y = TOP + k // COLUMNS * ROW
        look = "right" if guess == label else "wrong"
        # A window onto one of the digits that lie beside each other in one picture.
        parts.append(
            f'<svg x="{x}" y="{y}" width="{TILE}" height="{TILE}" viewBox="{8 * k} 0 8 8">'
            '<use href="#landing-digits"/></svg>'
            f'<text class="{look}" x="{x + TILE / 2}" y="{y + TILE + 12}">{guess}</text>'
        )
    return "".join(parts)


def draw(found, images, labels):
    """Draw the picture.

    Parameters
    ----------
    found : list of tuple
        Of each network, the share that it reads correctly and its guesses for the images shown.
    images : ndarray, shape (n, 64)
    labels : sequence of int

    Returns
    -------
    str
        The SVG element.
    """
    width, height = 2 * PANEL + BETWEEN, TOP + -(-len(labels) // COLUMNS) * ROW
    (learned, guesses), (stayed, others) = found
    right = [int(np.sum(np.equal(own, labels))) for own in (guesses, others)]
    described = (
        f"{len(labels)} handwritten digits, shown twice, with what each network takes them for. "
        f"The network on the left has {right[0]} right, the one on the right {right[1]}."
    )
    if len(set(others)) == 1:
        described += f" To the one on the right every digit is a {others[0]}."
    return (
        f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
        f'aria-labelledby="landing-said"><title id="landing-said">{escape(described)}</title>'
        f'<defs><image id="landing-digits" href="{ink(images)}" width="{8 * len(labels)}" '
        'height="8" style="image-rendering: pixelated"/></defs>'
        + panel(0, learned, "random numbers", guesses, labels)
        + panel(PANEL + BETWEEN, stayed, "the same numbers, halved", others, labels)
        + "</svg>"
    )


def main():
    """Write _generated/landing.md."""
    digits = data.digits()
    try:
        found = trained_pair()
    except ValueError as error:
        return f"No picture for the first page: {error}"
    images = digits.x_test[:SHOWN] * digits.std + digits.mean
    shown = [(share, guesses[:SHOWN]) for share, guesses in found]
    picture = draw(shown, images, digits.y_test[:SHOWN])
    caption = (
        f"Two networks of {LAYERS} tanh layers, after the same {STEPS} steps of training with the "
        f"same images and the same learning rate. Below each digit stands what the network takes "
        f"it for. Both were trained when this page was built."
    )
    folder = ROOT / "_generated"
    folder.mkdir(exist_ok=True)
    (folder / "landing.md").write_text(
        f'```{{raw}} html\n<figure class="landing">{picture}\n'
        f"<figcaption>{caption}</figcaption></figure>\n```\n",
        encoding="utf-8",
    )


if __name__ == "__main__":
    sys.exit(main())
