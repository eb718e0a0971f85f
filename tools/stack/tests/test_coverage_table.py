from cathouse_stack.coverage_table import table


def file(covered: int, lines: int) -> dict[str, dict[str, int]]:
    return {"summary": {"covered_lines": covered, "num_statements": lines}}


def test_each_package_has_a_figure_and_all_have_one() -> None:
    files = {
        "services/catalog/cathouse_catalog/main.py": file(3, 4),
        "services/catalog/cathouse_catalog/models/__init__.py": file(0, 0),
        "services/catalog/cathouse_catalog/models/cats.py": file(4, 4),
        "kit/cathouse_kit/logs.py": file(1, 2),
        "kit/cathouse_kit/__init__.py": file(0, 0),
    }
    assert [line.split() for line in table(files).splitlines()] == [
        ["kit", "2", "lines", "50.0%"],
        ["services/catalog", "8", "lines", "87.5%"],
        ["all", "10", "lines", "80.0%"],
    ]
