import pytest

from tasks.reading.languages import language_named, script_of


@pytest.mark.parametrize(
    ("tag", "code", "script", "spaceless"),
    [
        ("en", "en", "Latn", False),
        ("en-US", "en", "Latn", False),
        ("eng", "en", "Latn", False),
        ("zh", "zh", "Hani", True),
        ("zh-CN", "zh", "Hani", True),
        ("zh_TW", "zh", "Hani", True),
        ("zho", "zh", "Hani", True),
        ("yue", "yue", "Hani", True),
        ("zh-Latn-pinyin", "zh", "Latn", False),
        ("jpn", "ja", "Jpan", True),
        ("ja-Latn", "ja", "Latn", False),
        ("th", "th", "Thai", True),
        ("lo", "lo", "Laoo", True),
        ("khm", "km", "Khmr", True),
        ("my-MM", "my", "Mymr", True),
        ("bo", "bo", "Tibt", True),
        ("ko", "ko", "Kore", False),
        ("no", "no", "Latn", False),
        ("und-Thai", "", "Thai", True),
        ("und", "", "Latn", False),
    ],
)
def test_tags_of_bcp_47_and_iso_639_are_understood(tag, code, script, spaceless):
    found = language_named(tag)
    assert (found.code, found.script, found.spaceless) == (code, script, spaceless)


@pytest.mark.parametrize("tag", ["english", "Deutsch", "xx", "", "zh-", "c", True])
def test_what_is_no_tag_is_refused(tag):
    with pytest.raises(ValueError, match=r"expected data\.language .* as en, de-AT, zh-TW or tha, got .*; correct"):
        language_named(tag)


@pytest.mark.parametrize(
    ("texts", "script"),
    [
        (["今天天气很好，我用 Python 和 PyTorch 写代码"], "Hani"),
        (["猫がマットに座った。", "東京"], "Jpan"),
        (["สวัสดีครับ ผมชื่อ John"], "Thai"),
        (["ສະບາຍດີ"], "Laoo"),
        (["សួស្តី"], "Khmr"),
        (["မင်္ဂလာပါ"], "Mymr"),
        (["Привет мир, Python"], "Cyrl"),
        (["안녕하세요 세계"], "Hang"),
        (["a house", "one 猫"], "Latn"),
        (["1984-02-24", ""], None),
        ([], None),
    ],
)
def test_the_script_of_texts_is_that_of_most_words(texts, script):
    assert script_of(texts) == script


def test_a_part_of_many_texts_tells_the_script():
    assert script_of(["猫"] * 9_000 + ["a cat"] * 1_000) == "Hani"
