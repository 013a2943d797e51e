"""The schema of the parts that Hydra makes: data, tasks, embeddings, backbones, positions, mechanisms, floors.

Each table says which class of options a ``_target_`` has. A new option is one line in its class.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict

from harness.configuration import kinds as k


class Source(k.Part):
    """What every source of data has."""

    tokenizer: Literal["words", "whitespace", "characters"]
    language: k.OptionalText
    normalize: k.UnicodeForm
    unseen_labels: Literal["error", "drop"]
    exclude: k.Excluded
    deduplicate: Literal["none", "exact", "text"]
    max_train: k.OptionalCount
    max_validation: k.OptionalCount
    max_test: k.OptionalCount


class GeneratedData(Source):
    """The bundled corpora."""

    size: Literal["few", "small", "medium", "large"]
    seed: k.Seed
    knobs: k.Options


class DrawnSplits(Source):
    """Sources whose missing splits are drawn from train."""

    columns: k.Columns
    validation_fraction: k.OptionalFraction
    test_fraction: k.OptionalFraction
    seed: k.Seed
    folds: k.OptionalFolds
    fold: k.Whole
    fold_seed: k.Seed
    folds_over: Literal["train", "all"] | None
    tag_names: k.OptionalTexts


class FileData(DrawnSplits):
    """A user's own files."""

    path: k.OptionalPath
    train: k.OptionalPath
    validation: k.OptionalPath
    test: k.OptionalPath
    token_column: k.Place
    tag_column: k.Place
    separator: k.OptionalText
    encoding: k.OptionalText


class Hub(k.Group):
    """Where a published data set lies on the hub."""

    path: k.Text
    config: k.OptionalText
    revision: k.OptionalText
    splits: Annotated[dict[str, k.OptionalText], k.Expected("their name of each split, such as {test:validation}")]
    columns: k.Columns


class LendingData(DrawnSplits):
    """A published data set that stands in ``data.train_from`` of another."""

    name: k.Text
    data_dir: k.OptionalPath
    hub: Hub | None
    extra_tests: k.Texts
    train_from: Any


LENDERS = {
    "tasks.corpora.GeneratedData": GeneratedData,
    "tasks.corpora.FileData": FileData,
    "tasks.corpora.PublishedData": LendingData,
}


class PublishedData(LendingData):
    """A published data set."""

    train_from: Annotated[Any, k.OneOf(LENDERS, k.Foreign)] | None


SOURCES = {**LENDERS, "tasks.corpora.PublishedData": PublishedData}


class OneLabelTask(k.Part):
    """Tasks that choose one label."""

    name: k.Text
    hidden: k.Whole
    dropout: k.Rate
    label_smoothing: k.Rate
    class_weights: k.ClassWeights
    focal_gamma: k.FromZero


class Classification(OneLabelTask):
    """One label, or any number."""

    multi_label: k.Switch
    label_separator: k.OptionalText


class Sentiment(OneLabelTask):
    """Labels in an order."""

    order: k.OptionalTexts


class Tagging(k.Part):
    """Tasks that tag."""

    name: k.Text
    scheme: Literal["crf", "softmax"]
    dropout: k.Rate
    label_smoothing: k.Rate
    class_weights: k.ClassWeights
    focal_gamma: k.FromZero


class SpanTagging(k.Part):
    """Tasks that tag spans."""

    name: k.Text
    scheme: Literal["crf", "constrained", "softmax"]
    tag_scheme: Literal["auto", "bio", "iob1", "bioes", "bilou"]
    invalid_bio: Literal["error", "repair"]
    dropout: k.Rate
    label_smoothing: k.Rate
    class_weights: k.ClassWeights
    focal_gamma: k.FromZero


class Beam(k.Group):
    """How texts are searched for."""

    beam: k.UpToThousand
    length_penalty: k.FromZero
    min_length: k.Whole
    length_factor: k.FromZero
    length_extra: k.Whole
    no_repeat_ngram: k.Whole


class Writing(k.Part):
    """Tasks that write."""

    name: k.Text
    language: k.OptionalText
    vocabulary_size: k.Count
    source_symbols: k.Symbols
    target_symbols: k.Symbols
    joint: k.Switch
    tie: k.Switch
    max_source: k.OptionalCount
    max_target: k.OptionalCount
    copying: k.Switch
    coverage_weight: k.FromZero
    coverage_from: k.Share
    label_smoothing: k.Rate
    dropout: k.Rate
    search: Beam
    validate_by: Literal["loss", "score"]


TASKS = {
    "tasks.classification.Classification": Classification,
    "tasks.sentiment.Sentiment": Sentiment,
    "tasks.matching.Matching": OneLabelTask,
    "tasks.ner.NER": SpanTagging,
    "tasks.events.Events": SpanTagging,
    "tasks.pos.POS": Tagging,
    "tasks.translation.Translation": Writing,
    "tasks.summarization.Summarization": Writing,
    "tasks.correction.Correction": Writing,
}


class WordVectors(k.Factory):
    """One vector a word."""

    width: k.Whole
    word_dropout: k.Rate
    std: k.FromZero


class CharacterConvolution(k.Factory):
    """Filters over characters."""

    character_width: k.Count
    width: k.Whole
    kernel: k.OddCount


class Width(k.Factory):
    """Parts of an embedding that have a width and no more."""

    width: k.Whole


class BigramVectors(k.Factory):
    """Hashed pairs of words."""

    buckets: k.Count
    width: k.Whole


