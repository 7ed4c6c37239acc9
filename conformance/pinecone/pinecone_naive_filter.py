"""The dialect as its contract's table reads (section 7), one record after the other."""


def kind(value) -> str:
    if isinstance(value, bool):
        return "bool"
    return "number" if isinstance(value, int | float) else "string"


def equal(one, other) -> bool:
    return kind(one) == kind(other) and one == other


def equals_any(value, wanted: list) -> bool:
    """A scalar equals one of them, or some element of a list does."""
    values = value if isinstance(value, list) else [value]
    return any(equal(one, other) for one in values for other in wanted)


ORDERS = {"$gt": lambda a, b: a > b, "$gte": lambda a, b: a >= b, "$lt": lambda a, b: a < b, "$lte": lambda a, b: a <= b}


def holds(operator: str, operand, metadata: dict, field: str) -> bool:
    there, value = field in metadata, metadata.get(field)
    match operator:
        case "$exists":
            return there == operand
        case "$eq":
            return there and equals_any(value, [operand])
        case "$ne":
            return not (there and equals_any(value, [operand]))
        case "$in":
            return there and equals_any(value, operand)
        case "$nin":
            return not (there and equals_any(value, operand))
        case _:
            return there and not isinstance(value, list) and kind(value) == "number" and ORDERS[operator](value, operand)


def matches(filter: dict, metadata: dict) -> bool:
    """Whether a record with this metadata matches."""
    for field, condition in filter.items():
        if field == "$and":
            found = all(matches(one, metadata) for one in condition)
        elif field == "$or":
            found = any(matches(one, metadata) for one in condition)
        elif isinstance(condition, dict):
            found = all(holds(operator, operand, metadata, field) for operator, operand in condition.items())
        else:
            found = holds("$eq", condition, metadata, field)
        if not found:
            return False
    return True
