import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.encoding.arrays import ClassLabels, EncodedSplit
from tasks.encoding.batching import BatchLoader, BatchPlan, rounded_up
from tasks.encoding.codec import TextCodec
from tasks.encoding.vocabulary import EncodingOptions

OPTIONS = EncodingOptions(
    normalize="nfc", lowercase=True, min_count=1, max_characters=9, ngram_min=3, ngram_max=4, ngram_buckets=50
)
lengths_of_rows = st.lists(st.integers(1, 90), min_size=1, max_size=120).map(np.array)
budgets = st.integers(1, 300)
row_limits = st.integers(1, 40)


def loader_of(lengths, **options):
    texts = [[f"w{row}"] * length for row, length in enumerate(lengths)]
    encoded = TextCodec.fit(texts, OPTIONS).encode(texts)
    split = EncodedSplit(np.arange(len(texts)), (encoded,), None, ClassLabels(np.arange(len(texts))))
    defaults = {"batch_tokens": 40, "batch_rows": 16, "shuffle": True, "seed": 3}
    return BatchLoader(split, BatchPlan(split.lengths, **(defaults | options)))


def rows_of(batches):
    return [batch.rows_B.tolist() for batch in batches]


@settings(max_examples=150, deadline=None)
@given(lengths_of_rows, budgets, row_limits, st.booleans(), st.integers(0, 5))
def test_every_row_comes_once_within_the_budget(lengths, tokens, rows, shuffle, epoch):
    plan = BatchPlan(lengths, batch_tokens=tokens, batch_rows=rows, shuffle=shuffle, seed=1)
    batches = plan.epoch(epoch)
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))
    assert len(batches) == len(plan)
    for batch in batches:
        assert len(batch) <= rows
        assert len(batch) == 1 or len(batch) * lengths[batch].max() <= tokens


@settings(max_examples=60, deadline=None)
@given(lengths_of_rows, budgets, st.integers(0, 5))
def test_the_order_is_a_function_of_seed_and_epoch(lengths, tokens, epoch):
    def made():
        return BatchPlan(lengths, batch_tokens=tokens, batch_rows=64, shuffle=True, seed=7)

    later = made()
    later.epoch(epoch + 1)
    assert [b.tolist() for b in made().epoch(epoch)] == [b.tolist() for b in later.epoch(epoch)]


@settings(max_examples=60, deadline=None)
@given(lengths_of_rows, budgets, st.integers(1, 5))
def test_processes_share_the_batches(lengths, tokens, world):
    options = {"batch_tokens": tokens, "batch_rows": 16, "seed": 2}
    for shuffle in (True, False):
        plans = [BatchPlan(lengths, shuffle=shuffle, rank=r, world_size=world, **options) for r in range(world)]
        rows = [row for plan in plans for batch in plan.epoch(0) for row in batch.tolist()]
        assert set(rows) == set(range(len(lengths)))
        assert [len(plan) for plan in plans] == [len(plan.epoch(0)) for plan in plans]
        if shuffle:
            assert len({len(plan) for plan in plans}) == 1
        else:
            assert len(rows) == len(lengths)


@settings(max_examples=60, deadline=None)
@given(lengths_of_rows, budgets, st.integers(1, 3), st.integers(1, 4), st.integers(0, 3))
def test_shares_make_the_mean_of_a_step_the_mean_over_all_its_labels(lengths, tokens, world, accumulate, epoch):
    options = {"batch_tokens": tokens, "batch_rows": 16, "shuffle": True, "seed": 2, "accumulate": accumulate}
    plans = [BatchPlan(lengths, rank=rank, world_size=world, **options) for rank in range(world)]
    values = np.random.default_rng(0).normal(size=len(lengths))  # of each label of a row

    def mean(batch):
        return (values[batch] * lengths[batch]).sum() / lengths[batch].sum()

    batches = [plan.epoch(epoch) for plan in plans]
    shares = [plan.shares(epoch, lambda batch: int(lengths[batch].sum())) for plan in plans]
    for start in range(0, len(plans[0]), accumulate):
        part = slice(start, start + accumulate)
        window = [pair for b, s in zip(batches, shares, strict=True) for pair in zip(b[part], s[part], strict=True)]
        made = sum(share * mean(batch) for batch, share in window) / (accumulate * world)
        assert made == pytest.approx(mean(np.concatenate([batch for batch, _ in window])))


def test_a_batch_that_makes_a_step_alone_counts_whole():
    assert {batch.share for batch in loader_of([2, 30, 4] * 9)} == {1.0}
    assert len({batch.share for batch in loader_of([2] * 99, accumulate=4)}) > 1  # the last one holds fewer rows


def test_epochs_and_seeds_differ():
    lengths = np.arange(200) % 30 + 1
    orders = {
        str(
            [
                batch.tolist()
                for batch in BatchPlan(lengths, batch_tokens=100, batch_rows=16, shuffle=True, seed=seed).epoch(e)
            ]
        )
        for seed in (0, 1)
        for e in range(3)
    }
    assert len(orders) == 6


def test_rows_meet_other_rows_in_other_epochs():
    plan = BatchPlan(np.full(64, 10), batch_tokens=80, batch_rows=64, shuffle=True, seed=0)
    assert {frozenset(b.tolist()) for b in plan.epoch(0)} != {frozenset(b.tolist()) for b in plan.epoch(1)}


