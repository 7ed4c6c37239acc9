"""Makes the sample from GNU miscfiles' text of the Constitution: `zcat us-constitution.gz | python3 make_sample.py`.

`amendments/` is its text, cut at the amendments' headings. `amendments.jsonl` is a graph made of it by looking for words, without a model:
an item for each amendment, with a node for itself, one for each of WORDS that stands in its text, an edge "mentions" to each of
these, and the edges to other amendments, which are listed by hand. Amendments that mention the same word share its node.
"""

import json
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
HEADING = re.compile(r"^Amendment ([IVX]+)$", re.M)
COLLECTION = "Entity_name"
# What is looked for, in this spelling; the type of its node.
WORDS = {
    "Congress": "Institution", "Senate": "Institution", "House of Representatives": "Institution", "legislature": "Institution",
    "President": "Office", "Vice President": "Office", "Senators": "Office", "Representatives": "Office",
    "Militia": "Subject", "jury": "Subject", "slavery": "Subject", "citizens": "Subject", "to vote": "Subject", "poll tax": "Subject",
    "taxes on incomes": "Subject", "intoxicating liquors": "Subject", "due process of law": "Subject", "rebellion": "Subject",
}
# "The eighteenth article of amendment … is hereby repealed", "… as provided by the twelfth article of amendment".
BETWEEN = {21: ("repeals", "Amendment XVIII"), 23: ("refers to", "Amendment XII")}


def records(name: str, number: int, text: str) -> list[dict]:
    words = " ".join(text.split()).replace("Vice-President", "Vice President")
    dates = re.search(r"Ratified (\w+ \d+, \d+)", words)
    node = {"id": name, "kind": "node", "type": "Amendment", "text": name, "metadata": {"number": number}}
    if dates:
        node["metadata"]["ratified"] = dates[1]
    found = [node]
    for word, kind in WORDS.items():
        if re.search(rf"\b{re.escape(word)}\b", words):
            found.append({"id": word, "kind": "node", "type": kind, "text": word})
            found.append(edge(name, "mentions", word))
    if number in BETWEEN:
        found.append(edge(name, *BETWEEN[number]))
    return [{"item": f"amendment-{number:02}", "collection": COLLECTION, **record} for record in found]


def edge(source: str, relationship: str, target: str) -> dict:
    identity = f"{source} {relationship} {target}"
    return {"id": identity, "kind": "edge", "source": source, "target": target, "relationship": relationship}


def main() -> None:
    _, *parts = HEADING.split(sys.stdin.read())
    (HERE / "amendments").mkdir(exist_ok=True)
    lines = []
    for number, (numeral, text) in enumerate(zip(parts[::2], parts[1::2]), 1):
        text = re.sub(r"^(Section \d)\n\n", r"\1\n", text.strip(), flags=re.M)
        (HERE / "amendments" / f"amendment-{number:02}.txt").write_text(f"{text}\n")
        lines += records(f"Amendment {numeral}", number, text)
    (HERE / "amendments.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))


if __name__ == "__main__":
    main()
