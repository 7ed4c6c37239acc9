"""A naive evaluator of Chroma's filter dialect (section 8), and random filters and records for it.

It knows what the contract says and nothing of how Lacuna judges: numbers are compared as fractions, documents with Python's `in`
and `re`."""

import fractions
import re

WORDS = ["red", "green", "blue", "", "Red", "1"]
NUMBERS = [0, 1, 2, -3, 1.0, 1.5, 2.5, -0.0, 2**53, 2**53 + 1, float(2**53)]
KEYS = ["a", "b", "tags"]
TEXTS = ["red and green", "Blue", "1.5 miles", "line\nbreak", "ünïcode", "a.b"]
PATTERNS = ["red", "Blue", "e", ".", "ü", "\n", "B", " and "]
REGEXES = ["^red", "(?i)blue$", "[0-9]+\\.[0-9]", ".*", "gr..n", "a.b$"]


def kind(value):
    """string, bool or number: kinds never equal each other."""
    return "bool" if isinstance(value, bool) else "string" if isinstance(value, str) else "number"


def equal(one, other) -> bool:
    if kind(one) != kind(other):
        return False
    if kind(one) == "number":
        return fractions.Fraction(one) == fractions.Fraction(other)
    return one == other


def scalar(value) -> bool:
    return not isinstance(value, list)


def field_holds(value, test) -> bool:
    """A record's value (None: it hasn't the key) under a field's test."""
    operator, operand = next(iter(test.items())) if isinstance(test, dict) else ("$eq", test)
    there = value is not None
    match operator:
        case "$eq":
            return there and scalar(value) and equal(value, operand)
        case "$in":
            return there and scalar(value) and any(equal(value, one) for one in operand)
        case "$contains":
            return there and not scalar(value) and any(type(one) is type(operand) and one == operand for one in value)
        case "$ne" | "$nin" | "$not_contains":
            return not field_holds(value, {{"$ne": "$eq", "$nin": "$in", "$not_contains": "$contains"}[operator]: operand})
    if not there or not scalar(value) or kind(value) != "number":
        return False
    left, right = fractions.Fraction(value), fractions.Fraction(operand)
    return {"$gt": left > right, "$gte": left >= right, "$lt": left < right, "$lte": left <= right}[operator]


def document_holds(document, test) -> bool:
    operator, operand = next(iter(test.items()))
    match operator:
        case "$and":
            return all(document_holds(document, part) for part in operand)
        case "$or":
            return any(document_holds(document, part) for part in operand)
        case "$contains":
            return document is not None and operand in document
        case "$regex":
            return document is not None and re.search(operand, document) is not None
    return not document_holds(document, {{"$not_contains": "$contains", "$not_regex": "$regex"}[operator]: operand})


def holds(metadata, document, where) -> bool:
    key, test = next(iter(where.items()))
    match key:
        case "$and":
            return all(holds(metadata, document, part) for part in test)
        case "$or":
            return any(holds(metadata, document, part) for part in test)
        case "#document":
            return document_holds(document, test)
    return field_holds((metadata or {}).get(key), test)


def random_scalar(random):
    return random.choice([random.choice(WORDS), random.choice(NUMBERS), random.random() < 0.5])


def random_list(random, numbers):
    """A list of one kind; of numbers all integers, or all floats, as the clients send them."""
    pool = random.choice([WORDS, numbers, [True, False]])
    some = [random.choice(pool) for _ in range(random.randint(1, 3))]
    if pool is numbers and any(isinstance(one, float) for one in some):
        some = [float(one) for one in some]
    return some


def random_record(random):
    """(metadata or None, document or None)."""
    metadata = {}
    for key in KEYS:
        match random.randint(0, 3):
            case 0:
                metadata[key] = random_scalar(random)
            case 1:
                metadata[key] = random_list(random, NUMBERS)
            case 2:
                metadata[key] = random.choice(NUMBERS)
    return metadata or None, random.choice([*TEXTS, None])


def random_field(random):
    operator = random.choice(["", "$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin", "$contains", "$not_contains"])
    match operator:
        case "":
            return random_scalar(random)
        case "$in" | "$nin":
            return {operator: random_list(random, NUMBERS)}
        case "$gt" | "$gte" | "$lt" | "$lte":
            return {operator: random.choice(NUMBERS)}
    return {operator: random_scalar(random)}


def random_document_leaf(random):
    if random.random() < 0.6:
        return {random.choice(["$contains", "$not_contains"]): random.choice(PATTERNS)}
    return {random.choice(["$regex", "$not_regex"]): random.choice(REGEXES)}


def random_where(random, depth=2):
    if depth and random.random() < 0.4:
        return {random.choice(["$and", "$or"]): [random_where(random, depth - 1) for _ in range(random.randint(1, 3))]}
    if random.random() < 0.2:
        return {"#document": random_document_leaf(random)}
    return {random.choice([*KEYS, "missing"]): random_field(random)}


def random_where_document(random, depth=2):
    if depth and random.random() < 0.4:
        return {random.choice(["$and", "$or"]): [random_where_document(random, depth - 1) for _ in range(random.randint(1, 3))]}
    return random_document_leaf(random)
