"""What a search finds, by plain recomputation from the contract."""

import math
import re


def cosine(one, other):
    length = math.sqrt(sum(x * x for x in one)) * math.sqrt(sum(x * x for x in other))
    return sum(x * y for x, y in zip(one, other, strict=True)) / length if length else 0.0


def as_text(value):
    """A metadata value as text, or None if it has none."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return value if isinstance(value, str) else None


def keeps(filters, item):
    """Do all `#key:value` and `#word` let the item through?"""
    for token in filters:
        if ":" in token:
            key, value = token.split(":", 1)
            if key not in item["metadata"] or as_text(item["metadata"][key]) != value:
                return False
        elif token.lower() not in re.findall(r"\w+", item.get("text", "").lower()):
            return False
    return True


def equals(wanted, metadata):
    """The body's `metadata`: each key equals its value, kinds apart."""
    def same(one, other):
        return isinstance(one, bool) == isinstance(other, bool) and one == other

    return all(key in metadata and same(metadata[key], value) for key, value in wanted.items())
