import pytest

from tasks.encoding.tokenization import split_characters, split_whitespace, split_words, tokenizer_named


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello, world!", ["Hello", ",", "world", "!"]),
        ("It isn't 3,500.50 km.", ["It", "is", "n't", "3,500.50", "km", "."]),
        ("CAN'T stop; John’s here", ["CA", "N'T", "stop", ";", "John", "’s", "here"]),
        ("'quoted' state-of-the-art", ["'", "quoted", "'", "state-of-the-art"]),
        ("10:30 2nd 1,000th", ["10:30", "2nd", "1", ",", "000th"]),
        ("a  b\t\nc\u00a0d", ["a", "b", "c", "d"]),
        ("我爱 NLP课", ["我", "爱", "NLP", "课"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("e\u0301te\u0301", ["e\u0301te\u0301"]),
        ("ผมชื่อ John กำ ๒๕๔๐", ["ผ", "ม", "ชื่", "อ", "John", "กำ", "๒๕๔๐"]),
        ("ສາ ລາວ", ["ສ", "າ", "ລ", "າ", "ວ"]),
        ("ភាសា\u200bខ្មែរ។", ["ភា", "សា", "ខ្មែ", "រ", "។"]),
        ("မြန်မာ", ["မြ", "န်", "မ", "ာ"]),
        ("これはペン3本", ["こ", "れ", "は", "ペ", "ン", "3", "本"]),
        ("葛\U000e0100城", ["葛\U000e0100", "城"]),
        ("naïve ÉCOLE straße", ["naïve", "ÉCOLE", "straße"]),
        ("   ", []),
    ],
)
def test_words_are_split_as_a_reader_would(text, expected):
    assert split_words(text) == expected


def test_words_lose_no_visible_character():
    text = "He said: “don't!” – it’s 5.2% (or 6/7) of @user's #tag… 价格¥30 🎉"
    assert "".join(split_words(text)) == "".join(text.split())


def test_characters_are_grapheme_clusters():
    assert split_characters("e\u0301 字a\u3000b") == ["e\u0301", "字", "a", "b"]
    assert split_characters("กำ ที่\u200bดี") == ["กำ", "ที่", "ดี"]
    assert split_characters("a \u0301\x1cb\r\n👨\u200d👩\u200d👧") == ["a", "\u0301", "b", "👨\u200d👩\u200d👧"]


def test_whitespace_leaves_tokens_alone():
    assert split_whitespace(" do n't , stop ") == ["do", "n't", ",", "stop"]


def test_long_runs_take_no_quadratic_time():
    for text in ("a" * 20_000 + "!", "ab-" * 10_000, "1," * 10_000 + "x", "n't" * 5_000):
        assert "".join(split_words(text)) == text


def test_an_unknown_tokenizer_is_refused_with_the_choices():
    with pytest.raises(ValueError, match=r"words, whitespace, characters, got 'bpe'; set data\.tokenizer"):
        tokenizer_named("bpe")
