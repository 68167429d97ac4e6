"""One network, one learning rate, four batch sizes: the loss against updates, items and seconds. About half a minute on one core.

Run by `make experiments`, shown by lesson 02. Seconds are the median time of an update times their number, so that a machine that is busy with
something else for a moment does not decide. They are those of the machine that recorded them."""
from statistics import median
from time import perf_counter

BATCH_SIZES, SEEDS, UPDATES = (1, 16, 128, 1077), range(5), 2048
RECIPE = {'lesson': '02', 'data': 'digits, 1,077 to train on, 360 for validation', 'network': [64, 100, 10], 'optimizer': 'SGD', 'lr': .05,
          'updates': UPDATES, 'threads': 1}


def run(task):
    "Validation loss after 1, 2, 4, 8 … updates."
    import torch
    from torch.nn import functional as F
    from fastlessons.digits import batches, digits, network
    from fastlessons.training import evaluate, training_loop
    torch.set_num_threads(1)
    d = digits()
    net = network(*RECIPE['network'], seed=task['seed'])
    opt = torch.optim.SGD(net.parameters(), RECIPE['lr'])
    valid, took, points, items = batches(d.valid, 360), [], [], 0
    start, rows = perf_counter(), training_loop(net, F.cross_entropy, opt, batches(d.train, task['bs'], seed=task['seed']), epochs=UPDATES)
    for row in rows:
        if not hasattr(row, 'batch'): continue
        took.append(perf_counter() - start)
        items += row.n
        if len(took) & (len(took) - 1) == 0:
            net.eval()
            points.append([len(took), items, evaluate(net, F.cross_entropy, valid)])
            net.train()
        if len(took) == UPDATES: break
        start = perf_counter()
    each = median(took)
    return {'seconds_per_update': round(each, 6), 'updates': [p[0] for p in points], 'items': [p[1] for p in points],
            'valid_loss': [p[2][0] for p in points], 'error_rate': [p[2][1] for p in points]}


def main():
    from fastlessons.experiments import record
    record(__file__, RECIPE, [{'bs': bs, 'seed': seed} for bs in BATCH_SIZES for seed in SEEDS], run, digits=6)


if __name__ == '__main__': main()
