"""How many there are of something, or which share, as a sentence says it."""


def amount(count: int, one: str, many: str) -> str:
    """Write a number with the words that follow it, which may hold the verb too.

    Example:
        >>> [amount(n, "picture is", "pictures are") for n in (0, 1, 2)]
        ['0 pictures are', '1 picture is', '2 pictures are']
    """
    return f"{count} {one if count == 1 else many}"


def whole_percent(share: float) -> str:
    """Write a share as whole percent; nothing but all is 100 and nothing but none is 0.

    Example:
        >>> [whole_percent(share) for share in (0.0, 0.004, 0.5, 0.996, 1.0)]
        ['0', '<1', '50', '>99', '100']
    """
    percent = round(100 * share)
    if percent == 0 and share > 0:
        return "<1"
    return ">99" if percent == 100 and share < 1 else str(percent)  # noqa: PLR2004 - percent