def test_full_batches_have_a_multiple_of_eight_rows():
    plan = BatchPlan(np.full(100, 10), batch_tokens=230, batch_rows=64, shuffle=True, seed=0)
    assert sorted(map(len, plan.epoch(0)), reverse=True) == [20] + [16] * 5  # the rest of 4 fits in


def test_a_text_beyond_the_budget_stands_alone():
    plan = BatchPlan(np.array([3, 500, 3]), batch_tokens=20, batch_rows=8, shuffle=False, seed=0)
    assert [b.tolist() for b in plan.epoch(0)] == [[0, 2], [1]]


def test_evaluation_is_sorted_by_length_and_never_shuffled():
    lengths = np.random.default_rng(0).integers(1, 50, 300)
    plan = BatchPlan(lengths, batch_tokens=200, batch_rows=32, shuffle=False, seed=0)
    order = np.concatenate(plan.epoch(0))
    assert (np.diff(lengths[order]) >= 0).all()
    assert [b.tolist() for b in plan.epoch(0)] == [b.tolist() for b in plan.epoch(9)]


def test_little_is_padded():
    lengths = np.random.default_rng(0).integers(1, 60, 5_000)
    batches = BatchPlan(lengths, batch_tokens=1024, batch_rows=64, shuffle=True, seed=0).epoch(0)
    padded = sum(len(batch) * lengths[batch].max() for batch in batches)
    assert padded / lengths.sum() < 1.08


def test_rounding_up_adds_at_most_an_eighth():
    lengths = np.arange(1, 2_000)
    rounded = rounded_up(lengths)
    assert (rounded >= lengths).all()
    assert (rounded <= lengths * 1.125).all()
    assert (rounded[:15] == lengths[:15]).all()


@pytest.mark.parametrize("given_out", range(13))
def test_a_loaded_position_yields_exactly_the_remaining_batches(given_out):
    lengths = [row % 7 + 1 for row in range(90)]
    loader = loader_of(lengths)
    assert len(loader) == 12
    loader.set_epoch(2)
    uninterrupted = loader_of(lengths)
    uninterrupted.set_epoch(2)
    whole = rows_of(uninterrupted)
    iterator = iter(loader)
    for _ in range(given_out):
        next(iterator, None)
    resumed = loader_of(lengths)
    resumed.load_state_dict(loader.state_dict())
    iter(resumed)  # the training loop may make an iterator that it never uses
    resumed.set_epoch(2)
    assert rows_of(resumed) == whole[given_out:]
    assert len(resumed) == len(whole)
    resumed.set_epoch(3)
    loader.set_epoch(3)
    assert rows_of(resumed) == rows_of(loader)


def test_an_iteration_given_up_does_not_move_the_next():
    loader = loader_of([2] * 100, shuffle=False)
    next(iter(loader))
    assert sorted(row for rows in rows_of(loader) for row in rows) == list(range(100))


def test_a_new_epoch_forgets_a_loaded_position():
    loader = loader_of([2] * 100)
    loader.load_state_dict({"epoch": 0, "position": len(loader), "batches": len(loader)})
    loader.set_epoch(1)
    assert len(rows_of(loader)) == len(loader)


def test_a_state_of_other_batches_is_refused():
    with pytest.raises(ValueError, match="the saved run had 99 batches an epoch, this one has 7; resume with the same"):
        loader_of([2] * 100).load_state_dict({"epoch": 0, "position": 3, "batches": 99})


def test_sizes_below_one_are_refused():
    with pytest.raises(ValueError, match="of at least 1, got 0 and 4; raise them"):
        BatchPlan(np.ones(3), batch_tokens=0, batch_rows=4, shuffle=True, seed=0)
    with pytest.raises(ValueError, match="got rank 2 of 2"):
        BatchPlan(np.ones(3), batch_tokens=9, batch_rows=4, shuffle=True, seed=0, rank=2, world_size=2)


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")  # Lightning's own advice
def test_the_training_loop_resumes_in_the_middle_of_an_epoch(tmp_path):
    """Lightning sees the same batches whether or not it was interrupted."""
    import pytorch_lightning as pl

    class Recorder(pl.LightningModule):
        def __init__(self, stop_after=None):
            super().__init__()
            self.layer, self.seen, self.stop_after = torch.nn.Linear(1, 1), [], stop_after

        def training_step(self, batch, batch_idx):
            if self.stop_after is not None and len(self.seen) == self.stop_after:
                raise KeyError("interrupted")
            self.seen.append(batch.rows_B.tolist())
            return self.layer(torch.ones(1)).sum()

        def transfer_batch_to_device(self, batch, device, dataloader_idx):
            return batch.to(device)

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.1)

    def train(module, checkpoint=None, callbacks=()):
        trainer = pl.Trainer(
            max_epochs=2,
            accelerator="cpu",
            logger=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            callbacks=list(callbacks),
            enable_checkpointing=bool(callbacks),
            use_distributed_sampler=False,
        )
        trainer.fit(module, loader_of([row % 7 + 1 for row in range(40)]), ckpt_path=checkpoint, weights_only=True)
        return module.seen

    whole = train(Recorder())
    for stop_after in (3, len(whole) // 2, len(whole) - 1):
        folder = tmp_path / str(stop_after)
        saver = pl.callbacks.ModelCheckpoint(folder, filename="last", every_n_train_steps=1)
        interrupted = Recorder(stop_after)
        with pytest.raises(KeyError):
            train(interrupted, callbacks=[saver])
        checkpoint = folder / "last.ckpt"
        resumed = train(Recorder(), checkpoint if checkpoint.exists() else None)
        assert interrupted.seen + resumed == whole, stop_after
