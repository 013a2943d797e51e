import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.reading.normalization import checked_form, normalized

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


@pytest.mark.parametrize(
    ("form", "value", "expected"),
    [
        ("nfc", "e\u0301", "\u00e9"),
        ("nfc", ["\u1112\u1161\u11ab", 3, None], ["\ud55c", 3, None]),
        ("nfc", {"e\u0301": "e\u0301"}, {"e\u0301": "\u00e9"}),
        ("nfc", "\ufb01 \uff21", "\ufb01 \uff21"),
        ("nfkc", "\ufb01 \uff21", "fi A"),
        ("nfkc", "\ufb01a\u00b4b\ufb01 \u00b4", "fia\u00b4bfi \u00b4"),
        ("nfkc", "a\u00a0b\u3000c", "a\u00a0b\u3000c"),
        ("none", "e\u0301", "e\u0301"),
    ],
)
def test_a_form_is_that_of_unicode_and_words_stay_words(form, value, expected):
    assert normalized(value, form) == expected


@given(TEXTS)
def test_normalised_texts_are_equal_if_the_texts_are_to_a_reader(text):
    for other in ("NFC", "NFD"):
        words = normalized(unicodedata.normalize(other, text), "nfc").split()
        assert words == normalized(text, "nfc").split()


@given(TEXTS, st.sampled_from(["nfc", "nfkc"]))
def test_a_text_keeps_the_number_of_its_words(text, form):
    assert len(normalized(text, form).split()) == len(text.split())


def test_an_unknown_form_is_refused():
    with pytest.raises(ValueError, match=r"expected encoding\.normalize among none, nfc, nfkc, got None"):
        checked_form(None)
