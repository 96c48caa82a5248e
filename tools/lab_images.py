"""Write the lab's images, `lab/images.js`: the course's digits, a letter for each pixel.

By `python tools/lab_images.py`, should the data ever change; a test says so.
"""

from pathlib import Path

import numpy as np

from weightinit.data import digits

TARGET = Path(__file__).resolve().parents[1] / "lab" / "images.js"

TEXT = """\
// Written by tools/lab_images.py: the digits of the course (E. Alpaydin and C. Kaynak, Optical
// Recognition of Handwritten Digits, UCI Machine Learning Repository, 1998, CC BY 4.0), those to
// train on first.

const MEAN = {mean!r}; // of the ink of all pixels to train on
const STD = {std!r};
export const TRAINED_ON = {count};

// 64 letters an image, row by row, from "a" (no ink) to "q" (16); compression likes letters.
const INK =
  "{ink}";
const LABELS =
  "{labels}";

/** All images, standardised as in the course, and their labels. */
export function digits() {{
  const images = Float64Array.from(INK, (letter) => (letter.charCodeAt(0) - 97 - MEAN) / STD);
  return {{ images, labels: Uint8Array.from(LABELS) }};
}}
"""


def module():
    """Return the text of the module."""
    data = digits()
    x = np.concatenate([data.x_train, data.x_test])
    ink = np.rint(x * data.std + data.mean).astype(int)
    return TEXT.format(
        mean=data.mean,
        std=data.std,
        count=len(data.x_train),
        ink="".join(chr(97 + value) for value in ink.ravel()),
        labels="".join(map(str, np.concatenate([data.y_train, data.y_test]))),
    )


if __name__ == "__main__":
    TARGET.write_text(module(), encoding="utf-8")
