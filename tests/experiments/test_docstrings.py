"""Tests of what docstrings say about classes and their attributes."""

from recon.experiments.docstrings import attribute_texts, description


class Base:
    """Solve a problem.

    It takes several paragraphs to explain.

    Attributes
    ----------
    weight, scale
        Positive numbers;
        one line is not enough.
    iterations
        Number of iterations.
    """


class Derived(Base):
    """Solve the same problem otherwise.

    Attributes
    ----------
    iterations
        Number of outer iterations.
    weight
    """


class Undocumented(Derived): ...


def test_a_description_ends_before_the_attributes() -> None:
    assert description(Base) == "Solve a problem.\n\nIt takes several paragraphs to explain."
    assert description(Undocumented) == ""


def test_attributes_that_are_explained_together_have_the_same_text() -> None:
    texts = attribute_texts(Base)
    assert texts["weight"] == texts["scale"] == "Positive numbers; one line is not enough."


def test_a_class_adds_to_what_its_bases_explain_and_replaces_it() -> None:
    assert attribute_texts(Derived) == attribute_texts(Base) | {"iterations": "Number of outer iterations."}
    assert attribute_texts(Undocumented) == attribute_texts(Derived)
    assert attribute_texts(int) == {}
