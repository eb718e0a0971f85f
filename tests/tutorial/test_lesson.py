"""A page that does not work as written fails: unknown blocks, changes that do not fit, other outputs."""

from pathlib import Path

import pytest

from .lesson import Change, Command, Create, LessonError, check_output, read_steps

PAGE = """# Lesson

## Begin

```console
$ make up
...
ready
$ make status
^C
```

Create `a/b.py`:

```python
x = 1
```

It has a number. Change `a/b.py`:

```diff
-x = 1
+x = 2
```
"""


def test_a_page_is_read_into_commands_and_files() -> None:
    assert list(read_steps(PAGE)) == [
        Command("Begin", 6, "make up", ("...", "ready")),
        Command("Begin", 9, "make status", ()),
        Command("Begin", 10, "^C", ()),
        Create("Begin", 15, Path("a/b.py"), "x = 1\n"),
        Change("Begin", 21, Path("a/b.py"), (("x = 1\n", "x = 2\n"),)),
    ]


@pytest.mark.parametrize(
    "page",
    ["```python\nx = 1\n```\n", "```console\nready\n```\n", "Change `a`:\n\n```diff\nx\n```\n"],
)
def test_a_block_that_is_no_step_is_an_error(page: str) -> None:
    with pytest.raises(LessonError, match=r"line \d"):
        list(read_steps(page))


def test_a_change_needs_its_lines_once(tmp_path: Path) -> None:
    *_, create, change = read_steps(PAGE)
    assert isinstance(create, Create)
    assert isinstance(change, Change)
    create.apply(tmp_path)
    change.apply(tmp_path)
    assert (tmp_path / "a/b.py").read_text() == "x = 2\n"
    with pytest.raises(LessonError, match="0 times"):
        change.apply(tmp_path)
    with pytest.raises(LessonError, match="exists already"):
        create.apply(tmp_path)


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ((), "anything\n"),
        (("one  two",), "one     two\n"),
        ((" D one",), " D one\n"),
        (("in … s.",), "in 1.5 s.\n"),
        (("...", "last"), "first\nsecond\nlast\n"),
        (("first", "..."), "first\nlast\n"),
    ],
)
def test_an_output_may_leave_parts_out(shown: tuple[str, ...], printed: str) -> None:
    check_output(shown, printed)


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        (("one",), "one\ntwo\n"),
        (("one", "two"), "one\n"),
        (("...", "last"), "last\nmore\n"),
        (("a.c",), "abc\n"),
    ],
)
def test_another_output_is_an_error(shown: tuple[str, ...], printed: str) -> None:
    with pytest.raises(LessonError, match="The page shows"):
        check_output(shown, printed)
