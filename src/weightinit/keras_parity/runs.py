"""Training and probing a Keras model as this package trains and probes one of PyTorch."""

from itertools import pairwise

import numpy as np
import pandas as pd
import torch

from weightinit._checks import check_instance, check_seed, check_size
from weightinit.data import Digits
from weightinit.keras_parity.load import keras, tf
from weightinit.training import loop

NORMALIZATIONS = {
    "batch": keras.layers.BatchNormalization,
    "layer": keras.layers.LayerNormalization,
}


def check_model(name: str, model, kind: type = keras.Model) -> None:
    """Raise an error unless a Keras model is built, of one input and output, of 32 or 64 bits."""
    check_instance(name, model, kind)
    shapes = [getattr(model, end, None) for end in ("input_shape", "output_shape")]
    if not (model.built and model.weights and all(isinstance(shape, tuple) for shape in shapes)):
        raise ValueError(f"{name} must be built, with weights, one input and one output")
    dtypes = {d for m in model._flatten_layers() for d in (m.compute_dtype, m.variable_dtype)}
    if sixteen_bits := dtypes & {"float16", "bfloat16"}:
        raise ValueError(
            f"{name} must compute in float32 or float64, since products of 16 bits differ from "
            f"processor to processor, but one of its layers has {sixteen_bits.pop()}"
        )


def _check_fit(model, x: np.ndarray, y: np.ndarray) -> None:
    """Raise an error unless the model takes images x and gives scores of the classes y."""
    for name, values in (("x", x), ("y", y)):
        check_instance(name, values, np.ndarray)
    if x.dtype.kind not in "iuf" or y.dtype.kind not in "iu" or not np.isfinite(x).all():
        raise ValueError(f"x must hold finite numbers and y integers, got {x.dtype} and {y.dtype}")
    (_, *into), (_, *out) = model.input_shape, model.output_shape
    fits = x.shape == (len(y), *into) and len(out) == y.ndim == 1 and len(y) > 0
    if not fits or not 0 <= y.min() <= y.max() < out[0]:
        raise ValueError(
            f"the model takes entries of shape {tuple(into)} and gives {tuple(out)} scores, which "
            f"does not fit x of shape {x.shape} and y of shape {y.shape} or its classes"
        )


def _cross_entropy(scores, labels):
    return tf.reduce_mean(
        tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=scores)
    )


def train(
    model,
    data: Digits,
    *,
    lr: float,
    steps: int,
    batch_size: int = 64,
    seed: int = 0,
    evaluate_every: int | None = None,
) -> pd.DataFrame:
    """Train a Keras model as `weightinit.training.train` trains one of PyTorch, on its batches.

    Parameters
    ----------
    model : keras.Model
        It returns raw scores.
    data, lr, steps, batch_size, seed, evaluate_every
        As there; the optimizer is ``keras.optimizers.SGD``.

    Returns
    -------
    pandas.DataFrame
        Columns ``step, loss, train_accuracy, test_accuracy``, as `weightinit.training.Run.history`.

    Raises
    ------
    TypeError, ValueError
        If the rate is not positive and finite; if ``steps``, ``batch_size`` or ``evaluate_every``
        is no whole number of at least 1; if the model is not built, does not fit the data or
        computes with 16 bits. Nothing has been changed then.

    Examples
    --------
    >>> from weightinit import data
    >>> from weightinit.keras_parity import mlp
    >>> history = train(mlp(1, 16, "tanh"), data.digits(), steps=20, lr=0.5)
    >>> history["step"].tolist()
    [0, 20]
    """
    check_model("model", model)
    check_instance("data", data, Digits, "weightinit.data.digits()")
    _check_fit(model, data.x_train, data.y_train)
    loop.check_rate(lr)
    check_seed(seed)
    every = steps if evaluate_every is None else evaluate_every
    for name, value in {"steps": steps, "batch_size": batch_size, "evaluate_every": every}.items():
        check_size(name, value)
    dtype = model.weights[0].dtype
    x, x_test = (tf.constant(part, dtype=dtype) for part in (data.x_train, data.x_test))
    y, y_test = (torch.tensor(part) for part in (data.y_train, data.y_test))
    optimizer = keras.optimizers.SGD(lr)
    optimizer.build(model.trainable_variables)

    @tf.function
    def one_step(images, labels):
        with tf.GradientTape() as tape:
            loss = _cross_entropy(model(images, training=True), labels)
        optimizer.apply(tape.gradient(loss, model.trainable_variables))

    def evaluate(step: int) -> dict:
        scores, test = (torch.tensor(model(part, training=False).numpy()) for part in (x, x_test))
        return {"step": step} | loop.scores(scores, y, test, y_test)

    history, batches = [evaluate(0)], loop.batches(len(data.x_train), batch_size, seed)
    for step in range(1, steps + 1):
        rows = next(batches).numpy()
        one_step(tf.gather(x, rows), tf.constant(data.y_train[rows]))
        if step == steps or step % every == 0:
            history.append(evaluate(step))
    return pd.DataFrame(history)


def probe(model, x: np.ndarray, y: np.ndarray) -> pd.DataFrame:
    """Measure a Keras model as `weightinit.probes.probe` measures one of PyTorch, in training mode.

    Parameters
    ----------
    model : keras.Sequential
        Built. The running averages of its batch normalizations are put back afterwards.
    x, y : ndarray
        Inputs and classes, one entry per example.

    Returns
    -------
    pandas.DataFrame
        One row per layer with a kernel: ``layer``, ``name``, and ``h_rms``, ``grad_h_rms``,
        ``grad_w_rms`` and ``w_rms`` as there; h is the output after a normalization that follows.

    Raises
    ------
    TypeError, ValueError
        If the model is no such model or computes with 16 bits; if x and y are no arrays of equally
        many entries, or do not fit the model.

    Examples
    --------
    >>> from weightinit import data
    >>> from weightinit.keras_parity import mlp
    >>> digits = data.digits()
    >>> table = probe(mlp(2, 16, "tanh"), digits.x_train[:50], digits.y_train[:50])
    >>> table["name"].tolist()
    ['linear1', 'linear2', 'output']
    """
    check_model("model", model, keras.Sequential)
    _check_fit(model, x, y)
    before, signals, kernel = model.get_weights(), {}, None
    norms = tuple(NORMALIZATIONS.values())
    signal = tf.constant(x, dtype=model.weights[0].dtype)
    try:
        with tf.GradientTape(persistent=True) as tape:
            for layer, after in pairwise([*model.layers, None]):
                signal = layer(signal, training=True)
                if hasattr(layer, "kernel"):
                    name, kernel = layer.name, layer.kernel
                elif kernel is None or not isinstance(layer, norms):
                    continue
                if not isinstance(after, norms):
                    tape.watch(signal)
                    signals[name] = signal, kernel
            loss = _cross_entropy(signal, tf.constant(y))
    finally:
        model.set_weights(before)
    rows = []
    for number, (name, (h, kernel)) in enumerate(signals.items(), start=1):
        tensors = {"h_rms": h, "grad_h_rms": tape.gradient(loss, h)}
        tensors |= {"grad_w_rms": tape.gradient(loss, kernel.value), "w_rms": kernel.value}
        rms = {key: float(np.sqrt(np.mean(np.square(value)))) for key, value in tensors.items()}
        rows.append({"layer": number, "name": name} | rms)
    return pd.DataFrame(rows)
