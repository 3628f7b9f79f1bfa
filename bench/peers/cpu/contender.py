"""PyTorch as a contender: python3 contender.py '<task as JSON>', see protocol.ts. stdout carries the protocol alone."""
import json
import os
import sys
import time

protocol = os.fdopen(os.dup(1), 'w', buffering=1)
os.dup2(2, 1)  # what a library or a compiler prints must not look like an answer
sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import torch

import operations
import training


def answer(**fields):
    protocol.write(json.dumps(fields) + '\n')


def memory(field):
    with open('/proc/self/status') as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith(field + ':'))


def forget_peak():
    """From here on VmHWM is the peak of what follows: compiling does not count."""
    try:
        with open('/proc/self/clear_refs', 'w') as clear:
            clear.write('5')
        return True
    except OSError:
        return False


def main():
    task = json.loads(sys.argv[1])
    torch.set_num_threads(task['threads'])
    torch.manual_seed(0)
    base = memory('VmRSS')
    section = training if task['work'] == 'step' else operations
    turn, values = section.prepare(task)
    reset = forget_peak()
    answer(ready=True, values=values, versions={'torch': torch.__version__, 'python': sys.version.split()[0]})
    for line in sys.stdin:
        if line.strip() == 'finish':
            return answer(peakBytes=memory('VmHWM'), baseBytes=base, peakSinceWarmUp=reset)
        began = time.perf_counter()
        value = turn()
        answer(seconds=(time.perf_counter() - began) / task['repeats'], value=value)


if __name__ == '__main__':
    try:
        main()
    except Exception as error:  # the last line of stderr is the reason that is shown
        sys.exit(f'{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else ""}')
