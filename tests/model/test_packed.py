"""Packed rows behave as a dictionary does."""

from hypothesis import given
from hypothesis import strategies as st

from tcptrace_py.model.packed import KEY, Numbered, PackedRows

KEYS = st.lists(st.integers(0, 400), max_size=600)


@given(KEYS, st.sampled_from((1, 3, 9)))
def test_as_a_dictionary(numbers: list[int], key_words: int) -> None:
    packed, expected = PackedRows(key_words, 2), dict[bytes, int]()
    for number in numbers:
        key = number.to_bytes(4) * key_words
        row = packed.find(key)
        assert row == (-1 if key not in expected else list(expected).index(key))
        if row < 0:
            row = packed.place(key)
            expected[key] = 0
        assert packed.place(key) == row
        packed.rows[row * packed.row_words + KEY + key_words] += 1
        expected[key] += 1
    assert packed.count == len(expected)
    found = {packed.key(row): packed.rows[row * packed.row_words + KEY + key_words] for row in range(packed.count)}
    assert found == expected
    assert list(found) == list(expected)


def test_many() -> None:
    packed = PackedRows(1, 0)
    for number in range(5000):
        assert packed.place(number.to_bytes(4)) == number
    assert [packed.find(number.to_bytes(4)) for number in range(5001)] == [*range(5000), -1]


@given(st.lists(st.tuples(st.integers(0, 40), st.booleans()), max_size=300))
def test_numbers_in_the_order_of_the_keys(picked: list[tuple[int, bool]]) -> None:
    names, expected = Numbered(2, 5), dict[bytes, int]()
    for number, is_long in picked:
        key = number.to_bytes(20 if is_long else 8, "big")
        assert names.find(key) == expected.get(key, -1)
        assert names.number(key) == expected.setdefault(key, len(expected))
    assert [names.key(number) for number in range(names.count)] == list(expected)
    for key, number in expected.items():
        words = [names.leading(number, word) for word in range(len(key) // 4)]
        assert b"".join(word.to_bytes(4, "big") for word in words) == key
