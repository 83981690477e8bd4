"""How many there are of something, as a sentence says it."""


def amount(count: int, one: str, many: str) -> str:
    """Write a number with the words that follow it, which may hold the verb too.

    Example:
        >>> [amount(n, "picture is", "pictures are") for n in (0, 1, 2)]
        ['0 pictures are', '1 picture is', '2 pictures are']
    """
    return f"{count} {one if count == 1 else many}"
