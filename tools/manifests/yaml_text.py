"""YAML that people can read: keys in the order given, lists indented, long text unbroken."""

from collections.abc import Hashable, Iterable

import yaml

from tools.documents import Document


class _Dumper(yaml.SafeDumper):
    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        del indentless  # lists stand a step further in than the key that holds them
        super().increase_indent(flow, indentless=False)

    def ignore_aliases(self, data: object) -> bool:
        del data  # what is the same in two places is written out in both
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def dump(document: object) -> str:
    """Return one document as YAML."""
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=1000, allow_unicode=True)


def dump_all(head: str, documents: Iterable[object]) -> str:
    """Return several documents as one file, below a comment."""
    return head + "".join(f"---\n{dump(each)}" for each in documents)


class _StrictLoader(yaml.CSafeLoader):
    """Refuses what other loaders pass over in silence: the same key twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, object]:
        keys = [key.value for key, _ in node.value]
        repeated = {key for key in keys if keys.count(key) > 1}
        if repeated:
            raise RepeatedKeyError(f"{', '.join(sorted(repeated))} stands twice: {node.start_mark}")
        return super().construct_mapping(node, deep)


class RepeatedKeyError(Exception):
    """A mapping has the same key twice, of which most loaders keep the last one without a word."""


def load_all(text: str) -> list[Document]:
    """Return the documents of a file, refusing repeated keys."""
    return [each for each in yaml.load_all(text, Loader=_StrictLoader) if each is not None]


def load(text: str) -> Document:
    """Return the only document of a file, refusing repeated keys."""
    [document] = load_all(text)
    return document
