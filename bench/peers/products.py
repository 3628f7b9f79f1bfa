"""Matrix products: y = x·Wᵀ, dx = dy·W, dW = dyᵀ·x (in bf16 here; ours writes dW in fp32, twice the bytes)."""


def run(harness, row):
    R, N, K = (row['dims'][key] for key in ('R', 'outputs', 'inputs'))
    kind = row['name'].rsplit(' ', 1)[1]

    def make():
        x, w, y = (harness.normal(*shape) for shape in ((R, K), (N, K), (R, N)))
        return {'y': (x, w.t()), 'dx': (y, w), 'dW': (y.t(), x)}[kind]

    def work():
        inputs = harness.rotation(make)
        return lambda: _multiply(*next(inputs))

    harness.measure(row, 'torch matmul', work)


def _multiply(a, b):
    return a @ b
