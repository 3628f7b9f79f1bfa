"""Row kernels through torch.compile. The backward of the norm also adds into dx: the gradient of the residual stream."""
import torch

from formulas import add_rms_norm, rotate, swiglu


def run(harness, row):
    make_inputs, function, gradients = _parts(harness, row)
    compiled = harness.compile(function)

    def work():
        inputs = harness.rotation(make_inputs)
        if gradients is None:

            def forward():
                with torch.no_grad():
                    compiled(*next(inputs))

            return forward
        graphs = harness.rotation(lambda: _graph(compiled, make_inputs(), gradients))

        def backward():
            outputs, wanted, given = next(graphs)
            torch.autograd.grad(outputs, wanted, given, retain_graph=True)

        return backward

    harness.measure(row, 'torch.compile', work)


def _graph(function, inputs, gradients):
    outputs = function(*inputs)
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    return outputs, [t for t in inputs if t.requires_grad], gradients()


def _parts(harness, row):
    R, C, F, T, H, D = (row['dims'][key] for key in ('R', 'C', 'F', 'T', 'H', 'D'))
    name = row['name'].split(' ', 1)[1]
    backward = name.endswith('backward')
    normal = harness.normal
    if 'rms_norm' in name:
        inputs = lambda: [normal(R, C, grad=backward) for _ in range(2)] + [normal(C, grad=backward)]
        return inputs, add_rms_norm, (lambda: [normal(R, C), normal(R, C)]) if backward else None
    if 'swiglu' in name:
        return lambda: [normal(R, 2 * F, grad=backward)], swiglu, (lambda: [normal(R, F)]) if backward else None
    tables = [normal(T, D) for _ in range(2)]  # q and k: 2H heads
    return lambda: [normal(R // T, 2 * H, T, D), *tables], rotate, None
