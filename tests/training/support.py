"""Small networks, a hand-written loop, and an evaluation in NumPy."""

import dataclasses

import numpy as np
import torch
from torch import nn

from weightinit import initializers
from weightinit.data import digits
from weightinit.networks import mlp
from weightinit.training import loop

DATA = digits()


SMALL = dataclasses.replace(DATA, x_train=DATA.x_train[:150], y_train=DATA.y_train[:150])


def network(seed=0, activation="tanh", depth=2):
    model = mlp(depth, 12, activation)
    initializers.initialize(model, "xavier_normal", seed=seed)
    return model


def weights(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def by_hand(model, optimizer, steps, seed=0, batch_size=64, data=DATA):
    """Train with the loop that anyone would write; return the rows of every batch."""
    images, labels = torch.tensor(data.x_train), torch.tensor(data.y_train)
    seen, batches = [], loop.batches(len(images), batch_size, seed)
    for _ in range(steps):
        seen.append(next(batches))
        optimizer.zero_grad()
        nn.CrossEntropyLoss()(model(images[seen[-1]]), labels[seen[-1]]).backward()
        optimizer.step()
    return seen


def evaluate(model, data=DATA):
    """Loss and accuracies in NumPy."""
    result = []
    for x, y in ((data.x_train, data.y_train), (data.x_test, data.y_test)):
        with torch.no_grad():
            scores = model(torch.tensor(x)).numpy()
        scores = scores - scores.max(axis=1, keepdims=True)
        log_p = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        result.append((-log_p[np.arange(len(y)), y].mean(), np.mean(scores.argmax(axis=1) == y)))
    (loss, train_accuracy), (_, test_accuracy) = result
    return [loss, train_accuracy, test_accuracy]


def adam(parameters):
    return torch.optim.Adam(parameters, lr=1e-2)
