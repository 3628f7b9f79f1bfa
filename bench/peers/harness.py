"""Times one piece of work, and writes what came of it as a line of gpu-check.jsonl."""
import datetime
import itertools
import json
import statistics
import time

import torch

ROTATED_BYTES = 256e6  # inputs together: four times the L2 cache of an H200


class Harness:
    def __init__(self, out, device_name, seconds, cpu):
        self.cuda = not cpu
        self.device = torch.device('cpu' if cpu else 'cuda')
        self.dtype = torch.float32 if cpu else torch.bfloat16
        self.ok = True
        self._sink = open(out, 'a')
        self._device_name = device_name
        self._deadline = time.monotonic() + seconds

    def seconds_left(self):
        return self._deadline - time.monotonic()

    # ---- work

    def normal(self, *shape, dtype=None, grad=False, std=1.0):
        values = torch.randn(*shape, device=self.device, dtype=dtype or self.dtype) * std
        return values.detach().requires_grad_(grad)

    def rotation(self, make):
        """An endless round of inputs, as many sets as no cache holds."""
        first = make()
        tensors = first if isinstance(first, (tuple, list)) else (first,)
        size = sum(t.numel() * t.element_size() for t in tensors if torch.is_tensor(t))
        count = max(1, min(8, -int(-ROTATED_BYTES // size))) if self.cuda else 1
        return itertools.cycle([first] + [make() for _ in range(count - 1)])

    def milliseconds(self, work, runs=20, seconds=0.4):
        """Median time of work(), each call between two events of its own."""
        for _ in range(3 if self.cuda else 1):
            work()
        if not self.cuda:
            began = time.perf_counter()
            work()
            return (time.perf_counter() - began) * 1e3
        torch.cuda.synchronize()
        times, began = [], time.monotonic()
        while len(times) < runs and (len(times) < 5 or time.monotonic() - began < seconds):
            start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            start.record()
            work()
            end.record()
            end.synchronize()
            times.append(start.elapsed_time(end))
        return statistics.median(times)

    def compile(self, function):
        return torch.compile(function, dynamic=False) if self.cuda else function

    # ---- lines

    def line(self, name, peer, ok=True, **figures):
        self.ok = self.ok and ok
        rounded = {k: float(f'{v:.6g}') if isinstance(v, float) else v for k, v in figures.items()}
        date = datetime.datetime.now(datetime.timezone.utc).isoformat()
        line = {'step': 'peers', 'name': name, 'ok': ok, 'peer': peer, **rounded, 'device': self._device_name, 'date': date}
        self._sink.write(json.dumps(line) + '\n')
        self._sink.flush()
        print('ok    ' if ok else 'FAILED', f'{name}, {peer}', rounded, flush=True)

    def measure(self, row, peer, make_work, figures=dict, **timing):
        """make_work() returns the work to time. What a peer cannot do on this host is said, and is no failure of ours."""
        if self.seconds_left() < 0:
            return self.line(row['name'], peer, skipped='out of time')
        try:
            ms = self.milliseconds(make_work(), **timing)
            self.line(row['name'], peer, ms=ms, **figures())
        except Exception as error:  # whatever a kernel library throws
            self.line(row['name'], peer, skipped=f'{type(error).__name__}: {str(error)[:200]}')
        finally:
            if self.cuda:
                torch.cuda.empty_cache()
