"""Rendering of regions and files in a small repository."""

from pathlib import Path

import pytest
from cathouse_kit.registry import Service
from cathouse_scaffold.errors import ScaffoldError
from cathouse_scaffold.rendering import NOTICE, Rendering


def service(name: str, **values: object) -> Service:
    given = {
        "description": "Things",
        "package": f"cathouse_{name}",
        "port": 8001,
        "prefix": f"/api/v1/{name}",
        "schema": name,
        "extensions": (),
        "calls": (),
    }
    return Service(name=name, **{**given, **values})  # type: ignore[arg-type]


SERVICES = (service("toys"), service("food", port=8002))


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    write(
        tmp_path / "ports.txt",
        "before\n# services.toml: begin ports\nold\n# services.toml: end ports\nafter\n",
    )
    template(
        tmp_path,
        "regions/ports.txt/ports.j2",
        "{% for s in services %}\n{{ s.name }} {{ s.port }}\n{% endfor %}\n",
    )
    return tmp_path


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def template(root: Path, name: str, text: str) -> None:
    write(root / "tools/scaffold/rendered" / name, text)


def rendered(root: Path) -> dict[str, str | None]:
    return {str(path): text for path, text in Rendering(root, SERVICES).texts().items()}


def test_a_region_is_rendered_and_the_rest_stays(repository: Path) -> None:
    text = rendered(repository)["ports.txt"]
    assert text is not None
    assert text.split("\n") == [
        "before",
        "# services.toml: begin ports",
        "toys 8001",
        "food 8002",
        "# services.toml: end ports",
        "after",
        "",
    ]


def test_a_current_file_is_not_stale(repository: Path) -> None:
    rendering = Rendering(repository, SERVICES)
    stale = rendering.stale()
    assert list(stale) == [Path("ports.txt")]
    for path, text in stale.items():
        (repository / path).write_text(text or "")
    assert rendering.stale() == {}


def test_a_region_in_markdown_has_html_comments_and_can_have_arguments(repository: Path) -> None:
    write(
        repository / "README.md",
        "  <!-- services.toml: begin tags tag=1.2 of=cat -->\n<!-- services.toml: end tags -->\n",
    )
    template(repository, "regions/README.md/tags.j2", "{{ of }}:{{ tag }}\n")
    assert rendered(repository)["README.md"] == (
        "  <!-- services.toml: begin tags tag=1.2 of=cat -->\ncat:1.2\n<!-- services.toml: end tags -->\n"
    )


def test_a_file_of_a_service_is_removed_with_the_service(repository: Path) -> None:
    template(
        repository, "files/deploy/{service}.yaml.j2", f"# {NOTICE}\nname: {{{{ service.name }}}}\n"
    )
    write(repository / "deploy/gone.yaml", f"# {NOTICE}\nname: gone\n")
    write(repository / "deploy/mine.yaml", "name: mine\n")
    texts = rendered(repository)
    assert texts["deploy/food.yaml"] == f"# {NOTICE}\nname: food\n"
    assert texts["deploy/gone.yaml"] is None
    assert "deploy/mine.yaml" not in texts


def test_a_region_for_each_service_can_use_the_description_of_its_code(
    repository: Path,
) -> None:
    for name in ("toys", "food"):
        write(
            repository / "services" / name / "README.md",
            "# services.toml: begin routes\n# services.toml: end routes\n",
        )
    template(
        repository,
        "regions/services/{service}/README.md/routes.j2",
        "{{ service.name }}: {{ described(service).routes }}\n",
    )
    calls = []

    def describe() -> dict[str, dict[str, int]]:
        calls.append("once")
        return {"toys": {"routes": 3}, "food": {"routes": 4}}

    texts = Rendering(repository, SERVICES, describe).texts()
    for path, line in {"toys": "toys: 3", "food": "food: 4"}.items():
        text = texts[Path("services") / path / "README.md"]
        assert text is not None
        assert text.splitlines()[1] == line
    assert calls == ["once"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nothing here\n", "the comment `services.toml: begin ports` is missing"),
        ("# services.toml: begin ports\n", "the markers of the region ports do not match"),
        ("# services.toml: end ports\n", "the markers of the region ports do not match"),
        ("# services.toml: begin ports\n# services.toml: begin more\n# services.toml: end more\n", "another region"),
        ("# services.toml: begin ports\n# services.toml: end ports\n" * 2, "occurs twice"),
        ("# services.toml: begin more\n# services.toml: end more\n", "has no template"),
    ],
)  # fmt: skip
def test_wrong_markers_are_named_with_their_file(repository: Path, text: str, said: str) -> None:
    write(repository / "ports.txt", text)
    with pytest.raises(ScaffoldError) as refused:
        rendered(repository)
    assert str(refused.value).startswith("ports.txt: ")
    assert said in str(refused.value)