class PretrainedEncoder(k.Factory):
    """States of a pretrained encoder."""

    layers: Literal["mix", "last"]
    pieces: Literal["mean", "first"]
    fine_tune: k.Switch
    half: k.Switch


class PretrainedVectors(k.Factory):
    """Vectors of a file."""

    train: k.Switch
    word_dropout: k.Rate


EMBEDDING_PARTS = {
    "models.pretrained.PretrainedEncoder": PretrainedEncoder,
    "models.vectors.PretrainedVectors": PretrainedVectors,
    "models.embeddings.WordVectors": WordVectors,
    "models.embeddings.CharacterConvolution": CharacterConvolution,
    "models.embeddings.NgramBag": Width,
    "models.embeddings.ShapeVectors": Width,
    "models.embeddings.BigramVectors": BigramVectors,
}


class TokenEmbedding(k.Factory):
    """Vectors of tokens."""

    ngram_buckets: k.Whole
    parts: dict[str, Annotated[Any, k.OneOf(EMBEDDING_PARTS, k.ForeignFactory)]]
    combine: Literal["concatenate", "sum"]
    width: k.OptionalCount
    token_dropout: k.Rate
    dropout: k.Rate
    shared_dropout: k.Switch
    path: k.OptionalPath = None
    content: k.OptionalContent = None


class EmbeddingEncoder(k.Factory):
    """What most encoders have."""

    width: k.Count
    token_site: k.Switch
    site: k.Join
    feedforward_width: k.Whole
    dropout: k.Rate


class ConvolutionalEncoder(EmbeddingEncoder):
    """Convolutions."""

    layers: k.Count
    kernel: k.OddCount


class RecurrentEncoder(EmbeddingEncoder):
    """A BiLSTM."""

    layers: k.Count
    residual: k.Switch


class Transformer(k.Factory):
    """Transformer blocks that read or write."""

    width: k.Count
    layers: k.Count
    site: k.Join
    feedforward_width: k.Count
    dropout: k.Rate


class RecurrentDecoder(k.Factory):
    """An LSTM that writes."""

    width: k.Count
    layers: k.Count
    input_feeding: k.Switch
    site: k.Join
    dropout: k.Rate


class Length(k.Factory):
    """Learned positions."""

    max_length: k.Count


class Base(k.Factory):
    """Positions of waves."""

    base: k.Positive


BACKBONES = {
    "models.backbones.embedding.EmbeddingEncoder": EmbeddingEncoder,
    "models.backbones.convolutional.ConvolutionalEncoder": ConvolutionalEncoder,
    "models.backbones.recurrent.RecurrentEncoder": RecurrentEncoder,
    "models.backbones.transformer.TransformerEncoder": Transformer,
}
DECODERS = {
    None: k.Group,  # tasks that choose have none
    "models.backbones.recurrent.RecurrentDecoder": RecurrentDecoder,
    "models.backbones.transformer.TransformerDecoder": Transformer,
}
POSITIONS = {
    "models.positions.NoPosition": k.Factory,
    "models.positions.ALiBi": k.Factory,
    "models.positions.Learned": Length,
    "models.positions.Sinusoidal": Base,
    "models.positions.Rotary": Base,
}


class Scored(k.Factory):
    """What most mechanisms have."""

    heads: k.Count
    normalizer: k.Normalizer
    dropout: k.Rate


class NamedScore(Scored):
    """Mechanisms whose score is named."""

    score: k.Score


class AdditiveAttention(Scored):
    """The additive score."""

    hidden_width: k.OptionalCount


class DotAttention(Scored):
    """The dot product."""

    scale: k.Switch


class MemoryAttention(k.Factory):
    """Hops."""

    hops: k.Count
    tying: Literal["adjacent", "none"]
    scale: k.Switch
    normalizer: k.Normalizer
    dropout: k.Rate


class UniformAttention(k.Factory):
    """The placebo."""

    reduce: Literal["mean", "max"]


EMBEDDINGS = {"models.embeddings.TokenEmbedding": TokenEmbedding}

MECHANISMS = {
    "models.attention.additive.AdditiveAttention": AdditiveAttention,
    "models.attention.bidirectional.BidirectionalAttention": NamedScore,
    "models.attention.cross.CrossAttention": NamedScore,
    "models.attention.dot.DotAttention": DotAttention,
    "models.attention.gated.GatedAttention": NamedScore,
    "models.attention.general.GeneralAttention": Scored,
    "models.attention.memory.MemoryAttention": MemoryAttention,
    "models.attention.self.SelfAttention": NamedScore,
    "models.attention.uniform.UniformAttention": UniformAttention,
}


class LeadSentences(k.Part):
    """The first sentences."""

    count: k.Count


class TfidfLogistic(k.Part):
    """TF-IDF and logistic regression."""

    word_ngrams: k.Range
    character_ngrams: k.OptionalRange
    lowercase: k.Switch
    inverse_penalty: k.Positive
    max_iterations: k.Count


FLOORS = {
    "tasks.floors.Majority": k.Part,
    "tasks.floors.CopySource": k.Part,
    "tasks.floors.LeadSentences": LeadSentences,
    "tasks.floors.TfidfLogistic": TfidfLogistic,
}


class Model(k.Group):
    """A mechanism or a floor; beside it stand the options that it reads, whose kinds are those of its class."""

    model_config = ConfigDict(extra="allow")

    attention: Annotated[Any, k.OneOf(MECHANISMS, k.ForeignFactory)] | None = None
    floor: Annotated[Any, k.OneOf(FLOORS, k.Foreign)] = None
