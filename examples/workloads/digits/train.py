#!/usr/bin/env python3
"""Makes the workload's model and its input: a small network that reads handwritten digits, and pictures it never saw.

    pip install numpy onnx scikit-learn
    python3 train.py

The pictures are the 1 797 of scikit-learn's `load_digits`, 8 by 8 points of 17 greys. 400 of them are held out: `held-out.png` has
them in rows, `labels.txt` says what they show, and `digits.onnx` learns from the others. The seed is fixed; the last bits of the weights may differ with the
version of numpy and the processor, and with them the scores.
"""
import pathlib
import struct
import zlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from sklearn.datasets import load_digits

HERE = pathlib.Path(__file__).parent
SIDE, ACROSS, HELD_OUT = 8, 20, 400
EPOCHS, BATCH, RATE = 60, 32, 0.002


def initial(chance):
    """Weights before anything is learnt."""

    def spread(*shape):
        return chance.normal(0, np.sqrt(2 / np.prod(shape[1:])), shape).astype(np.float32)

    weights = {"conv1.weight": spread(16, 1, 3, 3), "conv2.weight": spread(32, 16, 3, 3), "dense.weight": spread(10, 512)}
    weights |= {name.replace("weight", "bias"): np.zeros(len(value), np.float32) for name, value in weights.items()}
    return weights


def windows(x):
    """The nine points around each point, as columns of a matrix."""
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    around = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (2, 3))
    return around.transpose(0, 2, 3, 1, 4, 5).reshape(x.shape[0], x.shape[2] * x.shape[3], -1)


def convolve(columns, weight, bias):
    out = columns @ weight.reshape(len(weight), -1).T + bias
    return out.transpose(0, 2, 1).reshape(len(out), len(weight), SIDE, SIDE)


def forward(weights, x):
    """What each layer says; the last are the chances of each digit."""
    c1 = windows(x)
    a1 = np.maximum(convolve(c1, weights["conv1.weight"], weights["conv1.bias"]), 0)
    c2 = windows(a1)
    a2 = np.maximum(convolve(c2, weights["conv2.weight"], weights["conv2.bias"]), 0)
    squares = a2.reshape(len(x), 32, 4, 2, 4, 2)
    flat = squares.max((3, 5)).reshape(len(x), -1)
    scores = flat @ weights["dense.weight"].T + weights["dense.bias"]
    scores = np.exp(scores - scores.max(1, keepdims=True))
    return c1, a1, c2, a2, squares, flat, scores / scores.sum(1, keepdims=True)


def gradients(weights, x, labels):
    """Which way each weight makes the error larger."""
    c1, a1, c2, a2, squares, flat, chances = forward(weights, x)
    error = chances.copy()
    error[np.arange(len(x)), labels] -= 1
    error /= len(x)
    found = {"dense.weight": error.T @ flat, "dense.bias": error.sum(0)}
    pooled = (error @ weights["dense.weight"]).reshape(len(x), 32, 4, 1, 4, 1)
    d2 = (squares == squares.max((3, 5), keepdims=True)) * pooled
    d2 = (d2.reshape(a2.shape) * (a2 > 0)).reshape(len(x), 32, -1)
    found["conv2.weight"] = np.einsum("nop,npk->ok", d2, c2, optimize=True).reshape(32, 16, 3, 3)
    found["conv2.bias"] = d2.sum((0, 2))
    # back through a convolution: the same with the weights turned round
    turned = weights["conv2.weight"][:, :, ::-1, ::-1].transpose(1, 0, 2, 3)
    d1 = convolve(windows(d2.reshape(a2.shape)), turned, 0) * (a1 > 0)
    found["conv1.weight"] = np.einsum("nop,npk->ok", d1.reshape(len(x), 16, -1), c1, optimize=True).reshape(16, 1, 3, 3)
    found["conv1.bias"] = d1.sum((0, 2, 3))
    return found


def learn(weights, x, labels, chance):
    """Adam, with a rate that falls to nothing."""
    means = {name: [np.zeros_like(value), np.zeros_like(value)] for name, value in weights.items()}
    step, steps = 0, EPOCHS * -(-len(x) // BATCH)
    for _ in range(EPOCHS):
        order = chance.permutation(len(x))
        for batch in range(0, len(x), BATCH):
            some = order[batch : batch + BATCH]
            step += 1
            for name, gradient in gradients(weights, x[some], labels[some]).items():
                mean = means[name]
                mean[0] += 0.1 * (gradient - mean[0])
                mean[1] += 0.001 * (gradient**2 - mean[1])
                move = mean[0] / (1 - 0.9**step) / (np.sqrt(mean[1] / (1 - 0.999**step)) + 1e-8)
                weights[name] -= (RATE * (1 - step / steps) * move).astype(np.float32)


def model(weights):
    """The network as ONNX; any number of pictures at once."""
    around = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}
    nodes = [
        helper.make_node("Conv", ["pictures", "conv1.weight", "conv1.bias"], ["conv1"], **around),
        helper.make_node("Relu", ["conv1"], ["relu1"]),
        helper.make_node("Conv", ["relu1", "conv2.weight", "conv2.bias"], ["conv2"], **around),
        helper.make_node("Relu", ["conv2"], ["relu2"]),
        helper.make_node("MaxPool", ["relu2"], ["pool"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Flatten", ["pool"], ["flat"]),
        helper.make_node("Gemm", ["flat", "dense.weight", "dense.bias"], ["dense"], transB=1),
        helper.make_node("Softmax", ["dense"], ["scores"], axis=1),
    ]
    takes = helper.make_tensor_value_info("pictures", TensorProto.FLOAT, ["count", 1, SIDE, SIDE])
    gives = helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["count", 10])
    values = [numpy_helper.from_array(np.ascontiguousarray(value), name) for name, value in weights.items()]
    graph = helper.make_graph(nodes, "digits", [takes], [gives], values)
    made = helper.make_model(graph, producer_name="train.py", opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(made, full_check=True)
    return made.SerializeToString(deterministic=True)


def png(points):
    """A grey picture."""
    rows = b"".join(b"\0" + row.tobytes() for row in points)
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    header = struct.pack(">IIBBBBB", points.shape[1], points.shape[0], 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")


def main():
    chance = np.random.default_rng(7)
    digits = load_digits()
    # as a PNG has them, so that what is learnt from is what is read
    points = np.round(digits.images * 255 / 16).astype(np.uint8)
    order = chance.permutation(len(points))
    held_out, others = order[:HELD_OUT], order[HELD_OUT:]
    x = (points[:, None] / 255).astype(np.float32)
    weights = initial(chance)
    learn(weights, x[others], digits.target[others], chance)
    for name, some in (("learnt from", others), ("held out", held_out)):
        right = (forward(weights, x[some])[-1].argmax(1) == digits.target[some]).sum()
        print(f"{name}: {right} of {len(some)} right")
    sheet = points[held_out].reshape(-1, ACROSS, SIDE, SIDE).transpose(0, 2, 1, 3).reshape(-1, ACROSS * SIDE)
    labels = digits.target[held_out].reshape(-1, ACROSS)
    (HERE / "digits.onnx").write_bytes(model(weights))
    (HERE / "held-out.png").write_bytes(png(sheet))
    (HERE / "labels.txt").write_text("".join(" ".join(map(str, row)) + "\n" for row in labels))


if __name__ == "__main__":
    main()
