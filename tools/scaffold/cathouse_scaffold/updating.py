"""`make update`: merge a later state of the origin into a platform that copier has created."""

from collections.abc import Iterator
from pathlib import Path

from cathouse_scaffold.errors import ScaffoldError
from cathouse_scaffold.platforms.choices import FILE
from cathouse_scaffold.platforms.creation import generate_files
from cathouse_scaffold.programs import run

_TEMPLATES = Path("tools/scaffold/rendered/files")


def update(root: Path, version: str | None) -> list[str]:
    """Merge the newest commit of the origin, or the given version, and return the files with conflicts.

    A conflict in a generated file is none: the file is generated again. Raises `ScaffoldError`, before anything is
    written, if the platform has no origin or has changes that are not committed.
    """
    if not (root / FILE).exists():
        raise ScaffoldError(
            f"this platform has no {FILE}, so its origin is unknown: only `copier copy` writes that file"
            " (docs/how-to/make-it-yours.md)"
        )
    if changed := run(["git", "status", "--porcelain"], root).splitlines():
        raise ScaffoldError(
            f"{len(changed)} files have changes that are not committed, such as {changed[0][3:]}: commit or stash them"
        )
    # Imported here because it is slow to import, and only this function needs it.
    import copier
    from copier.errors import CopierError

    try:
        copier.run_update(
            root, defaults=True, overwrite=True, unsafe=True, quiet=True, vcs_ref=version or "HEAD"
        )
    except CopierError as error:
        raise ScaffoldError(f"the update failed: {error}") from error
    generated = sorted(set(_generated(root)) & set(_conflicts(root)))
    if generated:
        run(["git", "checkout", "--theirs", "--", *generated], root)
        run(["git", "add", "--", *generated], root)
    conflicts = _conflicts(root)
    if not conflicts:
        generate_files(root)
    return conflicts


def _conflicts(root: Path) -> list[str]:
    names = run(["git", "diff", "--name-only", "--diff-filter=U", "-z"], root)
    return [name for name in names.split("\0") if name]


def _generated(root: Path) -> Iterator[str]:
    """Yield the files that are generated as a whole."""
    for template in (root / _TEMPLATES).rglob("*.j2"):
        pattern = str(template.relative_to(root / _TEMPLATES).with_suffix(""))
        for path in root.glob(pattern.replace("{service}", "*")):
            yield str(path.relative_to(root))
    for path in root.glob("docs/openapi/*.json"):
        yield str(path.relative_to(root))
