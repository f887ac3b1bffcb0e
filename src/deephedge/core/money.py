"""Names of currencies and of their pairs."""

CODE = 3  # letters of a currency


def halves(pair: str) -> tuple[str, str]:
    """The foreign currency of a pair, and the one it is priced in.

    >>> halves("EURUSD")
    ('EUR', 'USD')
    """
    return pair[:CODE], pair[CODE:]


def is_pair(name: str) -> bool:
    """Whether these are two different codes of three letters.

    >>> is_pair("EURUSD"), is_pair("SPX")
    (True, False)
    """
    first, second = halves(name)
    return len(first) == len(second) == CODE and first != second
