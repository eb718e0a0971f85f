"""`make update` merges a later state of the origin into a platform with changes of its own."""

from pathlib import Path

import pytest

from .platforms import OFFSET, Repository, create

# A platform is created seven times.
pytestmark = pytest.mark.timeout(1400)
HEALTH = "kit/{}_kit/health.py"


def test_an_update_keeps_local_changes_and_brings_those_of_the_origin(
    repository: Repository, tmp_path: Path
) -> None:
    platform = create(repository, tmp_path / "zebra", {"display_name": "Zebra"})
    health = HEALTH.format("zebra")
    # The team's changes: a new service, a changed module of the kit, a changed README.
    platform.make("service", "NAME=reviews")
    platform.edit(health, "Check whether the process is alive", "Check whether Zebra is alive")
    platform.edit("README.md", "\n## Next\n", "\n## Who we are\n\nThe zebras.\n\n## Next\n")
    platform.commit()

    # The origin's changes: in the same module, in the description of an API, a new file, and a file that goes.
    repository.edit(HEALTH.format("cathouse"), '"""Probes.', '"""All probes.')
    router = "services/auth/cathouse_auth/routers/keys.py"
    repository.edit(router, "Public keys of access tokens", "All public keys of access tokens")
    repository.edit("README.md", "## Services\n", "## Services of Cat House\n")
    (repository.folder / "docs/record.py").unlink()
    (repository.folder / "kit/cathouse_kit/later.py").write_text(
        '"""Added to Cat House later."""\n'
    )
    later = repository.commit()

    (platform.folder / "notes.txt").write_text("not committed")
    said = platform.make("update", status=2)
    assert "notes.txt: commit or stash them\n" in said
    (platform.folder / "notes.txt").unlink()

    assert "The update is merged." in platform.make("update")
    assert platform.git("diff", "--name-only", "--diff-filter=U") == ""
    text = (platform.folder / health).read_text()
    assert "Check whether Zebra is alive" in text
    assert '"""All probes.' in text
    readme = (platform.folder / "README.md").read_text()
    assert "## Services of Zebra\n" in readme
    assert "The zebras." in readme
    assert "[reviews](services/reviews/README.md)" in readme
    assert (
        platform.folder / "kit/zebra_kit/later.py"
    ).read_text() == '"""Added to Zebra later."""\n'
    assert not (platform.folder / "docs/record.py").exists()
    assert "All public keys" in (platform.folder / "docs/openapi/auth.json").read_text()
    assert f'_commit: "{later[:7]}' in (platform.folder / ".copier-answers.yml").read_text()
    platform.commit()
    assert len(platform.mentions_of_the_origin()) == 1
    platform.make("check")
    assert platform.git("status", "--porcelain") == ""
    with platform.up() as seconds:
        print(f"after the update, make up took {seconds:.0f} s")
        assert "reviews" in platform.make("status", f"PORT_OFFSET={OFFSET}")

    # Both change the same line: a conflict as git shows it, and no other file has one.
    platform.edit("CONTRIBUTING.md", "# Contributing\n", "# Contributing to the zebras\n")
    platform.commit()
    repository.edit("CONTRIBUTING.md", "# Contributing\n", "# How to contribute\n")
    repository.commit()
    said = platform.make("update", status=2)
    assert "\nCONTRIBUTING.md\n" in f"\n{said}"
    assert platform.git("diff", "--name-only", "--diff-filter=U") == "CONTRIBUTING.md\n"
    conflict = (platform.folder / "CONTRIBUTING.md").read_text()
    assert (
        "<<<<<<< before updating\n# Contributing to the zebras\n=======\n# How to contribute\n"
        in conflict
    )
