"""Errors for people: one line that fits a screen, whatever the file held that they quote."""

from dfe_lib.errors import UserError


def test_a_message_is_one_line() -> None:
    assert str(UserError("take.csv: 'a\nb'\r\nis no name")) == "take.csv: 'a b' is no name"


def test_a_long_quotation_leaves_the_beginning_and_what_to_do() -> None:
    said = str(UserError(f"take.csv: {'7' * 9000} is no time: take that row out."))
    assert (
        len(said) == 1000 and said.startswith("take.csv: 777") and said.endswith("777 is no time: take that row out.")
    )
