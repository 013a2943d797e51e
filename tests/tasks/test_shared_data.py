"""Real data sets, where a folder holds them: every configuration reads its set, whole."""

import re

import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from tasks.base import Task
from tasks.generated.base import SIZES
from tasks.kinds.one_label import PoolingTask
from tasks.kinds.tags import TaggingTask
from tasks.kinds.writing import GenerationTask

TEXT, PAIR, TAGS = (("text",), "label"), (("text_a", "text_b"), "label"), (("tokens",), "tags")
WRITTEN = (("source",), "target")
COLUMNS = {
    **dict.fromkeys(["banking77", "clinc150", "clinc150_full", "ag_news_10k", "csl_category", "sst2", "sst5"], TEXT),
    **dict.fromkeys(["sick", "ocnli_10k"], PAIR),
    **dict.fromkeys(["snips", "wnut17", "btc", "weibo_ner", "ud_en_ewt", "ud_zh_gsd", "litbank_events", "phee"], TAGS),
    **dict.fromkeys(["multi30k_en_de", "multi30k_en_fr", "tatoeba_en_zh", "tanaka_small_ja_en"], WRITTEN),
    **dict.fromkeys(["dialogsum", "scitldr_a", "disfl_qa", "sighan_csc", "jfleg"], WRITTEN),
}
WITHOUT_OOS = {"train": 100, "validation": 100, "test": 1_000}


class Columns:
    optional_columns, checking = Task.optional_columns, Task.checking
    name = "correction"  # whose bundled corpus jfleg trains on

    def __init__(self, columns):
        self.text_columns, self.label_column = columns
        self.tokenized = self.label_column == "tags"

    def label_problem(self, row):
        kind = {"label": PoolingTask, "tags": TaggingTask, "target": GenerationTask}[self.label_column]
        return kind.label_problem(self, row)

    def labels_of(self, row):
        return []

    def check(self, row):
        return row


def documented_sizes(folder, name):
    """The numbers of rows that the folder's README gives."""
    row = next(line for line in (folder / "README.md").read_text().splitlines() if line.startswith(f"| {name} |"))
    return {
        split: int(count.replace(",", ""))
        for split, count in re.findall(r"\b(train|validation|test|[a-z]+_?\d+) ([\d,]+\d)", row)
    }


def load(request, shared_data, name, columns, *overrides):
    with initialize_config_dir(str(request.config.rootpath / "conf"), version_base="1.3"):
        outside = [f"+data_dir={shared_data}", "+seed=1", "+encoding.normalize=nfc"]
        config = compose(overrides=[f"+data={name}", *outside, *overrides])
    return instantiate(config.data).load(Columns(columns))


@pytest.mark.slow
@pytest.mark.parametrize("name", COLUMNS)
def test_a_data_set_is_read_whole(request, shared_data, name):
    corpus = load(request, shared_data, name, COLUMNS[name])
    expected = documented_sizes(shared_data, corpus.name)
    if name == "clinc150":
        expected = {split: count - WITHOUT_OOS[split] for split, count in expected.items()}
    if name == "jfleg":
        expected["train"] = SIZES["small"]["train"]
    assert {split: len(rows) for split, rows in corpus.splits.items()} == expected


def test_another_set_can_lend_its_train(request, shared_data):
    corpus = load(request, shared_data, "jfleg", COLUMNS["jfleg"], "data@data.train_from=disfl_qa")
    lent = documented_sizes(shared_data, "disfl_qa")["train"]
    assert len(corpus.splits["train"]) == lent
    with pytest.raises(ValueError, match=r"data\.train_from: expected a source of data, got 'disfl_qa'"):
        load(request, shared_data, "jfleg", COLUMNS["jfleg"], "data.train_from=disfl_qa")


@pytest.mark.slow
def test_the_intents_of_snips_are_read_from_its_tokens(request, shared_data):
    row = load(request, shared_data, "snips", TEXT).splits["train"][0]
    assert (row["text"][:2], row["label"]) == (["Add", "another"], "AddToPlaylist")


def test_every_published_set_is_tried(request):
    files = {path.stem for path in (request.config.rootpath / "conf" / "data").glob("*.yaml")}
    assert files - {"generated", "files", "hub"} == set(COLUMNS)
